// The message store: what was said, paged by conversation, and what was made of it afterwards. The rest of the client sees
// the small interface MessageLog; where rows lie is row-table.ts's. One writer queue: changes to one row never overtake
// each other, and a change and what it changes are written together.
import type { Store } from '../../storage/ports.ts'
import { GroupCommit } from '../group-commit.ts'
import { without } from '../without.ts'
import { answeredBy } from './answers.ts'
import type { ArchivedLog, Restoring } from './archived-log.ts'
import { Draft } from './draft.ts'
import { DueRows } from './due.ts'
import { EarlyChanges } from './early.ts'
import {
  type Change,
  changeOf,
  isInEffect,
  merged,
  NO_MARKS,
  withChange,
  withRow,
} from './marks.ts'
import type { Op, Update } from './ops.ts'
import { joined } from './restored.ts'
import type { MessageRow } from './row.ts'
import { LayeredRows } from './layered-rows.ts'
import { Places } from './places.ts'
import type { RowTable } from './row-table.ts'
import { canBeMarked, emptied, settled, standsFor, voided } from './settle.ts'

/** A message that was changed. */
export interface Touched {
  readonly before: MessageRow
  readonly after: MessageRow
}

export interface Inserted {
  readonly row: MessageRow
  /** False: it was there already; only a placeholder that it makes superfluous was removed. */
  readonly fresh: boolean
  /** It took the number and place of a placeholder. */
  readonly replaced: boolean
  /** The row is a change (PROTOCOL 7.2), and this is what it did to messages that are here. */
  readonly change?: Change
  readonly touched?: readonly Touched[]
  /** The message it answers, if that is here. */
  readonly answers?: MessageRow
}

export interface MessageLog {
  /** Gives the row the next number unless its key is known. `replaces`: the placeholder whose place and number it takes. */
  insert(row: Omit<MessageRow, 'number'>, replaces?: string): Promise<Inserted>
  /** `change` gives the new row or null for "leave it"; resolves to the changed row, null when nothing changed. */
  update(key: string, change: (row: MessageRow) => MessageRow | null): Promise<MessageRow | null>
  /** This placeholder stands for nothing. Resolves to it; null when there is none. */
  discard(key: string): Promise<MessageRow | null>
  byKey(key: string): Promise<MessageRow | null>
  byNumber(number: number): Promise<MessageRow | null>
  /** The newest `limit` lines with a smaller number than `before`, ascending. */
  page(conv: string, before: number | null, limit: number): Promise<MessageRow[]>
  /** The oldest `limit` lines with a larger number than `after`, ascending. */
  after(conv: string, after: number, limit: number): Promise<MessageRow[]>
  /** As `after`, of what lies beside the lines. */
  changesAfter(conv: string, after: number, limit: number): Promise<MessageRow[]>
  /** The newest line of each of these conversations, where there is one. */
  newest(convs: readonly string[]): Promise<Map<string, MessageRow>>
  /** From this number on, looking costs nothing. */
  readonly recentFrom: number
  /** Blocks of lines, newest first, among them all whose texts hold `needle` (lower case). */
  scan(conv: string | null, needle: string): AsyncGenerator<readonly MessageRow[]>
  /** Removes those rows of one conversation. `mark` is what says so to others, stored first; resolves to it with its number. */
  forget(
    conv: string,
    isGone: (row: MessageRow) => boolean,
    mark?: Omit<MessageRow, 'number'>,
  ): Promise<MessageRow | null>
  /** Leaves nothing but the name of a message; null when there is nothing left to remove. */
  expire(number: number): Promise<MessageRow | null>
  /** Waits for everything asked for so far. */
  idle(): Promise<void>
}

type Done = Inserted | MessageRow | null

