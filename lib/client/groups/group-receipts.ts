// How far own messages got with each member of a group (PROTOCOL 8, 9.1): delivered with the first receipt, read when
// everybody says so.
import type { PayloadOf } from '../../protocol/payloads.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import type { Emit } from '../emitter.ts'
import type { MessageState } from '../events.ts'
import type { MessageLog } from '../messages/log.ts'
import { advances, type MessageRow } from '../messages/row.ts'
import type { Names } from '../messages/view.ts'

export type Reached = NonNullable<MessageRow['reached']>

export interface GroupReceiptDeps {
  readonly messages: MessageLog
  readonly names: Names
  readonly emit: Emit
}

export class GroupReceipts {
  readonly #deps: GroupReceiptDeps

  constructor(deps: GroupReceiptDeps) {
    this.#deps = deps
  }

  /** This member has these messages of ours. */
  async heard(conv: string, acct: Bytes, { y, m }: PayloadOf<'rcpt'>): Promise<void> {
    if (y !== 'dlv' && y !== 'read') return
    const { messages, emit, names } = this.#deps
    const reached: Reached = [[acct, y === 'dlv' ? 1 : 2]]
    const changed = await Promise.all(
      m.map((mid) =>
        messages.update(hex(mid), (row) =>
          row.own && row.conv === conv ? withReached(row, reached) : null,
        ),
      ),
    )
    for (const row of changed) {
      if (row?.state === undefined || row.aside !== undefined) continue
      const { number, key, state } = row
      emit({ type: 'message-state', number, mid: key, chat: names.chat(conv), state })
    }
  }
}

/** The row with what is known of these members; null when that is nothing new. */
export function withReached(row: MessageRow, more: Reached): MessageRow | null {
  const before = row.reached ?? []
  const reached = mergedReached(before, more)
  const state = stateOf(reached)
  const isAhead = state !== null && advances(row.state, state)
  const isSame =
    reached.length === before.length && reached.every(([, how], i) => how === before[i]?.[1])
  if (isSame && !isAhead) return null
  return { ...row, reached, ...(isAhead ? { state } : {}) }
}

/** Of each member the furthest; in the order in which they came. */
export function mergedReached(one: Reached, other: Reached): Reached {
  const merged = [...one]
  for (const [acct, how] of other) {
    const at = merged.findIndex(([each]) => equal(each, acct))
    const before = merged[at]
    if (before === undefined) merged.push([acct, how])
    else if (how > before[1]) merged[at] = [acct, how]
  }
  return merged
}

function stateOf(reached: Reached): MessageState | null {
  if (reached.length > 0 && reached.every(([, how]) => how === 2)) return 'read'
  return reached.some(([, how]) => how > 0) ? 'delivered' : null
}
