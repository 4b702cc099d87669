// The life of own messages as the user sees it (PROTOCOL 9.1): stored with the row, told in order.
import { isContentKind } from '../../protocol/payloads.ts'
import { codeOf, type ErrorCode } from '../../util/errors.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Emit } from '../emitter.ts'
import type { MessageState } from '../events.ts'
import type { MessageLog } from '../messages/message-log.ts'
import { advances, type MessageRow } from '../messages/row.ts'
import { started } from '../messages/timing.ts'
import type { Names } from '../messages/view.ts'
import { withReached } from '../messages/reached.ts'
import { absentIn, nobodyYet } from '../groups/audience.ts'
import type { GroupTable } from '../groups/group-table.ts'
import type { GroupState } from '../../envelope/group-state.ts'
import type { Bytes } from '../../util/bytes.ts'
import type { OutItem } from '../outbox/item.ts'
import { without } from '../without.ts'

export interface MessageStateDeps {
  readonly messages: MessageLog
  readonly names: Names
  readonly groups: GroupTable
  readonly acct: Bytes
  readonly emit: Emit
  readonly clock: Clock
  readonly log: Log
  readonly broken: (error: unknown) => void
}

export class MessageStates {
  readonly #deps: MessageStateDeps
  /** Numbers of own messages that are not accepted. */
  readonly #numbers = new Map<string, number>()
  #stopped = false

  constructor(deps: MessageStateDeps) {
    this.#deps = deps
  }

  /** The row of a message that is queued now. */
  queued(row: MessageRow): void {
    this.#numbers.set(row.key, row.number)
  }

  changed(item: OutItem, state: MessageState, code?: ErrorCode, reason?: string): void {
    if (!isContentKind(item.kind) && item.kind !== 'req') return
    const number = this.#numbers.get(item.mid)
    if (state === 'sent') {
      // in memory only: after a crash it is queued again
      if (number !== undefined) this.#tell(item, number, state)
      return
    }
    if (state === 'accepted' || state === 'failed') this.#numbers.delete(item.mid)
    let before: MessageState | undefined
    this.#deps.messages
      .update(item.mid, (row) => {
        before = row.state
        const moved = advances(row.state, state) ? next(row, state, code) : row
        // receipts may be faster than the answer of the server: what is due with it is due all the same
        const changed = state === 'accepted' ? this.#accepted(moved, item) : moved
        return changed === row ? null : changed
      })
      .then(
        (row) => {
          if (row?.state === undefined || row.state === before) return
          this.#tell(item, row.number, row.state, code, reason)
        },
        (error: unknown) => {
          this.#deps.log.warn('client.message-state', { code: codeOf(error) })
          if (!this.#stopped) this.#deps.broken(error)
        },
      )
  }

  /** Its time runs from now on, and it is known for whom it is and whom it was not sent to. */
  #accepted(row: MessageRow, item: OutItem): MessageRow {
    const runs = started(row, this.#deps.clock.now()) ?? row
    const { groups, acct } = this.#deps
    const state = stateUnder(item, groups)
    if (state === null) return runs
    const absent = absentIn(state, acct, item.tx?.devs.map(accountOf) ?? [])
    const named = absent === undefined ? runs : { ...runs, absent }
    const reached = nobodyYet(state, acct)
    return reached === undefined ? named : (withReached(named, reached) ?? named)
  }

  stop(): void {
    this.#stopped = true
  }

  #tell(
    item: OutItem,
    number: number,
    state: MessageState,
    code?: ErrorCode,
    reason?: string,
  ): void {
    this.#deps.emit({
      type: 'message-state',
      number,
      mid: item.mid,
      chat: this.#deps.names.chat(item.conv),
      state,
      ...(code === undefined ? {} : { code }),
      ...(reason === undefined ? {} : { reason }),
    })
  }
}

/** The state of a group that what was said there rests on. Null: not of a group, or a state itself. */
function stateUnder({ conv, tx, kind }: OutItem, groups: GroupTable): GroupState | null {
  if (tx?.gs === undefined || kind === 'group' || groups.get(conv) === undefined) return null
  const chain = groups.chain(conv)
  return (chain.find(tx.gs) ?? chain.current).state
}

function accountOf(device: Bytes): Bytes {
  return device.subarray(0, 32)
}

function next(row: MessageRow, state: MessageState, code: ErrorCode | undefined): MessageRow {
  return { ...without(row, 'code'), state, ...(code === undefined ? {} : { code }) }
}
