// A state of a group as a message: the payload that carries it, the same whoever sends it, and the line in the conversation,
// which belongs to whom made it (PROTOCOL 8).
import type { SeenGroupState } from '../../envelope/group-state.ts'
import { messageId } from '../../identity/conversation.ts'
import { encodePayload, type PayloadOf } from '../../protocol/payloads.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import type { MessageRow } from '../messages/row.ts'
import { encodeSteps, type Step } from './steps.ts'

export function payloadOf({ state, h, signed }: SeenGroupState): PayloadOf<'group'> {
  return { k: 'group', id: h.subarray(0, 16), ts: state.ts, ...signed }
}

/** A state that changes nothing is kept beside the lines: other devices of ours need it, nobody else. */
export function rowOfState(
  seen: SeenGroupState,
  steps: readonly Step[],
  { me, at, withheld }: { readonly me: Bytes; readonly at: number; readonly withheld: boolean },
): Omit<MessageRow, 'number'> {
  const { state } = seen
  const payload = payloadOf(seen)
  return {
    key: hex(messageId(state.conv, state.by.acct, payload.id)),
    conv: hex(state.conv),
    acct: state.by.acct,
    dev: state.by.dev,
    ts: state.ts,
    at,
    payload: encodePayload(payload),
    own: equal(state.by.acct, me),
    resent: false,
    steps: encodeSteps(steps),
    ...(steps.length === 0 ? { aside: 'change' } : {}),
    ...(withheld ? { withheld: true } : {}),
  }
}
