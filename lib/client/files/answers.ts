// How far we are with somebody's file, told to its sender (PROTOCOL 7.1 file.ack): accepted, received, or no more wanted.
import { randomBytes } from '../../crypto/random.ts'
import { fromHex } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Parties } from '../groups/parties.ts'
import type { Transfer } from './transfer.ts'

export class FileAnswers {
  readonly #deps: {
    readonly parties: Parties
    readonly outbox: () => Outbox
    readonly clock: Clock
  }

  constructor(deps: {
    readonly parties: Parties
    readonly outbox: () => Outbox
    readonly clock: Clock
  }) {
    this.#deps = deps
  }

  /** Strangers and blocked contacts hear nothing. */
  async send(transfer: Transfer, chunks: number, done: boolean): Promise<void> {
    const { parties, outbox, clock } = this.#deps
    const { conv, acct } = transfer
    if (!parties.isAskable(conv, acct)) return
    const base = { k: 'file.ack', id: randomBytes(16), ts: clock.now() } as const
    const payload = { ...base, fid: transfer.fid, n: chunks }
    const to = parties.find(conv)?.is === 'group' ? { conv, acct } : { conv }
    await outbox().add(done ? { ...payload, done: true } : payload, to)
  }

  /** Takes an own offer back: what was not fetched yet disappears over there (PROTOCOL 7.2). */
  async withdraw(transfer: Transfer): Promise<void> {
    const { outbox, clock } = this.#deps
    const { conv } = transfer
    // an offer that never left needs no second message
    if (await outbox().cancel(transfer.mid)) return
    const m = [fromHex(transfer.mid)]
    const payload = { k: 'del', id: randomBytes(16), ts: clock.now(), m } as const
    await outbox().add(payload, { conv })
  }
}
