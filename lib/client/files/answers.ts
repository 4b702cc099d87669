// How far we are with somebody's file, told to its sender (PROTOCOL 7.1 file.ack): accepted, received, or no more wanted.
import { randomBytes } from '../../crypto/random.ts'
import type { Clock } from '../../util/clock.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Peers } from '../people/peers.ts'
import type { Transfer } from './transfer.ts'

export class FileAnswers {
  readonly #deps: {
    readonly peers: Peers
    readonly outbox: () => Outbox
    readonly clock: Clock
  }

  constructor(deps: {
    readonly peers: Peers
    readonly outbox: () => Outbox
    readonly clock: Clock
  }) {
    this.#deps = deps
  }

  /** Strangers and blocked contacts hear nothing. */
  async send(transfer: Transfer, chunks: number, done: boolean): Promise<void> {
    const { peers, outbox, clock } = this.#deps
    const peer = peers.byConv(transfer.conv)
    if (peer?.accepted !== true || peer.blocked) return
    const base = { k: 'file.ack', id: randomBytes(16), ts: clock.now() } as const
    const payload = { ...base, fid: transfer.fid, n: chunks }
    await outbox().add(done ? { ...payload, done: true } : payload, {
      conv: peer.conv,
      acct: peer.acct,
    })
  }
}