export class RecordMessageLog implements MessageLog, ArchivedLog {
  readonly #table: RowTable
  readonly #places: Places
  readonly #early: EarlyChanges
  readonly #due: DueRows
  readonly #commit: GroupCommit<Op, Done>
  #next: number
  /** All rows up to this number are where they can be read. */
  #written: number
  #onDue: (count: number) => void = () => undefined
  /** Told before rows that must vanish one day are stored. */
  #beforeTimed: (rows: readonly MessageRow[]) => Promise<void> = () => Promise.resolve()

  private constructor(table: RowTable, early: EarlyChanges, due: DueRows, next: number) {
    this.#table = table
    this.#places = new Places(table)
    this.#early = early
    this.#due = due
    this.#next = next
    this.#written = next - 1
    this.#commit = new GroupCommit((ops) => this.#flush(ops))
  }

  /** `convs`: all conversations of the profile; the highest number in them is where counting goes on. */
  static async open(
    store: Pick<Store, 'records' | 'logs'>,
    convs: readonly string[],
  ): Promise<RecordMessageLog> {
    const table = await LayeredRows.open(store)
    const [early, last] = await Promise.all([EarlyChanges.open(store.records), table.last(convs)])
    const due = await DueRows.open(store.records)
    return new RecordMessageLog(table, early, due, last + 1)
  }

  /** `work` is durable before any row with an end is. */
  onTimed(work: (rows: readonly MessageRow[]) => Promise<void>): void {
    this.#beforeTimed = work
  }

  /** Called after each write that leaves rows due. */
  onDue(listener: (count: number) => void): void {
    this.#onDue = listener
  }

  /** The history has first versions of all rows up to this number; 0: it has nothing any more. */
  appendedUpTo(number: number): void {
    if (number === 0) this.#due.restart()
    else this.#due.appended(number)
  }

  get isEmpty(): boolean {
    return this.#next === 1
  }

  reserve(upTo: number): void {
    this.#next = Math.max(this.#next, upTo + 1)
    this.#due.appended(upTo)
  }

