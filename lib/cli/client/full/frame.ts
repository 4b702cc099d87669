// One picture of the full screen: title and transcript of the open pane, chats at the left where there is room, a bar that
// says where one is, and the live block. Pure; every row fits and none reaches the last column.
import type { Role } from '../../theme.ts'
import { clipRow, type Row, rowWidth, section, spans } from '../rows.ts'
import type { Block } from '../screen.ts'
import { fit, truncate, width } from '../width.ts'
import type { Pane } from './pane.ts'

/** A chat in the list. */
export interface ListedChat {
  /** What people type, and Alt with it opens. */
  readonly number: number
  /** What the session calls it. */
  readonly chat: string
  readonly unread: number
  readonly muted: boolean
  /** How the name is painted; absent: plain. */
  readonly role?: Role
  /** A mark behind the name; empty for none. */
  readonly mark: string
}

export interface FullView {
  readonly pane: Pane
  readonly chats: readonly ListedChat[]
  /** Who is logged in, and whether the server hears us. */
  readonly place: string
}

/** Two parts of a row of the terminal; the second begins at column `at`, wherever the terminal thinks the first ends. */
export interface Line {
  readonly left: Row
  readonly at: number
  readonly right: Row
}

export interface Frame {
  readonly lines: readonly Line[]
  readonly cursor: { readonly row: number; readonly col: number }
  /** What is left for the transcript. */
  readonly cols: number
  readonly height: number
}

const SIDEBAR_FROM_COLS = 70
const SIDEBAR_MIN = 18
const SIDEBAR_MAX = 30
const EDGE: Row = [{ text: '|', role: 'muted' }]
const HOME: ListedChat = { number: 0, chat: '', unread: 0, muted: false, mark: '' }

export function frame(view: FullView, block: Block, cols: number, rows: number): Frame {
  const side = cols < SIDEBAR_FROM_COLS ? 0 : sidebarCols(cols)
  const at = side === 0 ? 0 : side + 2
  const input = block.rows.slice(-rows)
  const room = rows - input.length
  const bar = room >= 3 ? [barRow(view, cols)] : []
  const isTitled = room >= 5
  const height = Math.max(0, room - bar.length - (isTitled ? 1 : 0))
  const width = cols - at
  const shown = view.pane.rows(width, height)
  const right = [...(isTitled ? section(view.pane.title)(width).slice(0, 1) : []), ...shown]
  const left = side === 0 ? [] : sidebar(view, side, room - bar.length)
  const lines = Array.from({ length: room - bar.length }, (_, i): Line => ({
    left: side === 0 ? [] : [...filled(left[i] ?? [], side), ...EDGE],
    at,
    right: clipRow(right[i] ?? [], width - 1),
  }))
  const below = [...bar, ...input].map((row): Line => ({
    left: clipRow(row, cols - 1),
    at: 0,
    right: [],
  }))
  const cut = block.rows.length - input.length
  const cursor = {
    row: rows - input.length + Math.max(0, block.row - cut),
    col: Math.min(block.col, cols - 1),
  }
  return { lines: [...lines, ...below], cursor, cols: width, height }
}

function sidebarCols(cols: number): number {
  return Math.min(SIDEBAR_MAX, Math.max(SIDEBAR_MIN, Math.floor(cols / 4)))
}

/** `> 3 alice       2`: the open one, its number, its name, how much is unread. */
function sidebar({ pane, chats }: FullView, cols: number, height: number): Row[] {
  const all = [HOME, ...chats]
  const open = all.findIndex(({ number, chat }) => (number === 0 ? null : chat) === pane.chat)
  const from = Math.min(Math.max(0, open - height + 2), Math.max(0, all.length - height))
  return all.slice(from, from + height).map((each, i): Row => {
    const isOpen = from + i === open
    const count = each.unread > 998 ? '999+' : String(each.unread)
    const behind = each.unread > 0 ? ` ${count}` : each.muted ? ' muted' : ''
    const head = `${isOpen ? '>' : ' '}${String(each.number).padStart(2)} `
    const [name] = spans(each.number === 0 ? 'everything' : each.chat)
    const room = Math.max(1, cols - head.length - behind.length)
    const shown = truncate(name?.text ?? '', room - width(each.mark))
    return [
      { text: head, role: 'muted' },
      { text: shown, role: each.role ?? (isOpen || each.unread > 0 ? 'bold' : undefined) },
      { text: fit(each.mark, room - width(shown)), role: 'ok' },
      { text: behind, role: each.unread > 0 ? 'alert' : 'muted' },
    ]
  })
}

function filled(row: Row, cols: number): Row {
  const cut = clipRow(row, cols)
  return [...cut, { text: ' '.repeat(Math.max(0, cols - rowWidth(cut))) }]
}

function plural(count: number, what: string): string {
  return `${String(count)} ${what}${count === 1 ? '' : 's'}`
}

function barRow({ pane, chats, place }: FullView, cols: number): Row {
  const { below } = pane
  const elsewhere = chats.filter(({ chat, unread }) => chat !== pane.chat && unread > 0)
  const words = [
    below > 0 ? `${String(below)} more below, PgDn` : '',
    elsewhere.length > 0 ? `unread in ${plural(elsewhere.length, 'chat')}, Ctrl-N` : '',
    place,
  ].filter((word) => word !== '')
  return section(words.join('   '))(cols)[0] ?? []
}
