// For whom a message in a group is: the other members of the state that its stream rests on, and those among them whom it was
// not sent to (PROTOCOL 6.5 rule 3, 8, 9.1). Pure.
import type { GroupState } from '../../envelope/group-state.ts'
import { LIMITS } from '../../protocol/limits.ts'
import { type Bytes, equal } from '../../util/bytes.ts'
import type { Reached } from '../messages/reached.ts'

function othersIn({ mem }: GroupState, author: Bytes): Bytes[] {
  return mem.map(({ acct }) => acct).filter((acct) => !equal(acct, author))
}

/** Nobody has told yet that it arrived. Undefined where nobody ever does: in a large group. */
export function nobodyYet(state: GroupState, author: Bytes): Reached | undefined {
  const others = othersIn(state, author)
  if (others.length === 0 || state.mem.length > LIMITS.receiptMembers) return undefined
  return others.map((acct) => [acct, 0] as const)
}

/** Undefined: it went to everybody. `to`: the accounts of the stream. */
export function absentIn(
  state: GroupState,
  author: Bytes,
  to: readonly Bytes[],
): readonly Bytes[] | undefined {
  const absent = othersIn(state, author).filter((acct) => !to.some((each) => equal(each, acct)))
  return absent.length === 0 ? undefined : absent
}
