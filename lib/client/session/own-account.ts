// The account as one of its devices lives in it: what the other devices learned, a list of devices that changed while this
// one was away, a new name, the end of the membership (PROTOCOL 5.4, 7.3, 11).
import type { DeviceId } from '../../identity/conversation.ts'
import type { Bytes } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { codeOf, SecureChatError } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import { profileName, rememberProfile } from '../account/home-index.ts'
import type { Profile } from '../account/profile.ts'
import type { Emitter } from '../emitter.ts'
import type { ClientEvent } from '../events.ts'
import type { Link } from '../link.ts'
import type { Acceptance } from '../people/acceptance.ts'
import type { Known } from '../people/contact-book.ts'
import type { Directory } from '../people/directory.ts'
import type { Document } from '../people/own-sync.ts'
import { contactOf, type Peer } from '../people/peer.ts'
import type { Peers } from '../people/peers.ts'
import type { ClientDeps } from '../ports.ts'
import type { Wire } from '../wire.ts'

/** A new device looks up so many of the account's contacts by itself; the others when they are needed (PROTOCOL 15). */
const INTRODUCED_MAX = 30

/** What it needs of the session; some of it is built later. */
export interface AccountHolder {
  readonly device: DeviceId
  readonly deps: ClientDeps
  readonly profile: Profile
  readonly link: Link
  readonly clock: Clock
  readonly log: Log
  readonly emitter: Emitter
  readonly me: Peer
  readonly peers: Peers
  readonly directory: Directory
  readonly acceptance: Acceptance
  readonly direct: { blocked(conv: string): void }
  readonly blocks: Document
  readonly book: Document
  readonly settings: Document
  isMe(acct: Bytes): boolean
  checkOwnList(n: number): Promise<void>
}

export class OwnAccount {
  readonly #core: AccountHolder
  #isFirst = true
  #isLeaving = false

  constructor(core: AccountHolder) {
    this.#core = core
    core.link.add({
      online: (wire) => {
        // the first connection is checked before the session starts
        if (!this.#isFirst) void this.#cameBack(wire)
        this.#isFirst = false
      },
    })
  }

  /** This device gives up its membership: the server's goodbye is no surprise. */
  get isLeaving(): boolean {
    return this.#isLeaving
  }

  /** While `work` takes this device or the account away. */
  async leave<T>(work: () => Promise<T>): Promise<T> {
    this.#isLeaving = true
    try {
      return await work()
    } finally {
      this.#isLeaving = false
    }
  }

  documents(): ReadonlyMap<string, Document> {
    const { blocks, book, settings } = this.#core
    return new Map<string, Document>([
      ['contacts', book],
      ['blocks', blocks],
      ['settings', settings],
    ])
  }

  /** What the directory tells: a new name of our own goes into the folder of accounts as well. */
  heard(event: ClientEvent): void {
    if (event.type !== 'contact' || event.change !== 'renamed') return
    if (!this.#core.isMe(Buffer.from(event.contact.acct, 'hex'))) return
    this.#inBackground(async () => this.remember(await this.#core.profile.staysSignedIn()))
  }

  /** Another device knows these accounts: what it accepted and compared holds here, too. */
  learned(known: readonly Known[]): void {
    this.#inBackground(async () => {
      let introductions = 0
      for (const each of known) {
        if (this.#core.peers.get(each.pin.acct) !== undefined) await this.#adopt(each)
        else if (each.accepted && introductions++ < INTRODUCED_MAX) {
          await this.#core.directory.meetAccount(each.pin.acct)
        }
      }
    })
  }

  /** Somebody was blocked or not any more, here or on another device, which may know people whom this one has not met. */
  async blockChanged(acct: Bytes, blocked: boolean): Promise<void> {
    const { peers, directory, emitter, log } = this.#core
    const peer = peers.get(acct)
    if (peer === undefined && blocked) {
      await directory.meetAccount(acct).catch((error: unknown) => {
        log.info('client.blocked.meet', { code: codeOf(error) })
      })
    }
    if (peer === undefined || peer.blocked === blocked) return
    const contact = contactOf(await peers.put({ ...peer, blocked }))
    if (blocked) this.#core.direct.blocked(peer.conv)
    emitter.emit({ type: 'contact', change: blocked ? 'blocked' : 'unblocked', contact })
  }

  /** The folder of accounts knows this one by its present name. */
  async remember(resumable: boolean): Promise<void> {
    const { device, deps, clock, me } = this.#core
    const { srv, acct, dev } = device
    const name = profileName(acct, dev)
    const lastUsed = clock.now()
    const { user } = me.pin
    await rememberProfile(deps.home, { name, srv, acct, dev, user, resumable, lastUsed })
  }

  /** The next session needs the password. */
  async signOut(): Promise<void> {
    await this.#core.profile.signOut()
    await this.remember(false)
  }

  async #adopt({ pin, accepted, displayName }: Known): Promise<void> {
    const { peers, acceptance } = this.#core
    const peer = peers.get(pin.acct)
    if (peer === undefined) return
    const isVerified = pin.verified && pin.j === peer.pin.j && !peer.pin.verified
    const isNamed = displayName !== '' && peer.displayName === ''
    if (isVerified || isNamed) {
      await peers.change(peer.id, (p) => ({
        ...p,
        pin: { ...p.pin, verified: p.pin.verified || isVerified },
        displayName: isNamed ? displayName : p.displayName,
      }))
    }
    if (accepted) await acceptance.adopted(peers.get(peer.id) ?? peer)
  }

  /** After a lost connection: pushes about the list may have been missed. */
  async #cameBack({ login }: Wire): Promise<void> {
    if (login === null) return
    try {
      await this.#core.checkOwnList(login.n)
    } catch (error) {
      const code = codeOf(error)
      this.#core.log.warn('client.own-list', { code })
      if (!(error instanceof SecureChatError) || code === 'E_CLOSED') return
      this.#core.emitter.emit({ type: 'notice', level: 'alarm', code, text: error.message })
    }
  }

  #inBackground(work: () => Promise<unknown>): void {
    work().catch((error: unknown) => {
      this.#core.log.info('client.account', { code: codeOf(error) })
    })
  }
}