  async insert(row: Omit<MessageRow, 'number'>, replaces?: string): Promise<Inserted> {
    const result = await this.#commit.add({
      do: 'insert',
      row,
      ...(replaces === undefined ? {} : { replaces }),
    })
    return result as Inserted
  }

  async update(key: string, change: Update): Promise<MessageRow | null> {
    return (await this.#commit.add({ do: 'update', key, change })) as MessageRow | null
  }

  async discard(key: string): Promise<MessageRow | null> {
    return (await this.#commit.add({ do: 'discard', key })) as MessageRow | null
  }

  async due(limit: number): Promise<MessageRow[]> {
    const rows: MessageRow[] = []
    for (const number of this.#due.numbers(this.#written)) {
      const row = await this.#table.byNumber(number)
      if (row !== null && row.restored === undefined) rows.push(row)
      else await this.#due.clear(number)
      if (rows.length === limit) break
    }
    return rows
  }

  async settle(rows: readonly MessageRow[]): Promise<void> {
    await this.#commit.addAll(rows.map((row) => ({ do: 'settle', row })))
  }

  async restore(what: Restoring): Promise<Inserted> {
    return (await this.#commit.add({ do: 'restore', ...what })) as Inserted
  }

  async expire(number: number): Promise<MessageRow | null> {
    return (await this.#commit.add({ do: 'expire', number })) as MessageRow | null
  }

  async forget(
    conv: string,
    isGone: (row: MessageRow) => boolean,
    mark?: Omit<MessageRow, 'number'>,
  ): Promise<MessageRow | null> {
    const marked = mark === undefined ? {} : { mark }
    return (await this.#commit.add({ do: 'forget', conv, isGone, ...marked })) as MessageRow | null
  }

  byKey(key: string): Promise<MessageRow | null> {
    return this.#table.byKey(key)
  }

  byNumber(number: number): Promise<MessageRow | null> {
    return this.#table.byNumber(number)
  }

  async page(conv: string, before: number | null, limit: number): Promise<MessageRow[]> {
    return (await this.#table.list('lines', conv, before, limit, 'descending')).reverse()
  }

  after(conv: string, after: number, limit: number): Promise<MessageRow[]> {
    return this.#table.list('lines', conv, after, limit, 'ascending')
  }

  changesAfter(conv: string, after: number, limit: number): Promise<MessageRow[]> {
    return this.#table.list('change', conv, after, limit, 'ascending')
  }

  newest(convs: readonly string[]): Promise<Map<string, MessageRow>> {
    return this.#table.newest(convs)
  }

  get recentFrom(): number {
    return this.#table.recentFrom
  }

  scan(conv: string | null, needle: string): AsyncGenerator<readonly MessageRow[]> {
    return this.#table.scan({ conv, needle, last: this.#next - 1 })
  }

  /** Drops what has waited too long for its message. */
  sweep(now: number): Promise<void> {
    return this.#early.sweep(now)
  }

  idle(): Promise<void> {
    return this.#commit.idle()
  }

  async #flush(ops: readonly Op[]): Promise<Done[]> {
    let draft = new Draft(this.#table)
    const results: Done[] = []
    for (const op of ops) {
      switch (op.do) {
        case 'insert':
          results.push(await this.#insert(op, draft))
          break
        case 'update':
          results.push(await draft.update(op.key, op.change))
          break
        case 'expire':
          results.push(await this.#expire(op.number, draft))
          break
        case 'forget':
          results.push(await this.#forget(op, draft))
          draft = new Draft(this.#table)
          break
        case 'discard':
          results.push(await this.#discard(op.key, draft))
          break
        case 'settle':
          await this.#due.settle(await draft.find(op.row.key), op.row)
          results.push(null)
          break
        case 'restore':
          draft.isRestoring = true
          results.push(await this.#restore(op, draft))
          draft.isRestoring = false
      }
    }
    await this.#write(draft)
    this.#written = this.#next - 1
    // what fails here is tried again with the next flush: what was asked for is done
    await this.#table.tidy(this.#next).catch(() => undefined)
    return results
  }

  async #write(draft: Draft): Promise<void> {
    const rows = draft.inOrder()
    const timed = rows.filter((row) => row.expires !== undefined)
    if (timed.length > 0) await this.#beforeTimed(timed)
    const { changed } = draft
    await this.#due.mark(changed)
    await this.#table.put(rows)
    if (changed.length > 0) this.#onDue(changed.length)
    for (const { conv, key } of draft.settled) await this.#early.settled(conv, key)
  }

  async #insert(op: Op & { readonly do: 'insert' }, draft: Draft): Promise<Inserted> {
    const known = await draft.find(op.row.key)
    const named = op.replaces === undefined ? null : await draft.find(op.replaces)
    const hole = named !== null && standsFor(named, op.row) ? named : null
    const placeholder = known === null && hole?.conv === op.row.conv ? hole : null
    if (placeholder !== null) draft.replace(placeholder)
    else if (hole !== null) draft.set(voided(hole))
    if (known !== null) return { fresh: false, replaced: false, row: known }
    const filled = placeholder === null ? {} : { filled: placeholder.key }
    const numbered = { ...op.row, ...filled, number: placeholder?.number ?? this.#next++ }
    const inserted = { fresh: true, replaced: placeholder !== null }
    const change = changeOf(numbered)
    if (change !== null) {
      return { ...inserted, ...(await this.#insertChange(numbered, change, draft)) }
    }
    const early = this.#early.find(numbered.conv, numbered.key)
    const row = early === null ? numbered : settled(numbered, early)
    if (early !== null) {
      draft.settled.push(row)
      if (row.deleted === true) await this.#emptyRows(early.rows, draft)
    }
    draft.set(row)
    const answers = await answeredBy(row, (key) => draft.find(key))
    return { ...inserted, row, ...(answers === null ? {} : { answers }) }
  }

  async #insertChange(
    numbered: MessageRow,
    { change, targets }: NonNullable<ReturnType<typeof changeOf>>,
    draft: Draft,
  ): Promise<Pick<Inserted, 'row' | 'change' | 'touched'>> {
    let row: MessageRow = { ...numbered, aside: 'change' }
    const touched: Touched[] = []
    for (const key of change === null ? [] : targets) {
      if (change === null) break
      const before = await draft.find(key)
      if (before === null) await this.#early.add({ conv: row.conv, key }, change, row)
      else if (before.deleted === true || !canBeMarked(before)) row = emptied(row)
      else if (before.conv === row.conv) {
        const marks = withRow(withChange(before.marks ?? NO_MARKS, change), row.number)
        const after = settled(before, marks)
        draft.set(after)
        if (after.deleted === true) await this.#emptyRows(marks.rows, draft)
        if (isInEffect(after.marks ?? NO_MARKS, change)) touched.push({ before, after })
      }
    }
    draft.set(row)
    return { row, touched, ...(change === null ? {} : { change }) }
  }

  async #discard(key: string, draft: Draft): Promise<MessageRow | null> {
    const known = await draft.find(key)
    if (known?.placeholder === undefined) return null
    draft.set(voided(without(known, 'restored')))
    return known
  }

  async #restore({ row, numbers, isInOrder }: Restoring, draft: Draft): Promise<Inserted> {
    const known = await draft.find(row.key)
    const named = row.filled === undefined ? null : await draft.find(row.filled)
    const placeholder = named !== null && standsFor(named, row) ? named : null
    if (placeholder !== null) draft.replace(placeholder)
    if (known !== null) {
      if (placeholder !== null) await this.#table.remove([placeholder], this.#next - 1)
      if (known.restored !== undefined) numbers.used(known.number)
      const next = joined(known, row)
      if (next !== null) draft.set(next)
      return { fresh: false, replaced: false, row: next ?? known }
    }
    const free = placeholder?.number ?? numbers.take()
    const numbered: MessageRow = { ...row, number: free ?? this.#next++ }
    const coming = { isLate: free === null, isInOrder }
    const place = placeholder === null ? await this.#places.of(numbered, draft, coming) : {}
    const added: MessageRow = { ...numbered, ...place }
    const inserted = { fresh: true, replaced: placeholder !== null }
    const change = changeOf(added)
    if (change !== null) return { ...inserted, ...(await this.#insertChange(added, change, draft)) }
    const early = this.#early.find(added.conv, added.key)
    const whole = settled(added, merged(added.marks ?? NO_MARKS, early ?? NO_MARKS))
    if (early !== null) draft.settled.push(whole)
    draft.set(whole)
    return { ...inserted, row: whole }
  }

  /** What a deleted message said in its earlier forms goes with it. */
  async #emptyRows(numbers: readonly number[], draft: Draft): Promise<void> {
    for (const number of numbers) {
      const row = await draft.byNumber(number)
      if (row?.aside === 'change') draft.set(emptied(row))
    }
  }

  async #expire(number: number, draft: Draft): Promise<MessageRow | null> {
    const row = await draft.byNumber(number)
    if (row === null || row.aside !== undefined) return null
    await this.#emptyRows(row.marks?.rows ?? [], draft)
    const rest = without(without(without(row, 'marks'), 'expires'), 'ttl')
    const expired: MessageRow = { ...emptied(rest), aside: 'expired' }
    draft.set(expired)
    return expired
  }

  async #forget(
    { conv, isGone, mark }: Op & { readonly do: 'forget' },
    draft: Draft,
  ): Promise<MessageRow | null> {
    const row = mark === undefined ? null : { ...mark, number: this.#next++ }
    if (row !== null) draft.set(row)
    await this.#write(draft)
    await this.#table.forget(conv, this.#next - 1, (each) => each.key !== row?.key && isGone(each))
    await this.#early.forget(conv)
    return row
  }
}
