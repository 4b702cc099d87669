// The payloads of introductions on their way over the outbox, as all others: to a whole account, to one device, or into the
// conversation (PROTOCOL 7.1, 12).
import { randomBytes } from '../../crypto/random.ts'
import type { PayloadOf } from '../../protocol/payloads.ts'
import type { Bytes } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import type { OutItem } from '../outbox/item.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Peer } from '../people/peer.ts'

type Said<K extends 'p2p.offer' | 'p2p.answer' | 'p2p.up'> = Omit<PayloadOf<K>, 'id' | 'ts'>
type Saying = Said<'p2p.offer'> | Said<'p2p.answer'> | Said<'p2p.up'>

/** A device of the other account, all of them, or everybody in the conversation. */
export type To = Bytes | 'account' | 'conversation'

export class Post {
  readonly #outbox: () => Outbox
  readonly #clock: Clock
  /** Payloads that somebody waits for, by mid. */
  readonly #awaited = new Map<string, () => void>()

  constructor(outbox: () => Outbox, clock: Clock) {
    this.#outbox = outbox
    this.#clock = clock
  }

  /** Resolves when it is safe in the outbox. */
  async say(
    fields: Saying,
    { conv, acct }: Peer,
    to: To,
    before: (item: OutItem) => void = () => undefined,
  ): Promise<void> {
    const payload = { ...fields, id: randomBytes(16), ts: this.#clock.now() }
    const destination =
      to === 'conversation' ? { conv } : { conv, acct, ...(to === 'account' ? {} : { only: to }) }
    await this.#outbox().add(payload, destination, (item) => {
      before(item)
      return Promise.resolve()
    })
  }

  /** Resolves when it is accepted. */
  deliver(fields: Saying, peer: Peer, to: To): Promise<void> {
    return new Promise((resolve, reject) => {
      this.say(fields, peer, to, ({ mid }) => {
        this.#awaited.set(mid, resolve)
      }).catch(reject)
    })
  }

  accepted({ mid }: OutItem): void {
    this.#awaited.get(mid)?.()
    this.#awaited.delete(mid)
  }
}
