// The life of own messages as the user sees it (PROTOCOL 9.1): stored with the row, told in order.
import { isContentKind } from '../../protocol/payloads.ts'
import { codeOf, type ErrorCode } from '../../util/errors.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Emit } from '../emitter.ts'
import type { MessageState } from '../events.ts'
import type { MessageLog } from '../messages/log.ts'
import { advances, type MessageRow } from '../messages/row.ts'
import { started } from '../messages/timing.ts'
import type { Names } from '../messages/view.ts'
import type { OutItem } from '../outbox/item.ts'
import { without } from '../without.ts'

export interface MessageStateDeps {
  readonly messages: MessageLog
  readonly names: Names
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
    this.#deps.messages
      .update(item.mid, (row) => {
        if (!advances(row.state, state)) return null
        const changed = next(row, state, code)
        const runs = state === 'accepted' ? started(changed, this.#deps.clock.now()) : null
        return runs ?? changed
      })
      .then(
        (row) => {
          if (row !== null) this.#tell(item, row.number, state, code, reason)
        },
        (error: unknown) => {
          this.#deps.log.warn('client.message-state', { code: codeOf(error) })
          if (!this.#stopped) this.#deps.broken(error)
        },
      )
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

function next(row: MessageRow, state: MessageState, code: ErrorCode | undefined): MessageRow {
  return { ...without(row, 'code'), state, ...(code === undefined ? {} : { code }) }
}
