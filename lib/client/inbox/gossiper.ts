// What devices tell each other beside the message, taken seriously: a directory that serves less than the peer itself says
// is lying, and a message somebody else has seen and we have not is missing (PROTOCOL 6.3).
import type { ReceiverStream } from '../../envelope/receiver-stream.ts'
import { pinBundle } from '../../identity/pin.ts'
import { LIMITS } from '../../protocol/limits.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { codeOf, fail } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { Directory } from '../people/directory.ts'
import type { Peers } from '../people/peers.ts'
import type { Gap, Gaps } from './gaps.ts'
import type { Parties } from '../groups/parties.ts'
import type { Opened } from './opened.ts'
import type { Receivers, Sender } from './receivers.ts'

const GAPS_PER_MESSAGE = 64

export interface GossiperDeps {
  readonly acct: Bytes
  readonly peers: Peers
  readonly directory: Directory
  readonly receivers: Receivers
  readonly parties: Parties
  readonly gaps: Gaps
  readonly clock: Clock
  readonly log: Log
}

export class Gossiper {
  readonly #deps: GossiperDeps

  constructor(deps: GossiperDeps) {
    this.#deps = deps
  }

  async heard({ message, receiver, conv }: Opened): Promise<void> {
    const { from } = receiver.stream
    const { gaps, parties } = this.#deps
    const { q = [], v } = message.gossip
    if (v !== undefined) this.#compare(from, v)
    if (!parties.isHeard(conv, from.acct)) return
    const missing = q.flatMap(([st, i]) =>
      this.#deps.receivers
        .cached(st)
        .flatMap((stream) =>
          hex(stream.conv) === conv ? this.#seenByPeer(conv, from, stream, i) : [],
        ),
    )
    await gaps.missing(missing.slice(0, GAPS_PER_MESSAGE))
  }

  #compare(
    from: { readonly acct: Bytes; readonly dev: Bytes },
    v: { readonly b: number; readonly d: number; readonly dh: Bytes },
  ): void {
    this.#check(from, v).catch((error: unknown) => {
      this.#deps.log.info('client.gossip', { code: codeOf(error) })
    })
  }

  async #check(
    from: { readonly acct: Bytes; readonly dev: Bytes },
    v: { readonly b: number; readonly d: number; readonly dh: Bytes },
  ): Promise<void> {
    const { peers, directory } = this.#deps
    const peer = peers.get(from.acct) ?? fail('E_NOT_FOUND')
    const now = v.d > peer.pin.n ? await directory.refresh(from.acct) : peer
    if (now.pin.n < v.d) await directory.alarm(now, 'E_ROLLBACK')
    else if (now.pin.n === v.d && !equal(now.pin.h.subarray(0, 8), v.dh)) {
      await directory.alarm(now, 'E_FORK')
    }
    const known = now.pin.devs.find((device) => equal(device.id, from.dev))
    if (known === undefined || known.bundle >= v.b) return
    // an older bundle is a rollback from now on; ours is out of date, so the next stream asks
    await peers.change(now.id, (p) => ({ ...p, pin: pinBundle(p.pin, from.dev, v.b) }))
    directory.forget(from.acct)
  }

  /** Somebody has index i of a stream that we receive as well. Of its own streams a device knows nothing by receiving. */
  #seenByPeer(conv: string, teller: Sender, stream: ReceiverStream, i: number): Gap[] {
    const { st, next, from } = stream
    const { acct, dev } = from
    if (equal(dev, teller.dev) || i - next > LIMITS.skipMessages) return []
    const since = this.#deps.clock.now()
    const found: Gap[] = []
    for (let at = Math.max(next, i - GAPS_PER_MESSAGE); at <= i; at++) {
      found.push({ conv, acct, dev, st, i: at, why: 'gap', since, tries: 0, teller: teller.acct })
    }
    return found
  }
}
