// The device lists and inbox keys of accounts as the server gave them last: verified, in memory only, no bundle longer than its
// keys live.
import type { VerifiedBundle } from '../../identity/bundle.ts'
import { type DeviceList, parseDeviceList } from '../../identity/device-list-body.ts'
import { type Bytes, hex } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import type { Peer } from './peer.ts'

/** What was looked up just now is not looked up again for the stream that it was looked up for. */
const FRESH_MS = 1000

interface Cached {
  /** When the server was asked, in the clock's monotonic ms; absent: not since the start. */
  readonly askedAt?: number
  readonly bundles: ReadonlyMap<string, VerifiedBundle>
  readonly list: DeviceList
}

export class KeyCache {
  readonly #clock: Clock
  readonly #cache = new Map<string, Cached>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The verified list that the pin was made from. */
  listOf(peer: Peer): DeviceList {
    const cached = this.#cache.get(peer.id)
    if (cached?.list.n === peer.pin.n) return cached.list
    const list = parseDeviceList(peer.list.b) // verified before it was stored
    this.#cache.set(peer.id, { list, bundles: cached?.bundles ?? new Map() })
    return list
  }

  /** Bundles that can be used now. */
  live(acct: Bytes): VerifiedBundle[] {
    const now = this.#clock.now()
    const cached = this.#cache.get(hex(acct))
    return [...(cached?.bundles.values() ?? [])].filter((bundle) => bundle.na > now)
  }

  wasJustAsked(acct: Bytes): boolean {
    const askedAt = this.#cache.get(hex(acct))?.askedAt ?? -Infinity
    return this.#clock.monotonic() - askedAt < FRESH_MS
  }

  remember(acct: Bytes, list: DeviceList, bundles: readonly VerifiedBundle[]): void {
    this.#cache.set(hex(acct), {
      askedAt: this.#clock.monotonic(),
      list,
      bundles: new Map(bundles.map((bundle) => [hex(bundle.dev), bundle])),
    })
  }

  /** The server said that our copies are out of date. */
  forget(acct: Bytes): void {
    const cached = this.#cache.get(hex(acct))
    if (cached !== undefined) this.#cache.set(hex(acct), { list: cached.list, bundles: new Map() })
  }
}
