// Records over NeDB files, one per kind. Questions are answered from a RecordTable; a file only remembers. A new version of
// a record is a new document under the next number, so the newest number of an id wins when a crash left two of them.
import { view, type Bytes } from '../../util/bytes.ts'
import { fail, type SecureChatError } from '../../util/errors.ts'
import type { DiskSpace } from '../disk-space.ts'
import type { Created, Keys, Rec, Records, Updated } from '../ports.ts'
import { checkKind, checkRecord } from '../record-rules.ts'
import { type ListOrder, RecordTable, type Row } from '../record-table.ts'
import { Collection, type Changes, type CollectionOptions } from './collection.ts'
import type { Pausable } from './freeze.ts'
import { Lazy } from './lazy.ts'

/** What the table keeps of a record: the number of its document and the base64 that NeDB holds too. */
interface Kept {
  readonly number: number
  readonly base64: string
}

interface RecordDoc {
  readonly _id: number
  readonly i: string
  readonly v: number
  readonly b: string
  readonly u?: Readonly<Record<string, string>>
  readonly x?: Readonly<Record<string, string>>
}

/** About what a body takes on disk besides itself, and how much base64 twice makes of it. */
const DISK_OVERHEAD_BYTES = 300
const DISK_FACTOR = 2

function keysOf(doc: RecordDoc): Keys {
  return {
    ...(doc.u === undefined ? {} : { unique: doc.u }),
    ...(doc.x === undefined ? {} : { index: doc.x }),
  }
}

function recordOf(row: Row<Kept> | undefined): Rec | null {
  if (row === undefined) return null
  return { ...row.keys, id: row.id, rev: row.rev, body: Buffer.from(row.body.base64, 'base64') }
}

/** One kind: its table and its file. */
class Kind {
  readonly #collection: Collection<RecordDoc>
  readonly table: RecordTable<Kept>
  #lastNumber: number

  private constructor(
    collection: Collection<RecordDoc>,
    table: RecordTable<Kept>,
    lastNumber: number,
  ) {
    this.#collection = collection
    this.table = table
    this.#lastNumber = lastNumber
  }

  static async open(options: CollectionOptions): Promise<Kind> {
    const { collection, docs } = await Collection.open<RecordDoc>(options)
    const table = new RecordTable<Kept>()
    const stale: number[] = []
    for (const doc of docs) {
      const keys = keysOf(doc)
      if (typeof doc.i !== 'string' || typeof doc.b !== 'string' || table.conflict(doc.i, keys)) {
        fail('E_CORRUPT', `${options.path} contradicts itself. Nothing was changed.`)
      }
      const body = { number: doc._id, base64: doc.b }
      const before = table.set({ id: doc.i, rev: doc.v, body, keys })
      if (before !== undefined) stale.push(before.body.number)
    }
    if (stale.length > 0) await collection.writeLazily({ stale })
    return new Kind(collection, table, docs.at(-1)?._id ?? 0)
  }

  get failure(): SecureChatError | null {
    return this.#collection.failure
  }

  /** Changes the table and returns what must be written for it. */
  set(
    id: string,
    rev: number,
    body: Bytes,
    keys: Keys,
  ): Required<Omit<Changes<RecordDoc>, 'drop'>> {
    const number = ++this.#lastNumber
    const base64 = view(body).toString('base64')
    const before = this.table.set({ id, rev, body: { number, base64 }, keys })
    const doc: RecordDoc = {
      _id: number,
      i: id,
      v: rev,
      b: base64,
      ...(keys.unique === undefined ? {} : { u: keys.unique }),
      ...(keys.index === undefined ? {} : { x: keys.index }),
    }
    return { add: [doc], stale: before === undefined ? [] : [before.body.number] }
  }

  get file(): Pausable {
    return this.#collection
  }

  write(changes: Changes<RecordDoc>): Promise<void> {
    return this.#collection.write(changes)
  }

  close(): Promise<void> {
    return this.#collection.close()
  }
}

export class NedbRecords implements Records {
  readonly #kinds: Lazy<string, Kind>
  readonly #space: DiskSpace

  constructor(space: DiskSpace, optionsOf: (kind: string) => CollectionOptions) {
    this.#space = space
    this.#kinds = new Lazy((kind) => Kind.open(optionsOf(kind)))
  }

