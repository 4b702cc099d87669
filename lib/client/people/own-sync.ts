// What the devices of one account tell each other, in the conversation of the account with itself (PROTOCOL 7.1 sync): how
// far things were read, which sealed documents changed, and the keys of a new epoch after a device was removed.
import { randomBytes } from '../../crypto/random.ts'
import { ArchiveKeys } from '../../envelope/archive-keys.ts'
import type { PayloadOf } from '../../protocol/payloads.ts'
import { type Bytes, fromHex, hex } from '../../util/bytes.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { codeOf, type ErrorCode } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { Profile } from '../account/profile.ts'
import type { Emit } from '../emitter.ts'
import type { GoneMark } from '../messages/gone.ts'
import type { GoneChats } from '../messages/gone-chats.ts'
import type { MessageLog } from '../messages/message-log.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Heads } from '../archive/heads.ts'
import type { Directory } from './directory.ts'
import type { Parties } from '../groups/parties.ts'
import type { Peers } from './peers.ts'

/** Marks and versions that come together go together. */
const DELAY_MS = 1000
const MARKS_MAX = 64
const VERSIONS_MAX = 8
/** Heads of the history travel with whatever is said, and alone not more often than this, but then for sure. */
const HEADS_EVERY_MS = 3_600_000

/** Nothing is wrong with what was sent; it could not be checked now. */
const LATER: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'E_CLOSED',
  'E_TIMEOUT',
  'E_STORE',
  'E_BUSY',
  'E_RATE',
])

/** A sealed document of the account as this device has it. */
export interface Document {
  /** The highest version seen. */
  readonly version: number
  /** Fetches the newest. @throws E_ROLLBACK when it is older than one seen before */
  load(): Promise<void>
  /** Writes it again, under the newest keys of the account. */
  reseal(): Promise<void>
}

export interface OwnSyncDeps {
  readonly acct: Bytes
  readonly profile: Profile
  readonly peers: Peers
  readonly parties: Parties
  readonly messages: () => MessageLog
  readonly directory: Directory
  readonly gone: GoneChats
  /** Of the history on the server. */
  readonly heads: () => Pick<Heads, 'told' | 'heard'>
  readonly outbox: () => Outbox
  /** By blob name. */
  readonly documents: () => ReadonlyMap<string, Document>
  readonly clock: Clock
  readonly log: Log
  readonly emit: Emit
}

export class OwnSync {
  readonly #deps: OwnSyncDeps
  /** The newest mark per conversation, and versions by name, that the others do not know yet. */
  readonly #marks = new Map<string, string>()
  readonly #versions = new Map<string, number>()
  /** Marks of the others whose message is not stored here yet. */
  #heard: (readonly [conv: string, mid: string])[] = []
  /** Conversations that another one deleted: what came before that has to be stored first. */
  #gone: GoneMark[] = []
  #areHeadsDue = false
  #headsAt = -Infinity
  #headsTimer: Timer | null = null
  #timer: Timer | null = null
  #flushing: Promise<void> = Promise.resolve()

  constructor(deps: OwnSyncDeps) {
    this.#deps = deps
  }

