// What the programs need of durable storage and of routing. Adapters live beside this file and are built in cli/ only;
// spec/storage/contract.ts runs against every one of them.
import type { Bytes } from '../util/bytes.ts'

/** Names by which a record can be found: at most one record per unique key, any number per index key. */
export interface Keys {
  readonly unique?: Readonly<Record<string, string>>
  readonly index?: Readonly<Record<string, string>>
}

export interface Rec extends Keys {
  readonly id: string
  readonly rev: number
  readonly body: Bytes
}

export type Created =
  | { readonly ok: true; readonly rev: 1 }
  | { readonly ok: false; readonly conflict: 'id' | { readonly unique: string } }

export type Updated =
  | { readonly ok: true; readonly rev: number }
  | { readonly ok: false; readonly conflict: 'missing' | 'rev' | { readonly unique: string } }

/**
 * Small opaque records (body <= 256 KiB, else E_TOO_BIG). Kinds are `[a-z][a-z0-9-]*` and fields `[a-zA-Z][a-zA-Z0-9]*`, at
 * most 32 characters; ids and keys are any text. Every call is atomic on ONE record, linearizable, and durable when it resolves.
 * Rejects with E_STORE when the outcome of a write is unknown (retry with the same id or the same expected rev), and with
 * E_DISK_FULL when there is no room for it.
 */
export interface Records {
  create(kind: string, id: string, body: Bytes, keys?: Keys): Promise<Created>
  /** Null when there is no such record. */
  get(kind: string, id: string): Promise<Rec | null>
  getUnique(kind: string, field: string, key: string): Promise<Rec | null>
  /**
   * Ordered by id (code units), exclusive cursor; a record present for the whole scan appears exactly once.
   * `descending` with afterId null starts at the newest: the last page of a conversation.
   */
  list(
    kind: string,
    field: string,
    key: string,
    afterId: string | null,
    limit: number,
    order?: 'ascending' | 'descending',
  ): Promise<Rec[]>
  /** Compare-and-set on rev; replaces body and all keys; moves unique keys atomically. */
  update(kind: string, id: string, expectRev: number, body: Bytes, keys?: Keys): Promise<Updated>
  /**
   * Create or replace whatever the rev; for state with a single writer (the client's own).
   * Rejects with E_TAKEN when another record holds one of the unique keys.
   */
  put(kind: string, id: string, body: Bytes, keys?: Keys): Promise<void>
  /** Many `put`s of one kind, one disk flush; not atomic across items: a crash or an error leaves the first few. */
  putMany(
    kind: string,
    items: readonly { readonly id: string; readonly body: Bytes; readonly keys?: Keys }[],
  ): Promise<void>
  /** True when a record was removed; false when there was none or its rev differs. */
  delete(kind: string, id: string, expectRev?: number): Promise<boolean>
  /** Many `delete`s of one kind, one disk flush; ids that are not there are passed over. Not atomic across items. */
  deleteMany(kind: string, ids: readonly string[]): Promise<void>
}

export interface Incoming {
  readonly box: string
  /** Who sends it: nobody's mail takes more than a share of a box and of all boxes. */
  readonly from: string
  /** The box is one of the sender's: no others have to be left room in it. */
  readonly isOwn: boolean
  /** Unique within the box: (stream, index) of the transmission. */
  readonly id: string
  readonly body: Bytes
  /** Milliseconds since 1970 after which the entry may be dropped. */
  readonly expires: number
  /** The receiver is connected and will probably acknowledge within milliseconds: the write may wait a little. */
  readonly likelyAcked: boolean
}

export interface Entry {
  readonly seq: number
  readonly id: string
  readonly body: Bytes
  readonly expires: number
}

export type Appended =
  | { readonly status: 'stored' | 'duplicate'; readonly seq: number }
  | { readonly status: 'acked' }
  /** The box, or all boxes, cannot take it: from nobody, or from this sender only. */
  | { readonly status: 'full' | 'share-full' }

