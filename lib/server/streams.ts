// Sender streams as the server sees them: who may append, to which mailboxes, what index comes next (PROTOCOL 5.5, 9, 14).
// They live in bounded memory only. One that was forgotten (restart, eviction) is E_UNKNOWN_STREAM: its sender opens
// another with the same message ids, and receivers know those.
import { sha256 } from '../crypto/hash.ts'
import type { Wrap } from '../protocol/composites.ts'
import { sendCost } from '../protocol/limits.ts'
import { base64url, type Bytes, concat, equal, view } from '../util/bytes.ts'
import { boxOf, accountId } from './ids.ts'
import type { StreamHead } from './head.ts'
import { refuse } from './refusal.ts'

export interface Recipient {
  readonly box: string
  readonly acct: Bytes
  /** A device of the sender's own account. */
  readonly isOwn: boolean
}

type Done = (error: unknown) => void

/** About: two RSA and ML-KEM ciphertexts and a sealed secret (PROTOCOL 6.2). */
const WRAP_BYTES = 1400
/** A stream without a first message is forgotten: its sender is gone, or never meant to send one. */
const UNUSED_MS = 60_000
/** What a stream takes besides its recipients, counted in recipients. */
const OWN_SIZE = 4
/** Of a device that uses all its streams; larger ones push out others of the same device. */
const MEAN_SIZE = 16

/** One `st.open` of a stream: the wraps from `at` on. */
interface Part {
  readonly at: number
  readonly count: number
  readonly digest: Bytes
}

export class Stream {
  readonly st: Bytes
  /** `st` as the key of maps. */
  readonly key: string
  readonly owner: DeviceStreams
  readonly recipients: readonly Recipient[]
  /** Accounts it goes to and the sender's own, for the index of streams to be told about changes. */
  readonly accounts: readonly { readonly id: string; readonly acct: Bytes }[]
  /** Unique in a mailbox together with the index, whatever other senders choose. */
  readonly idPrefix: string
  /** What a message costs of the budget for sending. */
  readonly cost: number
  /** Memory it takes, in recipients. */
  readonly size: number
  /** Monotonic. */
  readonly since: number
  /** Bytes of head and wraps, kept until the first message carries them into the mailboxes. */
  pendingBytes: number
  /** Index of the next new message. */
  next = 0
  /** Messages that are not durable yet, each with those who wait for it. */
  readonly inFlight = new Map<number, Done[]>()
  /** Recipients whose devices or keys changed: no new message goes out on this stream. */
  changed: Map<string, Bytes> | null = null
  #opening: Done[] | null = null
  readonly #headDigest: Bytes
  readonly #parts: Part[] = []
  #head: Bytes | null
  #wraps: Wrap[] | null = []

  constructor(owner: DeviceStreams, st: Bytes, headBytes: Bytes, head: StreamHead, now: number) {
    this.owner = owner
    this.since = now
    this.size = OWN_SIZE + head.deviceCount
    this.st = st
    this.key = streamKey(st)
    this.cost = sendCost(head.deviceCount)
    const { acct: sender } = owner
    const named = head.to.map(({ acct }) => acct)
    // own other devices are recipients, too: one that is new is not in the head yet
    const watched = named.some((acct) => equal(acct, sender)) ? named : [...named, sender]
    this.accounts = watched.map((acct) => ({ id: accountId(acct), acct }))
    this.recipients = head.to.flatMap(({ acct, devs }) => {
      const id = accountId(acct)
      const isOwn = id === owner.id
      return devs.map(({ dev }) => ({ box: boxOf(id, dev), acct, isOwn }))
    })
    this.idPrefix = `${base64url(concat(owner.acct.subarray(0, 8), owner.dev, st))}.`
    this.#head = headBytes
    this.#headDigest = sha256(headBytes)
    this.pendingBytes = headBytes.length
  }

  /** Not, or no longer, among the streams of its device: closed by a failure, a limit, or because its device is gone. */
  get isDropped(): boolean {
    return this.owner.streams.get(this.key) !== this
  }

  /** All wraps have arrived. */
  get isComplete(): boolean {
    return this.#wraps === null || this.#wraps.length === this.recipients.length
  }