  /** The user has read this conversation (hex) up to the message with this id (hex). */
  read(conv: string, mid: string): void {
    if (!this.#hasOthers()) return
    this.#marks.set(conv, mid)
    this.#soon()
  }

  /** This device wrote version `ver` of a sealed document. */
  wrote(name: string, ver: number): void {
    if (!this.#hasOthers()) return
    this.#versions.set(name, ver)
    this.#soon()
  }

  /** The chain of this device has grown. */
  appended(): void {
    if (!this.#hasOthers()) return
    const { clock } = this.#deps
    const wait = Math.max(0, this.#headsAt + HEADS_EVERY_MS - clock.monotonic())
    this.#headsTimer ??= clock.after(wait, () => {
      this.#headsTimer = null
      this.#areHeadsDue = true
      this.#soon()
    })
  }

  /** The user has deleted a conversation for good. Durable when it resolves. */
  async deleted({ conv, number, at }: GoneMark): Promise<void> {
    if (this.#hasOthers()) await this.#send({ gone: [[fromHex(conv), number, at]] })
  }

  /** After a removal: the devices that stay get the keys of the new epoch; roots stay in the vault (PROTOCOL 5.4). */
  async pass(keys: ArchiveKeys): Promise<void> {
    if (this.#hasOthers()) await this.#send({ ak: keys.serialize() })
  }

  /** After a removal: what the removed device could read is replaced. */
  async reseal(): Promise<void> {
    for (const document of this.#deps.documents().values()) await document.reseal()
  }

  /** Fetches every document: what was missed, for whatever reason. */
  async refresh(): Promise<void> {
    for (const [name, document] of this.#deps.documents()) await this.#load(name, document)
  }

  /** What another device of ours says. */
  async take(
    { rd = [], bl = [], hh = [], gone = [], ak }: PayloadOf<'sync'>,
    dev: Bytes,
  ): Promise<void> {
    await this.#deps.heads().heard(hh)
    this.#gone.push(...gone.map(([conv, number, at]) => ({ conv: hex(conv), dev, number, at })))
    this.#heard.push(...rd.map(([conv, mid]) => [hex(conv), hex(mid)] as const))
    if (ak !== undefined) await this.#keep(ak)
    const documents = this.#deps.documents()
    for (const [name, ver] of bl) {
      const document = documents.get(name)
      if (document === undefined || document.version >= ver) continue
      // asks the server, and mails must not wait for that
      void this.#load(name, document).then((isLoaded) => {
        if (isLoaded && document.version < ver) this.#alarm(name)
      })
    }
  }

  /** Once the messages that came along are stored: numbers are this device's own, so the mark is the message. */
  async applyMarks(): Promise<void> {
    for (const mark of this.#gone.splice(0)) await this.#deps.gone.take(mark)
    if (this.#heard.length === 0) return
    const { parties, messages } = this.#deps
    const later: (readonly [conv: string, mid: string])[] = []
    for (const mark of this.#heard) {
      const [conv, mid] = mark
      const row = await messages().byKey(mid)
      if (row === null) later.push(mark)
      else if (row.conv === conv) await parties.read(conv, row.number)
    }
    this.#heard = later.slice(-MARKS_MAX)
  }

  /** What waits is in the outbox when it resolves. */
  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#headsTimer?.cancel()
    this.#flush()
    await this.#flushing
  }

  #hasOthers(): boolean {
    return (this.#deps.peers.get(this.#deps.acct)?.pin.devs.length ?? 0) > 1
  }

  #soon(): void {
    this.#timer ??= this.#deps.clock.after(DELAY_MS, () => {
      this.#timer = null
      this.#flush()
    })
  }

  #flush(): void {
    this.#flushing = this.#flushing
      .then(() => this.#write())
      .catch((error: unknown) => {
        this.#deps.log.warn('client.sync', { code: codeOf(error) })
      })
  }

  async #write(): Promise<void> {
    while (this.#marks.size + this.#versions.size > 0 || this.#areHeadsDue) {
      this.#areHeadsDue = false
      this.#headsAt = this.#deps.clock.monotonic()
      this.#headsTimer?.cancel()
      this.#headsTimer = null
      const hh = this.#deps.heads().told
      const marks = [...this.#marks].slice(0, MARKS_MAX)
      const versions = [...this.#versions].slice(0, VERSIONS_MAX)
      for (const [conv] of marks) this.#marks.delete(conv)
      for (const [name] of versions) this.#versions.delete(name)
      await this.#send({
        ...(marks.length === 0
          ? {}
          : { rd: marks.map(([conv, mid]) => [fromHex(conv), fromHex(mid)] as const) }),
        ...(versions.length === 0 ? {} : { bl: versions }),
        ...(hh.length === 0 ? {} : { hh }),
      })
    }
  }

  async #send(what: Pick<PayloadOf<'sync'>, 'rd' | 'bl' | 'hh' | 'gone' | 'ak'>): Promise<void> {
    const { outbox, clock, peers, acct } = this.#deps
    const conv = peers.get(acct)?.conv
    if (conv === undefined) return
    await outbox().add({ k: 'sync', id: randomBytes(16), ts: clock.now(), ...what }, { conv })
  }

  /** Only the epoch that our own signed list names, and only if it is new here: nobody replaces keys that are in use. */
  async #keep(bytes: Bytes): Promise<void> {
    const { profile, directory, acct, log } = this.#deps
    try {
      const keys = ArchiveKeys.restore(bytes)
      if (profile.archives.some(({ e }) => e === keys.e)) return
      const me = await directory.refresh(acct)
      if (directory.listOf(me).re !== keys.e) return
      await profile.saveArchives([...profile.archives, keys])
    } catch (error) {
      // the mail comes again when there is somebody to ask
      if (LATER.has(codeOf(error))) throw error
      log.warn('client.sync.keys', { code: codeOf(error) })
      return
    }
    void this.refresh()
  }

  async #load(name: string, document: Document): Promise<boolean> {
    try {
      await document.load()
      return true
    } catch (error) {
      this.#deps.log.info('client.sync.load', { code: codeOf(error), name })
      return false
    }
  }

  #alarm(name: string): void {
    this.#deps.emit({
      type: 'notice',
      level: 'alarm',
      code: 'E_ROLLBACK',
      text: `The server offers an older version of your list "${name}" than another device of yours has written. Do not trust what it shows; tell its operator.`,
    })
  }
}
