// The message store: what was said, paged by conversation. The rest of the client sees the small interface MessageLog, so
// that records can give way to a segmented log. One writer queue: changes to one row never overtake each other.
//
// Every row that changed here is "due" until the archive has it: a mark in the index of the same record, written with the
// row, so that no crash can part the two (PROTOCOL 11).
import type { Keys, Rec, Records } from '../../storage/ports.ts'
import { equal } from '../../util/bytes.ts'
import { GroupCommit } from '../group-commit.ts'
import { without } from '../without.ts'
import { joined } from './restored.ts'
import { decodeRow, encodeRow, type MessageRow } from './row.ts'

export interface Inserted {
  readonly row: MessageRow
  /** False: it was there already; only a placeholder that it makes superfluous was removed. */
  readonly fresh: boolean
  /** It took the number and place of a placeholder. */
  readonly replaced: boolean
}

export interface MessageLog {
  /** Gives the row the next number unless its key is known. `replaces`: the placeholder whose place and number it takes. */
  insert(row: Omit<MessageRow, 'number'>, replaces?: string): Promise<Inserted>
  /** `change` gives the new row or null for "leave it"; resolves to the changed row, null when nothing changed. */
  update(key: string, change: (row: MessageRow) => MessageRow | null): Promise<MessageRow | null>
  /** Resolves to the removed row. */
  remove(key: string): Promise<MessageRow | null>
  byKey(key: string): Promise<MessageRow | null>
  byNumber(number: number): Promise<MessageRow | null>
  /** The newest `limit` rows with a smaller number than `before`, ascending. */
  page(conv: string, before: number | null, limit: number): Promise<MessageRow[]>
  /** The first `limit` rows with a larger number than `number`, ascending. */
  after(conv: string, number: number, limit: number): Promise<MessageRow[]>
  /** Waits for everything asked for so far. */
  idle(): Promise<void>
}

/** Numbers that are kept free for rows of the archive. */
export interface FreeNumbers {
  /** Null: there is none left. */
  take(): number | null
  /** A row of the archive has this number already. */
  used(number: number): void
}

/** What the archive needs beyond that. */
export interface ArchivedLog extends MessageLog {
  /** The first rows that the archive does not have in this version, ascending. */
  due(limit: number): Promise<MessageRow[]>
  /** The archive has these versions; what has changed meanwhile stays due. */
  settle(rows: readonly MessageRow[]): Promise<void>
  /** A row of the archive: `restored` and `filled` say what it is. It is not due. */
  restore(row: Omit<MessageRow, 'number'>, numbers: FreeNumbers): Promise<Inserted>
  /** Numbers up to this one are never given to new rows. */
  reserve(upTo: number): void
  readonly isEmpty: boolean
}

type Change = (row: MessageRow) => MessageRow | null

type Op =
  | { readonly do: 'insert'; readonly row: Omit<MessageRow, 'number'>; readonly replaces?: string }
  | { readonly do: 'update'; readonly key: string; readonly change: Change }
  | { readonly do: 'remove'; readonly key: string }
  | { readonly do: 'settle'; readonly row: MessageRow }
  | {
      readonly do: 'restore'
      readonly row: Omit<MessageRow, 'number'>
      readonly numbers: FreeNumbers
    }

type Result = Inserted | MessageRow | null

const KIND = 'msg'

function idOf(number: number): string {
  return String(number).padStart(12, '0')
}

function rowOf(record: Rec | null | undefined): MessageRow | null {
  return record ? decodeRow(record.body) : null
}

/** The changes of one flush on top of what the store holds. */
class Draft {
  readonly #rows = new Map<string, { readonly row: MessageRow; readonly isDue: boolean }>()
  readonly #records: Records

  constructor(records: Records) {
    this.#records = records
  }

  async find(key: string): Promise<MessageRow | null> {
    return this.#rows.get(key)?.row ?? rowOf(await this.#records.getUnique(KIND, 'key', key))
  }

  put(row: MessageRow, isDue: boolean): void {
    this.#rows.set(row.key, { row, isDue })
  }

  drop(key: string): void {
    this.#rows.delete(key)
  }

  get dueCount(): number {
    return [...this.#rows.values()].filter(({ isDue }) => isDue).length
  }

  items(): { readonly id: string; readonly body: Buffer; readonly keys: Keys }[] {
    return [...this.#rows.values()].map(({ row, isDue }) => ({
      id: idOf(row.number),
      body: encodeRow(row),
      keys: {
        unique: { key: row.key },
        index: { conv: row.conv, ...(isDue ? { due: 'yes' } : {}) },
      },
    }))
  }
}

export class RecordMessageLog implements ArchivedLog {
  readonly #records: Records
  readonly #commit: GroupCommit<Op, Result>
  #next: number
  #onDue: (count: number) => void = () => undefined

  private constructor(records: Records, next: number) {
    this.#records = records
    this.#next = next
    this.#commit = new GroupCommit((ops) => this.#flush(ops))
  }

  /** `convs`: all conversations of the profile; the highest number in them is where counting goes on. */
  static async open(records: Records, convs: readonly string[]): Promise<RecordMessageLog> {
    let last = 0
    for (const conv of convs) {
      const [newest] = await records.list(KIND, 'conv', conv, null, 1, 'descending')
      last = Math.max(last, rowOf(newest)?.number ?? 0)
    }
    return new RecordMessageLog(records, last + 1)
  }

  get isEmpty(): boolean {
    return this.#next === 1
  }

