// The message store: what was said, paged by conversation. The rest of the client sees the small interface MessageLog, so
// that records can give way to a segmented log. One writer queue: changes to one row never overtake each other.
import type { Rec, Records } from '../../storage/ports.ts'
import { equal } from '../../util/bytes.ts'
import { GroupCommit } from '../group-commit.ts'
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
  byKey(key: string): Promise<MessageRow | null>
  byNumber(number: number): Promise<MessageRow | null>
  /** The newest `limit` rows with a smaller number than `before`, ascending. */
  page(conv: string, before: number | null, limit: number): Promise<MessageRow[]>
  /** Waits for everything asked for so far. */
  idle(): Promise<void>
}

type Op =
  | { readonly do: 'insert'; readonly row: Omit<MessageRow, 'number'>; readonly replaces?: string }
  | {
      readonly do: 'update'
      readonly key: string
      readonly change: (row: MessageRow) => MessageRow | null
    }

const KIND = 'msg'

function idOf(number: number): string {
  return String(number).padStart(12, '0')
}

function rowOf(record: Rec | null | undefined): MessageRow | null {
  return record ? decodeRow(record.body) : null
}

/** The changes of one flush on top of what the store holds. */
class Draft {
  readonly rows = new Map<string, MessageRow>()
  readonly #records: Records

  constructor(records: Records) {
    this.#records = records
  }

  async find(key: string): Promise<MessageRow | null> {
    return this.rows.get(key) ?? rowOf(await this.#records.getUnique(KIND, 'key', key))
  }
}

export class RecordMessageLog implements MessageLog {
  readonly #records: Records
  readonly #commit: GroupCommit<Op, Inserted | MessageRow | null>
  #next: number

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

  async insert(row: Omit<MessageRow, 'number'>, replaces?: string): Promise<Inserted> {
    const result = await this.#commit.add({
      do: 'insert',
      row,
      ...(replaces === undefined ? {} : { replaces }),
    })
    return result as Inserted
  }

  async update(
    key: string,
    change: (row: MessageRow) => MessageRow | null,
  ): Promise<MessageRow | null> {
    return (await this.#commit.add({ do: 'update', key, change })) as MessageRow | null
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

  idle(): Promise<void> {
    return this.#commit.idle()
  }

  async #flush(ops: readonly Op[]): Promise<(Inserted | MessageRow | null)[]> {
    const draft = new Draft(this.#records)
    const results: (Inserted | MessageRow | null)[] = []
    for (const op of ops) {
      results.push(op.do === 'insert' ? await this.#insert(op, draft) : await change(op, draft))
    }
    const items = [...draft.rows.values()].map((row) => ({
      id: idOf(row.number),
      body: encodeRow(row),
      keys: { unique: { key: row.key }, index: { conv: row.conv } },
    }))
    if (items.length > 0) await this.#records.putMany(KIND, items)
    return results
  }

  async #insert(op: Op & { readonly do: 'insert' }, draft: Draft): Promise<Inserted> {
    const known = await draft.find(op.row.key)
    const named = op.replaces === undefined ? null : await draft.find(op.replaces)
    const placeholder = named !== null && standsFor(named, op.row) ? named : null
    if (placeholder !== null) draft.rows.delete(placeholder.key)
    if (known !== null) {
      if (placeholder !== null) await this.#records.delete(KIND, idOf(placeholder.number))
      return { fresh: false, replaced: false, row: known }
    }
    const row = { ...op.row, number: placeholder?.number ?? this.#next++ }
    draft.rows.set(row.key, row)
    return { fresh: true, replaced: placeholder !== null, row }
  }
}

/** Nobody takes the place of what somebody else has sent. */
function standsFor(row: MessageRow, late: Omit<MessageRow, 'number'>): boolean {
  return row.placeholder !== undefined && row.conv === late.conv && equal(row.acct, late.acct)
}

async function change(
  op: Op & { readonly do: 'update' },
  draft: Draft,
): Promise<MessageRow | null> {
  const row = await draft.find(op.key)
  const next = row === null ? null : op.change(row)
  if (next !== null) draft.rows.set(next.key, next)
  return next
}
