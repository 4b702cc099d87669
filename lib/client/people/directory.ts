// Who is behind a name and which keys reach them: asks the server, believes only what verifies against the pin (PROTOCOL
// 5.4, 5.5). Whatever contradicts a pin becomes an alarm on the contact before anything is sent.
import { convId } from '../../identity/conversation.ts'
import type { DeviceList } from '../../identity/device-list-body.ts'
import { parseDeviceList } from '../../identity/device-list-body.ts'
import { verifyDeviceListAsync } from '../../identity/device-list.ts'
import { type VerifiedBundle, verifyBundleAsync } from '../../identity/bundle.ts'
import { claimName, lookAlike, type PeerPin, pinBundle, pinnedBundle } from '../../identity/pin.ts'
import type { DeviceListEvent } from '../../identity/continuity.ts'
import type { SignedBundle, SignedDeviceList } from '../../protocol/composites.ts'
import type { ReplyOf, RequestOf } from '../../protocol/frames.ts'
import type { Username } from '../../protocol/names.ts'
import { sha256 } from '../../crypto/hash.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import { type Clock, sleep } from '../../util/clock.ts'
import { codeOf, type ErrorCode, fail, SecureChatError } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { Emit } from '../emitter.ts'
import type { Link } from '../link.ts'
import { Refusal } from '../refusal.ts'
import type { ContactBook } from './contact-book.ts'
import { contactOf, newPeer, type Peer } from './peer.ts'
import type { Peers } from './peers.ts'
import { without } from '../without.ts'

/** Each of these means: somebody shows us another identity than the one we know. */
const ALARMS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'E_IDENTITY',
  'E_SIG',
  'E_FORMAT',
  'E_BINDING',
  'E_ROLLBACK',
  'E_FORK',
  'E_GAP',
  'E_NAME',
  'E_GHOST_DEVICE',
])

/** A replica that lags is not an attack: one more look before the alarm (PROTOCOL 16). */
const ROLLBACK_RETRY_MS = 10_000
const RATE_WAIT_MAX_MS = 90_000
/** What was looked up just now is not looked up again for the stream that it was looked up for. */
const FRESH_MS = 1000

export interface DirectoryOptions {
  readonly srv: Bytes
  readonly acct: Bytes
  readonly link: Link
  readonly peers: Peers
  readonly book: ContactBook
  readonly clock: Clock
  readonly log: Log
  readonly emit: Emit
  readonly isBlocked: (acct: Bytes) => boolean
}

interface Cached {
  /** When the server was asked, in the clock's monotonic ms; absent: not since the start. */
  readonly askedAt?: number
  readonly bundles: ReadonlyMap<string, VerifiedBundle>
  readonly list: DeviceList
}

interface Fetched {
  readonly pin: PeerPin
  readonly signed: SignedDeviceList
  readonly list: DeviceList
  readonly bundles: readonly VerifiedBundle[]
  /** Keys of bundles we hold that are still the current ones. */
  readonly events: readonly DeviceListEvent[]
}

export class Directory {
  readonly #options: DirectoryOptions
  readonly #peers: Peers
  readonly #cache = new Map<string, Cached>()
  readonly #running = new Map<string, Promise<Peer>>()

  constructor(options: DirectoryOptions) {
    this.#options = options
    this.#peers = options.peers
  }

  /**
   * The pinned contact, else what the server knows under the name.
   *
   * @throws E_NOT_FOUND, E_CONNECT when offline and never met, identity errors
   */
  async meet(user: Username): Promise<Peer> {
    const known = this.#peers.byName(user)
    if (known !== undefined) return known
    const noted = this.#options.book.findByName(user)
    if (noted !== undefined) return this.refresh(noted.pin.acct)
    return this.#once(`@${user}`, () => this.#lookUp(user))
  }

  /** An account that wrote to us. */
  async meetAccount(acct: Bytes): Promise<Peer> {
    return this.#peers.get(acct) ?? (await this.refresh(acct))
  }

  /** The newest list and bundles of an account. Throws the alarm, which then also stays on the contact. */
  refresh(acct: Bytes): Promise<Peer> {
    return this.#once(hex(acct), () => this.#refresh(acct, true))
  }

  /** The verified list that the pin was made from. */
  listOf(peer: Peer): DeviceList {
    const cached = this.#cache.get(peer.id)
    if (cached?.list.n === peer.pin.n) return cached.list
    const list = parseDeviceList(peer.list.b) // verified before it was stored
    this.#cache.set(peer.id, { list, bundles: cached?.bundles ?? new Map() })
    return list
  }

