// Pins and acceptance for the account's other devices, in the blob `contacts` (PROTOCOL 7.3, 11): a new device starts with
// the identities the old ones have checked, and no contact becomes a stranger again.
import { decodePin, encodePin, type PeerPin } from '../../identity/pin.ts'
import { bRange, c, check, flag, list, map, opt, type Shape, u } from '../../protocol/shape.ts'
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import type { Records } from '../../storage/ports.ts'
import { type Bytes, hex } from '../../util/bytes.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { codeOf } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { Peer } from './peer.ts'
import type { Peers } from './peers.ts'
import { type BlobDeps, SealedBlob } from './sealed-blob.ts'

const KIND = 'meta'
const ID = 'contacts'
const ENTRIES_MAX = 2000
/** Changes come in groups. */
const DELAY_MS = 5000
/** Pins of about 170 bytes; the sealed blob has at most 64 KiB. */
const BYTES_MAX = 56 * 1024

interface Entry {
  /** The pin in its canonical bytes. */
  readonly p: Bytes
  readonly a?: true
  readonly n: string
}

interface Book {
  readonly list: readonly Entry[]
}

const BOOK: Shape<Book> = map({
  list: list(map({ p: bRange(1, 49152), a: opt(flag), n: c(64) }), ENTRIES_MAX),
})

const STORED = map({ v: u, b: BOOK })

export interface Known {
  readonly pin: PeerPin
  readonly accepted: boolean
  readonly displayName: string
}

export interface BookDeps extends Omit<BlobDeps<Book>, 'name' | 'shape'> {
  readonly records: Records
  readonly peers: Peers
  readonly clock: Clock
  readonly log: Log
  /** Other devices may know more about these accounts than this one. */
  learned(known: readonly Known[]): void
}

export class ContactBook {
  readonly #deps: BookDeps
  readonly #blob: SealedBlob<Book>
  readonly #known = new Map<string, Known>()
  #ver: number
  #timer: Timer | null = null
  #dirty = false
  #stopped = false

  private constructor(deps: BookDeps, ver: number) {
    this.#deps = deps
    this.#ver = ver
    this.#blob = new SealedBlob({ ...deps, name: 'contacts', shape: BOOK }, ver)
    deps.link.add({
      online: () => {
        if (this.#dirty) this.changed()
      },
    })
  }

  static async open(deps: BookDeps): Promise<ContactBook> {
    const record = await deps.records.get(KIND, ID)
    const stored = record === null ? null : check(STORED, decodeStrict(record.body), 'contacts')
    const book = new ContactBook(deps, stored?.v ?? 0)
    if (stored !== null) book.#learn(stored.b)
    return book
  }

  get version(): number {
    return this.#ver
  }

  /** What another device knows of an account that this one has not met yet. */
  find(acct: Bytes): Known | undefined {
    return this.#known.get(hex(acct))
  }

  findByName(user: string): Known | undefined {
    return [...this.#known.values()].find(
      ({ pin }) => pin.user === user || (pin.former as readonly string[]).includes(user),
    )
  }

  pins(): PeerPin[] {
    return [...this.#known.values()].map(({ pin }) => pin)
  }

  /** Fetches what other devices wrote; before the first mail is looked at on a new device. */
  async load(): Promise<void> {
    const { ver, content } = await this.#blob.read()
    if (content === null || ver === this.#ver) return
    await this.#keep(ver, content)
    this.#deps.learned([...this.#known.values()])
  }

  reseal(): Promise<void> {
    return this.#blob.reseal()
  }

  /** Something that belongs into the book changed: written a little later. */
  changed(): void {
    this.#dirty = true
    if (this.#stopped) return
    this.#timer ??= this.#deps.clock.after(DELAY_MS, () => {
      this.#timer = null
      this.#write().catch((error: unknown) => {
        if (!this.#stopped) this.#deps.log.info('client.contacts', { code: codeOf(error) })
      })
    })
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  async #write(): Promise<void> {
    if (!this.#deps.link.online) return
    this.#dirty = false
    const { ver, content } = await this.#blob.change((current) => this.#merge(current))
    if (content !== null) await this.#keep(ver, content)
  }

  /** Per account the longer history wins; acceptance and comparison are never taken back here. */
  #merge(current: Book | null): Book {
    const entries = new Map<string, Entry>()
    for (const entry of current?.list ?? []) entries.set(hex(decodePin(entry.p).acct), entry)
    const mine = this.#deps.peers.all().filter(worthKeeping)
    for (const peer of mine) {
      const old = entries.get(peer.id)
      const older = old === undefined ? undefined : decodePin(old.p)
      const pin = older !== undefined && older.n > peer.pin.n ? older : peer.pin
      const verified = pin.verified || (older?.verified === true && older.j === pin.j)
      entries.set(peer.id, {
        p: encodePin({ ...pin, verified }),
        n: peer.displayName !== '' ? peer.displayName : (old?.n ?? ''),
        ...(peer.accepted || old?.a === true ? { a: true } : {}),
      })
    }
    return { list: fitting([...entries.values()]) }
  }

  async #keep(ver: number, book: Book): Promise<void> {
    this.#ver = ver
    this.#learn(book)
    await this.#deps.records.put(KIND, ID, encode({ v: ver, b: book }))
  }

  #learn(book: Book): void {
    for (const { p, a, n } of book.list) {
      const pin = decodePin(p)
      this.#known.set(hex(pin.acct), { pin, accepted: a === true, displayName: n })
    }
  }
}

function worthKeeping(peer: Peer): boolean {
  return peer.accepted || peer.pin.verified
}

/** The server's limit holds some hundreds; accepted contacts first. */
function fitting(entries: readonly Entry[]): Entry[] {
  const sorted = [...entries].sort((p, q) => Number(q.a === true) - Number(p.a === true))
  const kept: Entry[] = []
  let bytes = 0
  for (const entry of sorted) {
    bytes += entry.p.length + Buffer.byteLength(entry.n) + 16
    if (bytes > BYTES_MAX) break
    kept.push(entry)
  }
  return kept
}
