// Who is behind a name and which keys reach them (PROTOCOL 5.4, 5.5): what a look-up has verified is kept on the contact, and
// whatever contradicts a pin becomes an alarm on it before anything is sent.
import { convId } from '../../identity/conversation.ts'
import type { DeviceList } from '../../identity/device-list-body.ts'
import type { VerifiedBundle } from '../../identity/bundle.ts'
import { claimName, lookAlike, type PeerPin } from '../../identity/pin.ts'
import type { DeviceListEvent } from '../../identity/continuity.ts'
import type { Username } from '../../protocol/names.ts'
import { sha256 } from '../../crypto/hash.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import { type Clock, sleep } from '../../util/clock.ts'
import { codeOf, type ErrorCode, fail } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { Emit } from '../emitter.ts'
import type { Link } from '../link.ts'
import type { ContactBook } from './contact-book.ts'
import { KeyCache } from './key-cache.ts'
import { type Fetched, LookUps } from './look-ups.ts'
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

/** What a look-up found. */
interface Found {
  readonly peer: Peer
  /** Of all its devices that can receive, whatever became of our copies meanwhile. */
  readonly bundles: readonly VerifiedBundle[]
}

export class Directory {
  readonly #options: DirectoryOptions
  readonly #peers: Peers
  readonly #keys: KeyCache
  readonly #lookUps: LookUps
  readonly #running = new Map<string, Promise<Found>>()

  constructor(options: DirectoryOptions) {
    this.#options = options
    this.#peers = options.peers
    this.#keys = new KeyCache(options.clock)
    this.#lookUps = new LookUps({ ...options, keys: this.#keys })
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
    return (await this.#once(`@${user}`, () => this.#lookUp(user))).peer
  }

  /** An account that wrote to us. */
  async meetAccount(acct: Bytes): Promise<Peer> {
    return this.#peers.get(acct) ?? (await this.refresh(acct))
  }

  /** The newest list and bundles of an account. Throws the alarm, which then also stays on the contact. */
  async refresh(acct: Bytes): Promise<Peer> {
    return (await this.#find(acct)).peer
  }

  /** The verified list that the pin was made from. */
  listOf(peer: Peer): DeviceList {
    return this.#keys.listOf(peer)
  }

  /**
   * Live inbox keys of all devices of an account, for a new stream. Of others the server is asked each time: nobody tells us
   * that they have one more device. Of our own we hear; those that are not at hand are fetched, also when we have just asked:
   * a new device publishes its keys right after it came into the list. Empty: no device of the account can receive. `except`: a device whose keys are not needed.
   */
  async reach(acct: Bytes, except?: Bytes): Promise<VerifiedBundle[]> {
    const held = this.#keys.live(acct)
    const peer = this.#peers.get(acct)
    const wanted = (peer?.pin.devs ?? []).filter(
      ({ id }) => except === undefined || !equal(id, except),
    )
    const isComplete = wanted.every(({ id }) => held.some(({ dev }) => equal(dev, id)))
    const isOwn = equal(acct, this.#options.acct)
    if (held.length > 0 && isComplete && (isOwn || this.#keys.wasJustAsked(acct))) return held
    // not our copies: another stream that was refused may have thrown them away at this moment
    return [...(await this.#find(acct)).bundles]
  }

  /** Whether the account wants explicit requests only (PROTOCOL 7.3), as far as its keys can be fetched now. */
  async isStrict(peer: Peer): Promise<boolean> {
    const held = this.#keys.live(peer.acct)
    const isAsking = held.length === 0 && this.#options.link.online
    const bundles = isAsking ? (await this.#find(peer.acct)).bundles : held
    return bundles.length > 0 && bundles.every((bundle) => bundle.rq === 1)
  }

  /** The server said that our copies are out of date. */
  forget(acct: Bytes): void {
    this.#keys.forget(acct)
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

  #find(acct: Bytes): Promise<Found> {
    return this.#once(hex(acct), () => this.#refresh(acct, true))
  }

  #once(key: string, work: () => Promise<Found>): Promise<Found> {
    const running = this.#running.get(key)
    if (running !== undefined) return running
    const started = work().finally(() => this.#running.delete(key))
    this.#running.set(key, started)
    return started
  }

  async #lookUp(user: Username): Promise<Found> {
    if (!this.#options.link.online) {
      fail(
        'E_CONNECT',
        `You are offline and have not written with @${user} before. Try again when you are connected.`,
      )
    }
    const reply = await this.#lookUps.ask({ user }, `No user called @${user}.`)
    const [signed] = reply.dls
    if (signed === undefined) fail('E_NOT_FOUND', `No user called @${user}.`)
    const origin = sha256(signed.ik[0] ?? fail('E_IDENTITY'))
    if (this.#peers.get(origin) !== undefined || this.#options.book.find(origin) !== undefined) {
      // a contact under a new name: from pin to list, link by link
      const found = await this.#find(origin)
      return found.peer.pin.user === user ? found : fail('E_NOT_FOUND', `No user called @${user}.`)
    }
    const first = await this.#lookUps.verifyFirst(user, signed, reply.bun)
    return { peer: await this.#meetFirst(first), bundles: first.bundles }
  }

  async #refresh(acct: Bytes, patient: boolean): Promise<Found> {
    const known = this.#peers.get(acct)
    try {
      const fetched = await this.#lookUps.fetch(acct, known)
      const { bundles } = fetched
      return known === undefined
        ? { peer: await this.#meetFirst(fetched), bundles }
        : { peer: await this.#renew(fetched), bundles }
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

  async #meetFirst({ pin, signed, list, bundles }: Fetched): Promise<Peer> {
    const pins = this.#pins()
    const known = this.#peers.get(pin.acct)
    if (known === undefined) claimName(pins, pin)
    this.#keys.remember(pin.acct, list, bundles)
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
    this.#keys.remember(pin.acct, list, bundles)
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
    this.#keys.forget(peer.acct)
    if (!peer.deleted) await this.#peers.change(peer.id, (now) => ({ ...now, deleted: true }))
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
}