/** Queues, one per device. seq strictly grows per box and is never reused, also across restarts and after the box was emptied. */
export interface Mailboxes {
  /**
   * Resolves per item when it is durable, or when it was acknowledged before it had to be written.
   * `assigned(index, seq)` is called as soon as the number of a new item is known, before durability:
   * the moment for a live push. Items for one box keep array order. NOT atomic across items.
   */
  append(
    items: readonly Incoming[],
    assigned?: (index: number, seq: number) => void,
  ): Promise<Appended[]>
  /**
   * Entries with seq > after, ascending; also those whose append has not resolved yet, and those that expired until they are
   * swept: an `ack` reaches whatever lies below, so that nothing may be passed over only because a clock has jumped.
   */
  read(box: string, after: number, limit: number): Promise<Entry[]>
  /** Removes every entry with seq <= upTo. Idempotent. May be lost on power failure (the entry is then delivered again). */
  ack(box: string, upTo: number): Promise<void>
  usage(box: string): Promise<{ readonly count: number; readonly bytes: number }>
  /** Of all boxes together. */
  total(): Promise<{ readonly count: number; readonly bytes: number }>
  drop(box: string): Promise<void>
  /** Drops entries that expired before `now`; resolves to how many. */
  sweep(now: number): Promise<number>
}

export interface LogHead {
  readonly first: number
  readonly next: number
  readonly bytes: number
}

export type LogAppended =
  | { readonly ok: true; readonly next: number }
  | { readonly ok: false; readonly conflict: LogHead }
  | { readonly ok: false; readonly full: true }

/** Append-only chunk lists (history batches). */
export interface Logs {
  /** Appends all chunks or none; compare-and-append on expectNext (an idempotent retry sees a conflict with the new head). */
  append(log: string, expectNext: number, chunks: readonly Bytes[]): Promise<LogAppended>
  read(
    log: string,
    from: number,
    to: number,
    maxBytes: number,
  ): Promise<{ readonly seq: number; readonly body: Bytes }[]>
  head(log: string): Promise<LogHead>
  truncate(log: string, before: number): Promise<void>
  drop(log: string): Promise<void>
}

export interface Store {
  readonly records: Records
  readonly mail: Mailboxes
  readonly logs: Logs
  health(): Promise<'ok' | 'readonly' | 'down'>
  /** Waits for every write under way, then releases files and lock. */
  close(): Promise<void>
}

/** What is known of one stored file; `have` is a bitmap, chunk 0 = highest bit of byte 0 (PROTOCOL 14.2). */
export interface FileState {
  readonly chunkCount: number
  readonly have: Bytes
  readonly expires: number
  readonly owner: string
  readonly bytes: number
}

/** Sealed file chunks in plain files, never in memory; the name of a file is its fid in hex. */
export interface Files {
  /** Null: unknown fid. */
  stat(fid: string): Promise<FileState | null>
  /**
   * Creates the file with its first chunk; later chunks must come from the same owner with the same count (else 'mismatch').
   * 'full' = a quota (the owner's, that of all) or the disk floor is reached; nothing was kept. The last missing chunk resolves when all are on disk.
   */
  put(
    fid: string,
    owner: string,
    chunkCount: number,
    index: number,
    chunk: Bytes,
    expires: number,
  ): Promise<'stored' | 'duplicate' | 'full' | 'mismatch'>
  /** Null when the chunk is not there (yet). */
  get(fid: string, index: number): Promise<Bytes | null>
  /** True when it was there and belonged to the owner. */
  delete(fid: string, owner: string): Promise<boolean>
  /** Deletes every file of one owner (an account that leaves); resolves to how many. */
  deleteOwned(owner: string): Promise<number>
  /** What counts against the owner's quota now. */
  usage(owner: string): Promise<{ readonly count: number; readonly bytes: number }>
  sweep(now: number): Promise<number>
  close(): Promise<void>
}

/** Hands a frame to whichever node holds a device's live session. At most once, best effort, ordered per (sending node, box). */
export interface Router {
  /** After it resolves, every publish started later from any node reaches `on`; the caller then reads the mailbox. */
  attach(box: string, on: (message: Bytes) => void): Promise<() => Promise<void>>
  /** 'absent': nobody was attached; 'unknown': in doubt, treat as absent. The mailbox is the truth either way. */
  publish(box: string, message: Bytes): Promise<'sent' | 'absent' | 'unknown'>
  close(): Promise<void>
}
