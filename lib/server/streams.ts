// Sender streams as the server sees them: who may append, to which mailboxes, what index comes next (PROTOCOL 5.5, 9, 14).
// They live in bounded memory only. One that was forgotten (restart, eviction) is E_UNKNOWN_STREAM: its sender opens
// another with the same message ids, and receivers know those.
import { sha256 } from '../crypto/hash.ts'
import type { Wrap } from '../protocol/composites.ts'
import { base64url, type Bytes, concat, equal, view } from '../util/bytes.ts'
import { boxOf, accountId } from './ids.ts'
import type { StreamHead } from './head.ts'
import { refuse } from './refusal.ts'

export interface Recipient {
  readonly box: string
  readonly acct: Bytes
}

type Done = (error: unknown) => void

/** About: two RSA and ML-KEM ciphertexts and a sealed secret (PROTOCOL 6.2). */
const WRAP_BYTES = 1400

/** One `st.open` of a stream: the wraps from `at` on. */
interface Part {
  readonly at: number
  readonly count: number
  readonly digest: Bytes
}

export class Stream {
  readonly st: Bytes
  readonly owner: DeviceStreams
  readonly recipients: readonly Recipient[]
  /** Accounts it goes to and the sender's own, for the index of streams to be told about changes. */
  readonly accounts: readonly { readonly id: string; readonly acct: Bytes }[]
  /** Unique in a mailbox together with the index, whatever other senders choose. */
  readonly idPrefix: string
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

  constructor(owner: DeviceStreams, st: Bytes, headBytes: Bytes, head: StreamHead) {
    this.owner = owner
    this.st = st
    const { acct: sender } = owner
    const named = head.to.map(({ acct }) => acct)
    // own other devices are recipients, too: one that is new is not in the head yet
    const watched = named.some((acct) => equal(acct, sender)) ? named : [...named, sender]
    this.accounts = watched.map((acct) => ({ id: accountId(acct), acct }))
    this.recipients = head.to.flatMap(({ acct, devs }) => {
      const id = accountId(acct)
      return devs.map(({ dev }) => ({ box: boxOf(id, dev), acct }))
    })
    this.idPrefix = `${base64url(concat(owner.acct.subarray(0, 8), owner.dev, st))}.`
    this.#head = headBytes
    this.#headDigest = sha256(headBytes)
    this.pendingBytes = headBytes.length
  }

  /** Not, or no longer, among the streams of its device: closed by a failure, a limit, or because its device is gone. */
  get isDropped(): boolean {
    return this.owner.get(this.st) !== this
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
  }

  #pend(bytes: number): void {
    this.pendingBytes += bytes
    if (!this.isDropped) this.owner.pending(bytes)
  }
}

/** The streams of one sending device; they outlive its connection. */
export class DeviceStreams {
  readonly acct: Bytes
  readonly dev: Bytes
  readonly box: string
  /** Least recently used first. */
  readonly streams = new Map<string, Stream>()
  /** Of its streams without a first message. */
  pendingBytes = 0
  readonly #all: Streams

  constructor(all: Streams, acct: Bytes, dev: Bytes) {
    this.#all = all
    this.acct = acct
    this.dev = dev
    this.box = boxOf(accountId(acct), dev)
  }

  get(st: Bytes): Stream | undefined {
    return this.streams.get(streamKey(st))
  }

  add(stream: Stream): void {
    this.streams.set(streamKey(stream.st), stream)
    this.pending(stream.pendingBytes)
    this.#all.added(stream)
  }

  /** The client has to open another one. */
  drop(stream: Stream): void {
    if (!this.streams.delete(streamKey(stream.st))) return
    this.pending(-stream.pendingBytes)
    stream.pendingBytes = 0
    this.#all.dropped(stream)
  }

  pending(bytes: number): void {
    this.pendingBytes += bytes
    this.#all.pendingBytes += bytes
  }

  /** Keeps the stream from being the next that is forgotten. */
  touch(stream: Stream): void {
    const key = streamKey(stream.st)
    if (this.streams.delete(key)) this.streams.set(key, stream)
  }
}

function streamKey(st: Bytes): string {
  return view(st).toString('latin1')
}

/** All streams, bounded per device and in total. */
export class Streams {
  /** Senders with streams by mailbox name; the one that opened a stream longest ago first. */
  readonly #devices = new Map<string, DeviceStreams>()
  readonly #byRecipient = new Map<string, Set<Stream>>()
  readonly #perDevice: number
  readonly #total: number
  #count = 0
  pendingBytes = 0

  constructor(limits: { readonly perDevice: number; readonly total: number }) {
    this.#perDevice = limits.perDevice
    this.#total = limits.total
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

  added(stream: Stream): void {
    const { owner } = stream
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
    if (owner.streams.size > this.#perDevice) dropOldest(owner)
    if (this.#count <= this.#total) return
    for (const oldest of this.#devices.values()) {
      dropOldest(oldest)
      return
    }
  }

  dropped(stream: Stream): void {
    this.#count--
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