  async create(kind: string, id: string, body: Bytes, keys: Keys = {}): Promise<Created> {
    const open = await this.#toWrite(kind, body, keys)
    if (open.table.get(id) !== undefined) return { ok: false, conflict: 'id' }
    const unique = open.table.conflict(id, keys)
    if (unique !== undefined) return { ok: false, conflict: { unique } }
    await open.write(open.set(id, 1, body, keys))
    return { ok: true, rev: 1 }
  }

  async get(kind: string, id: string): Promise<Rec | null> {
    return recordOf((await this.#open(kind)).table.get(id))
  }

  async getUnique(kind: string, field: string, key: string): Promise<Rec | null> {
    return recordOf((await this.#open(kind)).table.byUnique(field, key))
  }

  async list(
    kind: string,
    field: string,
    key: string,
    afterId: string | null,
    limit: number,
    order: ListOrder = 'ascending',
  ): Promise<Rec[]> {
    const rows = (await this.#open(kind)).table.list(field, key, afterId, limit, order)
    return rows.flatMap((row) => recordOf(row) ?? [])
  }

  async update(
    kind: string,
    id: string,
    expectRev: number,
    body: Bytes,
    keys: Keys = {},
  ): Promise<Updated> {
    const open = await this.#toWrite(kind, body, keys)
    const row = open.table.get(id)
    if (row === undefined) return { ok: false, conflict: 'missing' }
    if (row.rev !== expectRev) return { ok: false, conflict: 'rev' }
    const unique = open.table.conflict(id, keys)
    if (unique !== undefined) return { ok: false, conflict: { unique } }
    await open.write(open.set(id, expectRev + 1, body, keys))
    return { ok: true, rev: expectRev + 1 }
  }

  put(kind: string, id: string, body: Bytes, keys: Keys = {}): Promise<void> {
    return this.putMany(kind, [{ id, body, keys }])
  }

  async putMany(
    kind: string,
    items: readonly { readonly id: string; readonly body: Bytes; readonly keys?: Keys }[],
  ): Promise<void> {
    const open = await this.#open(kind)
    const add: RecordDoc[] = []
    const stale: number[] = []
    try {
      for (const { id, body, keys = {} } of items) {
        this.#check(body, keys)
        const field = open.table.conflict(id, keys)
        if (field !== undefined) fail('E_TAKEN', `another ${kind} record has this ${field}`)
        const changes = open.set(id, (open.table.get(id)?.rev ?? 0) + 1, body, keys)
        add.push(...changes.add)
        stale.push(...changes.stale)
      }
    } finally {
      // what came before a refused item is in the table, so it must be on disk too
      if (add.length > 0) await open.write({ add, stale })
    }
  }

  async delete(kind: string, id: string, expectRev?: number): Promise<boolean> {
    const open = await this.#open(kind)
    const row = open.table.get(id)
    if (row === undefined || (expectRev !== undefined && row.rev !== expectRev)) return false
    open.table.delete(id)
    await open.write({ drop: [row.body.number] })
    return true
  }

  async deleteMany(kind: string, ids: readonly string[]): Promise<void> {
    const open = await this.#open(kind)
    const drop = ids.flatMap((id) => open.table.delete(id)?.body.number ?? [])
    if (drop.length > 0) await open.write({ drop })
  }

  /** Opens one kind now rather than at its first use. */
  async preload(kind: string): Promise<void> {
    await this.#open(kind)
  }

  files(): Pausable[] {
    return Array.from(this.#kinds.opened(), (kind) => kind.file)
  }

  get hasFailed(): boolean {
    return [...this.#kinds.opened()].some((kind) => kind.failure !== null)
  }

  async close(): Promise<void> {
    await this.#kinds.close()
    await Promise.all(Array.from(this.#kinds.opened(), (kind) => kind.close()))
  }

  /** After a failed write the table is ahead of the disk, so reading from it stops as well. */
  async #open(kind: string): Promise<Kind> {
    checkKind(kind)
    const open = await this.#kinds.get(kind)
    if (open.failure !== null) throw open.failure
    return open
  }

  /** As many turns as `#open`: calls take effect in the order in which they were made. */
  #toWrite(kind: string, body: Bytes, keys: Keys): Promise<Kind> {
    this.#check(body, keys)
    return this.#open(kind)
  }

  #check(body: Bytes, keys: Keys): void {
    checkRecord(body, keys)
    if (!this.#space.take(body.length * DISK_FACTOR + DISK_OVERHEAD_BYTES)) {
      fail('E_DISK_FULL', 'The disk is nearly full: nothing new is stored. Free some space.')
    }
  }
}