  /** The directory is being asked; what comes for this stream meanwhile waits. */
  beginOpening(): void {
    this.#opening = []
  }

  /** `error` null: open. Else the stream is dropped. */
  endOpening(error: unknown): void {
    const waiting = this.#opening ?? []
    this.#opening = null
    if (error !== null) this.owner.drop(this)
    for (const go of waiting) go(error)
  }

  /** True: it is open, now. Else `fn` is called when that is decided. */
  whenOpen(fn: Done): boolean {
    if (this.#opening === null) return true
    this.#opening.push(fn)
    return false
  }

  /** Adds the wraps of one `st.open`; the same part again changes nothing. @throws E_STATE for other bytes */
  addPart(at: number, head: Bytes | undefined, wraps: readonly Wrap[]): void {
    if (head !== undefined && !equal(sha256(head), this.#headDigest)) refuse('E_STATE')
    const digest = sha256(...wraps.flat())
    const known = this.#parts.find((part) => part.at === at)
    if (known !== undefined) {
      if (known.count !== wraps.length || !equal(known.digest, digest)) refuse('E_STATE')
      return
    }
    const have = this.#wraps?.length ?? this.recipients.length
    if (at !== have || wraps.length === 0) refuse('E_STATE')
    if (at + wraps.length > this.recipients.length) refuse('E_STATE')
    this.#wraps?.push(...wraps)
    this.#parts.push({ at, count: wraps.length, digest })
    this.#pend(wraps.length * WRAP_BYTES)
  }

  /** What opens the stream at recipient `k`; only for the first message. */
  opening(k: number): { readonly head: Bytes; readonly wrap: Wrap } | undefined {
    const wrap = this.#wraps?.[k]
    return this.#head === null || wrap === undefined ? undefined : { head: this.#head, wrap }
  }

  /** The first message is on its way into the mailboxes. */
  opened(): void {
    this.#head = null
    this.#wraps = null
    this.#pend(-this.pendingBytes)
    this.owner.used(this)
  }

  #pend(bytes: number): void {
    this.pendingBytes += bytes
    if (!this.isDropped) this.owner.pending(bytes, this)
  }
}

/** The streams of one sending device; they outlive its connection. */
export class DeviceStreams {
  readonly acct: Bytes
  /** Of the account, and its share of every mailbox. */
  readonly id: string
  readonly dev: Bytes
  readonly box: string
  /** Least recently used first. */
  readonly streams = new Map<string, Stream>()
  /** Of its streams without a first message. */
  pendingBytes = 0
  /** Of all its streams, in recipients. */
  size = 0
  readonly #all: Streams

  constructor(all: Streams, acct: Bytes, dev: Bytes) {
    this.#all = all
    this.acct = acct
    this.id = accountId(acct)
    this.dev = dev
    this.box = boxOf(this.id, dev)
  }

  get(st: Bytes): Stream | undefined {
    return this.streams.get(streamKey(st))
  }

  add(stream: Stream): void {
    this.streams.set(stream.key, stream)
    this.size += stream.size
    this.pending(stream.pendingBytes)
    this.#all.added(stream)
  }

  /** Its first message has taken head and wraps along. */
  used(stream: Stream): void {
    this.#all.used(stream)
  }

  /** The client has to open another one. */
  drop(stream: Stream): void {
    if (!this.streams.delete(stream.key)) return
    this.size -= stream.size
    this.pending(-stream.pendingBytes)
    stream.pendingBytes = 0
    this.#all.dropped(stream)
  }

  /** `grown`: a stream that was here before. */
  pending(bytes: number, grown?: Stream): void {
    this.pendingBytes += bytes
    this.#all.pendingBytes += bytes
    if (grown !== undefined) this.#all.fitPending(grown)
  }

  /** Keeps the stream from being the next that is forgotten. */
  touch(stream: Stream): void {
    if (this.streams.delete(stream.key)) this.streams.set(stream.key, stream)
  }
}

function streamKey(st: Bytes): string {
  return view(st).toString('latin1')
}

/** All streams, bounded per device and in total: their number, and the memory of large ones. */
export class Streams {
  /** Senders with streams by mailbox name; the one that opened a stream longest ago first. */
  readonly #devices = new Map<string, DeviceStreams>()
  readonly #byRecipient = new Map<string, Set<Stream>>()
  /** Without a first message, the oldest first. */
  readonly #unused = new Set<Stream>()
  readonly #perDevice: number
  readonly #total: number
  readonly #maxPendingBytes: number
  #count = 0
  #size = 0
  pendingBytes = 0

  constructor(limits: {
    readonly perDevice: number
    /** In recipients. */
    readonly total: number
    /** Heads and wraps that wait for a first message. */
    readonly pendingBytes: number
  }) {
    this.#perDevice = limits.perDevice
    this.#total = limits.total
    this.#maxPendingBytes = limits.pendingBytes
  }

  get count(): number {
    return this.#count
  }

  of(acct: Bytes, dev: Bytes): DeviceStreams {
    return this.#devices.get(boxOf(accountId(acct), dev)) ?? new DeviceStreams(this, acct, dev)
  }

  /**
   * Devices or keys of an account changed: streams to it or from it take no new message (E_STALE_STREAM).
   * `by`: the mailbox name of the only device whose keys changed; what it sends itself is not concerned.
   */
  accountChanged(id: string, by?: string): void {
    for (const stream of this.#byRecipient.get(id) ?? []) {
      if (stream.owner.box === by) continue
      const account = stream.accounts.find((a) => a.id === id)
      if (account !== undefined) (stream.changed ??= new Map()).set(id, account.acct)
    }
  }

  /** The device was removed from its account. */
  forgetDevice(box: string): void {
    const device = this.#devices.get(box)
    for (const stream of device?.streams.values() ?? []) device?.drop(stream)
  }

  used(stream: Stream): void {
    this.#unused.delete(stream)
  }

  /** Forgets streams that were opened and not used. */
  sweep(now: number): void {
    for (const stream of this.#unused) {
      if (now - stream.since < UNUSED_MS) return
      stream.owner.drop(stream)
    }
  }

  added(stream: Stream): void {
    const { owner } = stream
    this.#unused.add(stream)
    this.#size += stream.size
    const known = this.#devices.get(owner.box)
    this.#devices.delete(owner.box)
    this.#devices.set(owner.box, owner)
    this.#count++
    for (const { id } of stream.accounts) {
      const set = this.#byRecipient.get(id)
      if (set === undefined) this.#byRecipient.set(id, new Set([stream]))
      else set.add(stream)
    }
    // a connection that was replaced may finish opening a stream afterwards
    if (known !== undefined && known !== owner)
      for (const s of known.streams.values()) known.drop(s)
    while (
      owner.streams.size > this.#perDevice ||
      (owner.streams.size > 1 && owner.size > this.#perDevice * MEAN_SIZE)
    ) {
      dropOldest(owner)
    }
    this.#makeRoom(stream)
    this.fitPending(stream)
  }

  /** The oldest unused streams go before the newest: whoever opens one sends at once. */
  fitPending(newest: Stream): void {
    if (this.pendingBytes <= this.#maxPendingBytes) return
    for (const stream of this.#unused) {
      if (this.pendingBytes <= this.#maxPendingBytes) return
      if (stream !== newest) stream.owner.drop(stream)
    }
  }

  #makeRoom(newest: Stream): void {
    for (const device of this.#devices.values()) {
      for (const stream of device.streams.values()) {
        if (this.#size <= this.#total) return
        if (stream !== newest) device.drop(stream)
      }
    }
  }

  dropped(stream: Stream): void {
    this.#count--
    this.#size -= stream.size
    this.#unused.delete(stream)
    for (const { id } of stream.accounts) {
      const set = this.#byRecipient.get(id)
      set?.delete(stream)
      if (set?.size === 0) this.#byRecipient.delete(id)
    }
    const { owner } = stream
    if (owner.streams.size === 0 && this.#devices.get(owner.box) === owner) {
      this.#devices.delete(owner.box)
    }
  }
}

function dropOldest(device: DeviceStreams): void {
  for (const oldest of device.streams.values()) {
    device.drop(oldest)
    return
  }
}
