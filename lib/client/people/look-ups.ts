// What the server says of an account, believed only as far as it verifies: device lists link by link from the pin, bundles
// against the list (PROTOCOL 5.4, 5.5). What comes of it, or of a contradiction, is the directory's.
import { type VerifiedBundle, verifyBundleAsync } from '../../identity/bundle.ts'
import type { DeviceListEvent } from '../../identity/continuity.ts'
import { type DeviceList, parseDeviceList } from '../../identity/device-list-body.ts'
import { verifyDeviceListAsync } from '../../identity/device-list.ts'
import { type PeerPin, pinBundle, pinnedBundle } from '../../identity/pin.ts'
import type { SignedBundle, SignedDeviceList } from '../../protocol/composites.ts'
import type { ReplyOf, RequestOf } from '../../protocol/frames.ts'
import type { Username } from '../../protocol/names.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import { type Clock, sleep } from '../../util/clock.ts'
import { codeOf, fail, SecureChatError } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { Link } from '../link.ts'
import { Refusal } from '../refusal.ts'
import type { ContactBook } from './contact-book.ts'
import type { KeyCache } from './key-cache.ts'
import type { Peer } from './peer.ts'

const RATE_WAIT_MAX_MS = 90_000

export interface LookUpOptions {
  readonly srv: Bytes
  readonly link: Link
  readonly book: ContactBook
  readonly keys: KeyCache
  readonly clock: Clock
  readonly log: Log
}

export interface Fetched {
  readonly pin: PeerPin
  readonly signed: SignedDeviceList
  readonly list: DeviceList
  readonly bundles: readonly VerifiedBundle[]
  /** Keys of bundles we hold that are still the current ones. */
  readonly events: readonly DeviceListEvent[]
}

export class LookUps {
  readonly #options: LookUpOptions

  constructor(options: LookUpOptions) {
    this.#options = options
  }

  /** @throws E_NOT_FOUND, and whatever contradicts the pin */
  async fetch(acct: Bytes, known: Peer | undefined): Promise<Fetched> {
    const { srv } = this.#options
    let pin = known?.pin ?? this.#options.book.find(acct)?.pin
    let signed = known?.list
    let list = known === undefined ? undefined : this.#options.keys.listOf(known)
    // a pin from another device comes without its list: the current one may follow it directly
    let fromPin = list !== undefined
    const events: DeviceListEvent[] = []
    for (;;) {
      const held = this.#options.keys.live(acct)
      const k = held.map((bundle) => bundle.klid)
      const before = pin?.n ?? 0
      const n = pin !== undefined && fromPin ? { n: pin.n } : {}
      const reply = await this.ask({ acct, k, ...n })
      if (pin !== undefined && reply.cur < pin.n) {
        fail('E_ROLLBACK', `The server offers an older state of @${pin.user} than it did before.`)
      }
      const [first] = reply.dls
      if (!fromPin && pin !== undefined && first !== undefined) {
        fromPin = true
        if (parseDeviceList(first.b).n > pin.n + 1) continue
      }
      for (const dl of reply.dls) {
        if (list !== undefined && signed !== undefined && equal(dl.b, signed.b)) continue
        const verified = await verifyDeviceListAsync(pin, { srv, acct }, dl)
        pin = verified.pin
        signed = dl
        list = verified.list
        events.push(...verified.events)
      }
      if (pin === undefined || signed === undefined || list === undefined) {
        return fail('E_NOT_FOUND', 'There is no such account.')
      }
      if (pin.n < reply.cur && pin.n > before) continue
      if (pin.n !== reply.cur) fail('E_GAP', `The server withholds device lists of @${pin.user}.`)
      const verified = await this.#verifyBundles(pin, list, reply.bun)
      // what was forgotten while we asked was not sent again: we said that we hold it
      const live = this.#options.keys.live(acct)
      if (held.some((bundle) => !live.includes(bundle))) continue
      const served = new Set(verified.bundles.map((bundle) => hex(bundle.dev)))
      const current = list.devs.map((device) => hex(device.id))
      const kept = held.filter(({ dev }) => !served.has(hex(dev)) && current.includes(hex(dev)))
      return { pin: verified.pin, signed, list, bundles: [...verified.bundles, ...kept], events }
    }
  }

  /** Somebody of whom nothing is known yet. */
  async verifyFirst(
    user: Username,
    signed: SignedDeviceList,
    served: readonly SignedBundle[],
  ): Promise<Fetched> {
    const { srv } = this.#options
    const verified = await verifyDeviceListAsync(undefined, { srv, user }, signed)
    const { list, events } = verified
    const { pin, bundles } = await this.#verifyBundles(verified.pin, list, served)
    return { pin, signed, list, bundles, events }
  }

  async #verifyBundles(
    pin: PeerPin,
    list: DeviceList,
    bundles: readonly SignedBundle[],
  ): Promise<{ pin: PeerPin; bundles: VerifiedBundle[] }> {
    const verified: VerifiedBundle[] = []
    let next = pin
    for (const bundle of bundles) {
      const min = pinnedBundle(pin, bundle.dev)
      try {
        const v = await verifyBundleAsync(list, bundle, this.#options.clock.now(), min)
        verified.push(v)
        next = pinBundle(next, v.dev, v.n)
      } catch (error) {
        const code = codeOf(error)
        if (code === 'E_STALE_BUNDLE') continue // a device that was away for a month cannot be reached
        if (code !== 'E_NO_DEVICE') throw error
        fail('E_GHOST_DEVICE', `The server added a device to @${list.user} that is not theirs.`)
      }
    }
    return { pin: next, bundles: verified }
  }

  /** Waits as the server asks: 60 look-ups a minute, 30 by name (PROTOCOL 15). */
  async ask(
    fields: RequestOf<'dir.get'>,
    unknown = 'There is no such account.',
  ): Promise<ReplyOf<'dir.get'>> {
    for (;;) {
      try {
        return await this.#options.link.request('dir.get', fields)
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        if (error.code === 'E_NOT_FOUND') throw new SecureChatError('E_NOT_FOUND', unknown)
        const wait = error.afterMs ?? 1000
        if (error.code !== 'E_RATE' || wait > RATE_WAIT_MAX_MS) throw error
        this.#options.log.info('client.directory.wait', { ms: wait })
        await sleep(this.#options.clock, wait)
      }
    }
  }
}
