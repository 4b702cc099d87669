// What is shown of one chat in the full screen, or of everything: items that draw themselves for a width, and how far one
// has scrolled. A message has its place by its number, or by where the conversation has it, whenever it comes; a row of ours
// stays where it was said. Knows no terminal.
import { compareLines } from '../../../client/messages/place.ts'
import { longDate, sameDay } from '../format.ts'
import { type Entry, type Row, section, type Text } from '../rows.ts'

/** A message with all its rows, or rows of ours. */
export interface Item {
  /** Of the message; undefined: a row of ours. */
  readonly number?: number
  /** See MessageView. */
  readonly before?: number
  readonly ts?: number
  readonly key?: string
  /** When the message was said: a row with the date stands before the first of a day. */
  readonly at?: number
  readonly entries: readonly Entry[]
  /** What its rows are called when a tick in them changes. */
  readonly ids: readonly string[]
}

interface Kept extends Item {
  drawn: { readonly cols: number; readonly day: boolean; readonly rows: readonly Row[] } | null
}

/** The last row on show. */
interface Place {
  readonly index: number
  readonly row: number
}

const MAX_ITEMS = 5000

export class Pane {
  /** Null: everything that happens. */
  readonly chat: string | null
  title: Text = ''
  /** There is nothing older. */
  isWhole = false
  /** Older lines are being fetched. */
  isLoading = false
  readonly #since: number
  #items: Kept[] = []
  /** The last row on show; null: the newest one, whatever comes. */
  #anchor: { readonly item: Kept; readonly row: number } | null = null

  /** `now`: the day that needs no row with its date. */
  constructor(chat: string | null, now: number) {
    this.chat = chat
    this.#since = now
  }

  /** Number of the oldest message here. */
  get oldest(): number | undefined {
    return this.#items.find((item) => item.number !== undefined)?.number
  }

  has(number: number): boolean {
    return this.#items.some((item) => item.number === number)
  }