  /**
   * Live inbox keys of all devices of an account, for a new stream. Of others the server is asked each time: nobody tells us
   * that they have one more device. Of our own we hear; those that are not at hand are fetched, also when we have just asked:
   * a new device publishes its keys right after it came into the list. Empty: no device of the account can receive. `except`: a device whose keys are not needed.
   */
  async reach(acct: Bytes, except?: Bytes): Promise<VerifiedBundle[]> {
    const held = this.#live(acct)
    const peer = this.#peers.get(acct)
    const wanted = (peer?.pin.devs ?? []).filter(
      ({ id }) => except === undefined || !equal(id, except),
    )
    const isComplete = wanted.every(({ id }) => held.some(({ dev }) => equal(dev, id)))
    const isOwn = equal(acct, this.#options.acct)
    if (held.length > 0 && isComplete && (isOwn || this.#wasJustAsked(acct))) return held
    await this.refresh(acct)
    return this.#live(acct)
  }

  /** Whether the account wants explicit requests only (PROTOCOL 7.3), as far as its keys can be fetched now. */
  async isStrict(peer: Peer): Promise<boolean> {
    if (this.#live(peer.acct).length === 0 && this.#options.link.online) {
      await this.refresh(peer.acct)
    }
    const bundles = this.#live(peer.acct)
    return bundles.length > 0 && bundles.every((bundle) => bundle.rq === 1)
  }

  /** The server said that our copies are out of date. */
  forget(acct: Bytes): void {
    const cached = this.#cache.get(hex(acct))
    if (cached !== undefined) this.#cache.set(hex(acct), { list: cached.list, bundles: new Map() })
  }

  /** Puts an alarm on a contact: nothing is sent to it or accepted from it any more. */
  async alarm(peer: Peer, code: ErrorCode): Promise<void> {
    const now = this.#peers.get(peer.id) ?? peer
    if (now.alarm === code) return
    const changed = await this.#peers.put({ ...now, alarm: code })
    this.#options.emit({ type: 'contact', change: 'identity-alarm', contact: contactOf(changed) })
  }

  /** Looks again and takes the alarm away if everything verifies. @throws the alarm */
  async recheck(peer: Peer): Promise<Peer> {
    await this.#once(peer.id, () => this.#refresh(peer.acct, false))
    return this.#peers.change(peer.id, (now) => without(now, 'alarm'))
  }

  #wasJustAsked(acct: Bytes): boolean {
    const askedAt = this.#cache.get(hex(acct))?.askedAt ?? -Infinity
    return this.#options.clock.monotonic() - askedAt < FRESH_MS
  }

  #live(acct: Bytes): VerifiedBundle[] {
    const now = this.#options.clock.now()
    const cached = this.#cache.get(hex(acct))
    return [...(cached?.bundles.values() ?? [])].filter((bundle) => bundle.na > now)
  }

  #once(key: string, work: () => Promise<Peer>): Promise<Peer> {
    const running = this.#running.get(key)
    if (running !== undefined) return running
    const started = work().finally(() => this.#running.delete(key))
    this.#running.set(key, started)
    return started
  }

  async #lookUp(user: Username): Promise<Peer> {
    if (!this.#options.link.online) {
      fail(
        'E_CONNECT',
        `You are offline and have not written with @${user} before. Try again when you are connected.`,
      )
    }
    const reply = await this.#ask({ user }, `No user called @${user}.`)
    const [signed] = reply.dls
    if (signed === undefined) fail('E_NOT_FOUND', `No user called @${user}.`)
    const origin = sha256(signed.ik[0] ?? fail('E_IDENTITY'))
    if (this.#peers.get(origin) !== undefined || this.#options.book.find(origin) !== undefined) {
      // a contact under a new name: from pin to list, link by link
      const peer = await this.refresh(origin)
      return peer.pin.user === user ? peer : fail('E_NOT_FOUND', `No user called @${user}.`)
    }
    const verified = await verifyDeviceListAsync(
      undefined,
      { srv: this.#options.srv, user },
      signed,
    )
    const { list, events } = verified
    const { pin, bundles } = await this.#verifyBundles(verified.pin, list, reply.bun)
    return this.#meetFirst({ pin, signed, list, bundles, events })
  }

  async #refresh(acct: Bytes, patient: boolean): Promise<Peer> {
    const known = this.#peers.get(acct)
    try {
      const fetched = await this.#fetch(acct, known)
      return known === undefined ? await this.#meetFirst(fetched) : await this.#renew(fetched)
    } catch (error) {
      const code = codeOf(error)
      if (known === undefined || !ALARMS.has(code)) {
        if (known !== undefined && code === 'E_NOT_FOUND') await this.#vanished(known)
        throw error
      }
      if (code === 'E_ROLLBACK' && patient) {
        await sleep(this.#options.clock, ROLLBACK_RETRY_MS)
        return this.#refresh(acct, false)
      }
      await this.alarm(known, code)
      throw error
    }
  }

  async #fetch(acct: Bytes, known: Peer | undefined): Promise<Fetched> {
    const { srv } = this.#options
    let pin = known?.pin ?? this.#options.book.find(acct)?.pin
    let signed = known?.list
    let list = known === undefined ? undefined : this.listOf(known)
    // a pin from another device comes without its list: the current one may follow it directly
    let fromPin = list !== undefined
    const events: DeviceListEvent[] = []
    for (;;) {
      const held = this.#live(acct)
      const k = held.map((bundle) => bundle.klid)
      const before = pin?.n ?? 0
      const n = pin !== undefined && fromPin ? { n: pin.n } : {}
      const reply = await this.#ask({ acct, k, ...n })
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
      const live = this.#live(acct)
      if (held.some((bundle) => !live.includes(bundle))) continue
      const served = new Set(verified.bundles.map((bundle) => hex(bundle.dev)))
      const current = list.devs.map((device) => hex(device.id))
      const kept = held.filter(({ dev }) => !served.has(hex(dev)) && current.includes(hex(dev)))
      return { pin: verified.pin, signed, list, bundles: [...verified.bundles, ...kept], events }
    }
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

  async #meetFirst({ pin, signed, list, bundles }: Fetched): Promise<Peer> {
    const pins = this.#pins()
    const known = this.#peers.get(pin.acct)
    if (known === undefined) claimName(pins, pin)
    this.#remember(pin.acct, list, bundles)
    // met meanwhile, by name and by account at once: what was decided about them in between stays decided
    if (known !== undefined) return known
    const { srv, acct, book } = this.#options
    const conv = hex(convId({ srv, acct }, { srv, acct: pin.acct }))
    const noted = book.find(pin.acct)
    const peer = await this.#peers.put({
      ...newPeer(pin, signed, conv),
      ...(noted === undefined ? {} : { accepted: noted.accepted, displayName: noted.displayName }),
      blocked: this.#options.isBlocked(pin.acct),
    })
    const twin = lookAlike(pins, pin)
    if (twin !== undefined) {
      const contact = contactOf(peer)
      this.#options.emit({ type: 'contact', change: 'lookalike', contact, other: twin.user })
    }
    return peer
  }

  async #renew({ pin, signed, list, bundles, events }: Fetched): Promise<Peer> {
    const { book } = this.#options
    const before = this.#peers.get(pin.acct) ?? fail('E_NOT_FOUND')
    const pins = this.#pins()
    if (before.pin.user !== pin.user) claimName(pins, pin)
    this.#remember(pin.acct, list, bundles)
    const { alarm, ...rest } = before
    // what the user decided meanwhile stays decided
    const kept = { ...pin, verified: pin.verified && before.pin.verified }
    const peer = await this.#peers.put({
      ...rest,
      ...(alarm === undefined || alarm === 'E_ROLLBACK' ? {} : { alarm }),
      pin: kept,
      list: signed,
      deleted: false,
    })
    if (alarm === 'E_ROLLBACK') {
      this.#options.emit({ type: 'contact', change: 'trusted', contact: contactOf(peer) })
    }
    for (const event of events) this.#report(peer, event)
    if (events.length > 0) book.changed()
    return peer
  }

  /** Of everybody this account knows, here or on another device. */
  #pins(): PeerPin[] {
    return [...this.#peers.all().map((peer) => peer.pin), ...this.#options.book.pins()]
  }

  async #vanished(peer: Peer): Promise<void> {
    this.forget(peer.acct)
    if (!peer.deleted) await this.#peers.change(peer.id, (now) => ({ ...now, deleted: true }))
  }

  #remember(acct: Bytes, list: DeviceList, bundles: readonly VerifiedBundle[]): void {
    this.#cache.set(hex(acct), {
      askedAt: this.#options.clock.monotonic(),
      list,
      bundles: new Map(bundles.map((bundle) => [hex(bundle.dev), bundle])),
    })
  }

  #report(peer: Peer, event: DeviceListEvent): void {
    const contact = contactOf(peer)
    const { emit } = this.#options
    switch (event.kind) {
      case 'renamed':
        emit({ type: 'contact', change: 'renamed', contact, other: event.from })
        return
      case 'succeeded':
        emit({ type: 'contact', change: 'key-changed', contact })
        return
      case 'device-added':
        emit({ type: 'contact', change: 'new-device', contact })
        return
      case 'device-removed':
        emit({ type: 'contact', change: 'removed-device', contact })
    }
  }

  /** Waits as the server asks: 60 look-ups a minute, 30 by name (PROTOCOL 15). */
  async #ask(
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
