// What members say of own messages: they have it, they have read it (PROTOCOL 8, 9.1).
import type { PayloadOf } from '../../protocol/payloads.ts'
import { type Bytes, hex } from '../../util/bytes.ts'
import type { Emit } from '../emitter.ts'
import type { MessageLog } from '../messages/message-log.ts'
import { type Reached, withReached } from '../messages/reached.ts'
import type { MessageRow } from '../messages/row.ts'
import type { Names } from '../messages/view.ts'
import { nobodyYet } from './audience.ts'
import type { GroupTable } from './group-table.ts'

export interface GroupReceiptDeps {
  readonly me: Bytes
  readonly groups: GroupTable
  readonly messages: MessageLog
  readonly names: Names
  readonly emit: Emit
  /** See dispatch.ts. */
  readonly tellsReads: () => boolean
}

export class GroupReceipts {
  readonly #deps: GroupReceiptDeps

  constructor(deps: GroupReceiptDeps) {
    this.#deps = deps
  }

  /** This member has these messages of ours. */
  async heard(conv: string, acct: Bytes, { y, m }: PayloadOf<'rcpt'>): Promise<void> {
    if (y !== 'dlv' && y !== 'read') return
    const { messages, emit, names, tellsReads } = this.#deps
    const how = y === 'read' && tellsReads() ? 2 : 1
    const changed = await Promise.all(
      m.map((mid) =>
        messages.update(hex(mid), (row) =>
          row.own && row.conv === conv ? this.#with(row, [acct, how]) : null,
        ),
      ),
    )
    for (const row of changed) {
      if (row?.state === undefined || row.aside !== undefined) continue
      const { number, key, state } = row
      emit({ type: 'message-state', number, mid: key, chat: names.chat(conv), state })
    }
  }

  /** Where it is not known yet for whom it was, it was for those who are members now: one answer is not that of all. */
  #with(row: MessageRow, answer: Reached[number]): MessageRow | null {
    const { me, groups } = this.#deps
    const state = groups.get(row.conv)?.state
    const before = row.reached ?? (state === undefined ? undefined : nobodyYet(state, me))
    return before === undefined ? null : withReached(row, [...before, answer])
  }
}