  /** Rows at the end, whatever they are about. */
  add(item: Item): void {
    this.#items.push({ ...item, drawn: null })
    if (this.#items.length <= MAX_ITEMS) return
    this.isWhole = false
    if (this.#items.shift() === this.#anchor?.item) this.#anchor = null
  }

  /** A message in its place; one of the same number is replaced. */
  put(item: Item & { readonly number: number }): void {
    const same = this.#items.findIndex((each) => each.number === item.number)
    if (same >= 0) {
      const kept = { ...item, drawn: null }
      if (this.#items[same] === this.#anchor?.item) this.#anchor = { item: kept, row: Infinity }
      this.#items[same] = kept
      return
    }
    const after = this.#items.findLastIndex((each) => standsBefore(each, item))
    const isNewest = !this.#items.slice(after + 1).some((each) => each.number !== undefined)
    if (isNewest) this.add(item)
    else this.#items.splice(after + 1, 0, { ...item, drawn: null })
  }

  remove(number: number): void {
    const index = this.#items.findIndex((item) => item.number === number)
    const [gone] = index < 0 ? [] : this.#items.splice(index, 1)
    if (gone === undefined || this.#anchor?.item !== gone) return
    const before = this.#items[index - 1]
    this.#anchor = before === undefined ? null : { item: before, row: Infinity }
  }

  /** The rows called so look different now. False: there are none. */
  stale(id: string): boolean {
    const mine = this.#items.filter((item) => item.ids.includes(id))
    for (const item of mine) item.drawn = null
    return mine.length > 0
  }

  clear(): void {
    this.#items = []
    this.#anchor = null
    this.isWhole = false
  }

  /** At most `height` rows for `cols` cells: those up to where one has scrolled. */
  rows(cols: number, height: number): readonly Row[] {
    const found = this.#rowsUpTo(this.#bottom(cols), cols, height)
    if (found.length >= height || this.#anchor === null) return found
    this.#toTop(cols, height)
    return this.#rowsUpTo(this.#bottom(cols), cols, height)
  }

  /** How many messages, and words of ours, are below what is on show. */
  get below(): number {
    if (this.#anchor === null) return 0
    return this.#items.length - 1 - this.#items.indexOf(this.#anchor.item)
  }

  /** Less than another page stands above what is on show. */
  isNearTop(cols: number, height: number): boolean {
    return this.#rowsUpTo(this.#bottom(cols), cols, 2 * height).length < 2 * height
  }

  toBottom(): void {
    this.#anchor = null
  }

  /** Back by so many rows. False: the top came before. */
  up(count: number, cols: number, height: number): boolean {
    let { index, row } = this.#bottom(cols)
    let left = count
    while (index >= 0 && row < left) {
      left -= row + 1
      index -= 1
      row = this.#drawn(index, cols).length - 1
    }
    const place = { index, row: row - left }
    if (index < 0 || this.#rowsUpTo(place, cols, height).length < height) {
      this.#toTop(cols, height)
      return false
    }
    this.#settle(place, cols)
    return true
  }

  down(count: number, cols: number): void {
    if (this.#anchor === null) return
    let { index, row } = this.#bottom(cols)
    row += count
    for (let size = this.#drawn(index, cols).length; row >= size;) {
      row -= size
      index += 1
      if (index >= this.#items.length) break
      size = this.#drawn(index, cols).length
    }
    this.#settle({ index, row }, cols)
  }

  /** The first `height` rows of all. */
  #toTop(cols: number, height: number): void {
    let left = height
    for (let index = 0; index < this.#items.length; index++) {
      const size = this.#drawn(index, cols).length
      if (size >= left) {
        this.#settle({ index, row: left - 1 }, cols)
        return
      }
      left -= size
    }
    this.#anchor = null
  }

  #settle({ index, row }: Place, cols: number): void {
    const item = this.#items[index]
    const isLastRow = row >= this.#drawn(index, cols).length - 1
    const isEnd = isLastRow && !this.#hasRowsAfter(index, cols)
    this.#anchor = item === undefined || isEnd ? null : { item, row }
  }

  /** Some items draw nothing: what is behind them only is the end all the same. */
  #hasRowsAfter(index: number, cols: number): boolean {
    for (let i = index + 1; i < this.#items.length; i++) {
      if (this.#drawn(i, cols).length > 0) return true
    }
    return false
  }

  #bottom(cols: number): Place {
    const anchor = this.#anchor
    const index = anchor === null ? this.#items.length - 1 : this.#items.indexOf(anchor.item)
    return { index, row: Math.min(anchor?.row ?? Infinity, this.#drawn(index, cols).length - 1) }
  }

  #rowsUpTo(place: Place, cols: number, height: number): Row[] {
    const parts: (readonly Row[])[] = []
    let left = height
    for (let index = place.index; index >= 0 && left > 0; index--) {
      const all = this.#drawn(index, cols)
      const rows = index === place.index ? all.slice(0, place.row + 1) : all
      parts.unshift(rows.slice(Math.max(0, rows.length - left)))
      left -= rows.length
    }
    return parts.flat()
  }

  #drawn(index: number, cols: number): readonly Row[] {
    const item = this.#items[index]
    if (item === undefined) return []
    const day = this.#beginsDay(index, item.at)
    if (item.drawn?.cols === cols && item.drawn.day === day) return item.drawn.rows
    const date = day && item.at !== undefined ? section(longDate(item.at))(cols) : []
    const rows = [...date, ...item.entries.flatMap((entry) => entry(cols))]
    item.drawn = { cols, day, rows }
    return rows
  }

  #beginsDay(index: number, at: number | undefined): boolean {
    if (at === undefined) return false
    for (let i = index - 1; i >= 0; i--) {
      const before = this.#items[i]?.at
      if (before !== undefined) return !sameDay(before, at)
    }
    return this.chat !== null || !sameDay(this.#since, at)
  }
}

/** False for a row of ours. */
function standsBefore(
  { number, ts = 0, key = '', ...one }: Item,
  other: Item & { readonly number: number },
): boolean {
  return (
    number !== undefined &&
    compareLines({ ...one, number, ts, key }, { ts: 0, key: '', ...other }) < 0
  )
}
