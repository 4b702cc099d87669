// The message store (message-log.ts); where rows lie is row-table.ts's. One writer queue: changes to one row never overtake
// each other, and a change and what it changes are written together.
import type { Store } from '../../storage/ports.ts'
import { GroupCommit } from '../group-commit.ts'
import { without } from '../without.ts'
import { answeredBy } from './answers.ts'
import type { ArchivedLog, Restoring } from './archived-log.ts'
import { Draft } from './draft.ts'
import { DueRows } from './due.ts'
import { EarlyChanges } from './early.ts'
import { changeOf, isInEffect, merged, NO_MARKS, withChange, withRow } from './marks.ts'
import type { Op, Update } from './ops.ts'
import { joined } from './restored.ts'
import type { MessageRow } from './row.ts'
import { LayeredRows } from './layered-rows.ts'
import { Places } from './places.ts'
import type { Newest, RowTable } from './row-table.ts'
import type { Inserted, MessageLog, Touched } from './message-log.ts'
import { canBeMarked, emptied, settled, standsFor, voided } from './settle.ts'

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

  async arrivals(conv: string, before: number | null, limit: number): Promise<MessageRow[]> {
    return (await this.#table.list('arrived', conv, before, limit, 'descending')).reverse()
  }

  lastSaid(conv: string): Promise<number> {
    return this.#places.lastSaid(conv)
  }

  newest(convs: readonly string[]): Promise<Map<string, Newest>> {
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
    const is = placeholder === null ? 'new' : 'filled'
    const placed = await this.#placed(numbered, draft, is)
    const early = this.#early.find(placed.conv, placed.key)
    const row = early === null ? placed : settled(placed, early)
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

  async #placed(row: MessageRow, draft: Draft, is: 'new' | 'kept' | 'filled'): Promise<MessageRow> {
    return { ...row, ...(await this.#places.of(row, draft, { is, next: this.#next })) }
  }

  async #restore({ row, numbers }: Restoring, draft: Draft): Promise<Inserted> {
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
    const inserted = { fresh: true, replaced: placeholder !== null }
    const change = changeOf(numbered)
    if (change !== null) {
      return { ...inserted, ...(await this.#insertChange(numbered, change, draft)) }
    }
    const is = placeholder !== null ? 'filled' : free === null ? 'new' : 'kept'
    const added = await this.#placed(numbered, draft, is)
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