  /** Called after each write that leaves rows due. */
  onDue(listener: (count: number) => void): void {
    this.#onDue = listener
  }

  reserve(upTo: number): void {
    this.#next = Math.max(this.#next, upTo + 1)
  }

  async insert(row: Omit<MessageRow, 'number'>, replaces?: string): Promise<Inserted> {
    const result = await this.#commit.add({
      do: 'insert',
      row,
      ...(replaces === undefined ? {} : { replaces }),
    })
    return result as Inserted
  }

  async update(key: string, change: Change): Promise<MessageRow | null> {
    return (await this.#commit.add({ do: 'update', key, change })) as MessageRow | null
  }

  async remove(key: string): Promise<MessageRow | null> {
    return (await this.#commit.add({ do: 'remove', key })) as MessageRow | null
  }

  async settle(rows: readonly MessageRow[]): Promise<void> {
    await this.#commit.addAll(rows.map((row) => ({ do: 'settle', row })))
  }

  async restore(row: Omit<MessageRow, 'number'>, numbers: FreeNumbers): Promise<Inserted> {
    return (await this.#commit.add({ do: 'restore', row, numbers })) as Inserted
  }

  async byKey(key: string): Promise<MessageRow | null> {
    return rowOf(await this.#records.getUnique(KIND, 'key', key))
  }

  async byNumber(number: number): Promise<MessageRow | null> {
    return rowOf(await this.#records.get(KIND, idOf(number)))
  }

  async page(conv: string, before: number | null, limit: number): Promise<MessageRow[]> {
    const cursor = before === null ? null : idOf(before)
    const records = await this.#records.list(KIND, 'conv', conv, cursor, limit, 'descending')
    return records.map((record) => decodeRow(record.body)).reverse()
  }

  async after(conv: string, number: number, limit: number): Promise<MessageRow[]> {
    const records = await this.#records.list(KIND, 'conv', conv, idOf(number), limit)
    return records.map((record) => decodeRow(record.body))
  }

  async due(limit: number): Promise<MessageRow[]> {
    const records = await this.#records.list(KIND, 'due', 'yes', null, limit)
    return records.map((record) => decodeRow(record.body))
  }

  idle(): Promise<void> {
    return this.#commit.idle()
  }

  async #flush(ops: readonly Op[]): Promise<Result[]> {
    const draft = new Draft(this.#records)
    const results: Result[] = []
    for (const op of ops) results.push(await this.#apply(op, draft))
    const items = draft.items()
    if (items.length > 0) await this.#records.putMany(KIND, items)
    if (draft.dueCount > 0) this.#onDue(draft.dueCount)
    return results
  }

  #apply(op: Op, draft: Draft): Promise<Result> {
    switch (op.do) {
      case 'insert':
        return this.#insert(op.row, op.replaces, draft)
      case 'update':
        return change(op.key, op.change, draft)
      case 'remove':
        return this.#remove(op.key, draft)
      case 'settle':
        return settle(op.row, draft)
      case 'restore':
        return this.#restore(op.row, op.numbers, draft)
    }
  }

  async #insert(
    row: Omit<MessageRow, 'number'>,
    replaces: string | undefined,
    draft: Draft,
  ): Promise<Inserted> {
    const known = await draft.find(row.key)
    const placeholder = replaces === undefined ? null : await draft.find(replaces)
    if (placeholder !== null) draft.drop(placeholder.key)
    if (known !== null) {
      if (placeholder !== null) {
        await this.#records.delete(KIND, idOf(placeholder.number))
        draft.put({ ...without(known, 'restored'), filled: placeholder.key }, true)
      }
      return { fresh: false, replaced: false, row: known }
    }
    const filled = placeholder === null ? {} : { filled: placeholder.key }
    const added = { ...row, ...filled, number: placeholder?.number ?? this.#next++ }
    draft.put(added, true)
    return { fresh: true, replaced: placeholder !== null, row: added }
  }

  async #remove(key: string, draft: Draft): Promise<MessageRow | null> {
    const known = await draft.find(key)
    if (known === null) return null
    draft.drop(key)
    await this.#records.delete(KIND, idOf(known.number))
    return known
  }

  async #restore(
    row: Omit<MessageRow, 'number'>,
    numbers: FreeNumbers,
    draft: Draft,
  ): Promise<Inserted> {
    const known = await draft.find(row.key)
    const placeholder = row.filled === undefined ? null : await draft.find(row.filled)
    if (placeholder !== null) draft.drop(placeholder.key)
    if (known !== null) {
      if (placeholder !== null) await this.#records.delete(KIND, idOf(placeholder.number))
      if (known.restored !== undefined) numbers.used(known.number)
      const next = joined(known, row)
      if (next !== null) draft.put(next, false)
      return { fresh: false, replaced: false, row: next ?? known }
    }
    const number = placeholder?.number ?? numbers.take() ?? this.#next++
    const added = { ...row, number }
    draft.put(added, false)
    return { fresh: true, replaced: placeholder !== null, row: added }
  }
}

/** What was changed here is no version of the archive any more. */
async function change(key: string, apply: Change, draft: Draft): Promise<MessageRow | null> {
  const row = await draft.find(key)
  const next = row === null ? null : apply(row)
  if (next === null) return null
  const changed = without(next, 'restored')
  draft.put(changed, true)
  return changed
}

async function settle(row: MessageRow, draft: Draft): Promise<null> {
  const known = await draft.find(row.key)
  if (known !== null && equal(encodeRow(known), encodeRow(row))) draft.put(known, false)
  return null
}
