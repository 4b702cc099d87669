// Group states over the people of people.ts.
import {
  type GroupState,
  type SeenGroupState,
  signGroupState,
} from '../../lib/envelope/group-state.ts'
import { type Bytes, compare, equal } from '../../lib/util/bytes.ts'
import { type Person, T0 } from './people.ts'

export const CONV: Buffer = Buffer.alloc(16, 0xc0)

/** In their order; admins first given. */
export function members(
  admins: readonly { readonly acct: Bytes }[],
  others: readonly { readonly acct: Bytes }[] = [],
): GroupState['mem'] {
  return [
    ...admins.map(({ acct }) => ({ acct, admin: true })),
    ...others.map(({ acct }) => ({ acct, admin: false })),
  ].sort((p, q) => compare(p.acct, q.acct))
}

export function firstState(by: Person, others: readonly Person[] = []): GroupState {
  return {
    ...{ conv: CONV, n: 1, prev: Buffer.alloc(32), name: 'weekend', topic: '', ts: T0 },
    mem: members([by], others),
    by: { acct: by.acct, dev: by.dev },
  }
}

export function sign(by: Person, state: GroupState): Promise<SeenGroupState> {
  return signGroupState(by.dsk, { ...state, by: { acct: by.acct, dev: by.dev } })
}

/** The next state, signed by somebody. */
export function next(
  by: Person,
  before: SeenGroupState,
  change: Partial<GroupState> = {},
): Promise<SeenGroupState> {
  const { state, h } = before
  return sign(by, { ...state, n: state.n + 1, prev: h, ts: state.ts + 1, ...change })
}

export function without(state: GroupState, who: { readonly acct: Bytes }): GroupState['mem'] {
  return state.mem.filter(({ acct }) => !equal(acct, who.acct))
}
