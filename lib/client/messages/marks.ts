// What others, and later messages, have made of a message: edits, reactions, its deletion (PROTOCOL 7.2). Pure. Whatever the
// order in which changes and their message arrive, and however often, the same marks come out: each is the greatest of a set.
import { decodePayload, type Payload, type UnsupportedPayload } from '../../protocol/payloads.ts'
import { b, list, lit, map, opt, s, type Shape, tuple, u } from '../../protocol/shape.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import { isOneGrapheme } from './grapheme.ts'

export interface Edit {
  /** Who wants it; it counts when this is the author. */
  readonly acct: Bytes
  readonly n: number
  /** hex of the mid of the edit itself. */
  readonly id: string
  readonly text: string
  /** When it arrived here. */
  readonly at: number
}

export interface Reaction {
  readonly acct: Bytes
  readonly emoji: string
  readonly ts: number
  /** hex of the mid of the reaction itself. */
  readonly id: string
  readonly off: boolean
}

export interface Deletion {
  readonly acct: Bytes
  readonly at: number
  /** By an admin of the group: it counts whoever wrote the message (PROTOCOL 7.2). */
  readonly admin?: true
}

export interface Marks {
  /** The winning one of each account. */
  readonly edits: readonly Edit[]
  readonly reactions: readonly Reaction[]
  readonly deletions: readonly Deletion[]
  /** Numbers of the rows in which the edits and reactions themselves lie. */
  readonly rows: readonly number[]
}

export type Change =
  | ({ readonly kind: 'edit' } & Edit)
  | ({ readonly kind: 'react' } & Reaction)
  | ({ readonly kind: 'del' } & Deletion)

export const NO_MARKS: Marks = { edits: [], reactions: [], deletions: [], rows: [] }

const DAY_MS = 24 * 3_600_000
/** PROTOCOL 7.2. */
export const EDIT_WITHIN_MS = 7 * DAY_MS
export const REACTIONS_PER_PERSON = 8
/** With those that were taken back, so that an old one does not come back. */
const REACTIONS_KEPT = 32
const REACTIONS_MAX = 1024
const PEOPLE_MAX = 128
const ROWS_MAX = 1024

/** The messages that a payload changes (hex of their mids); null when it is a message of its own. */
export function targetsOf(payload: Payload | UnsupportedPayload): readonly string[] | null {
  if (payload.k === 'edit' || payload.k === 'react') return [hex(payload.m)]
  return payload.k === 'del' ? payload.m.map(hex) : null
}

/** Null: it changes nothing, or says nothing that could be shown. */
export function changeOf(row: {
  readonly acct: Bytes
  readonly key: string
  readonly at: number
  readonly payload: Bytes
  readonly admin?: true
}): { readonly change: Change | null; readonly targets: readonly string[] } | null {
  if (row.payload.length === 0) return null
  const payload = decodePayload(row.payload)
  const targets = targetsOf(payload)
  if (targets === null) return null
  const { acct, key: id, at } = row
  if (payload.k === 'edit') {
    return { targets, change: { kind: 'edit', acct, n: payload.n, id, text: payload.b, at } }
  }
  if (payload.k === 'del') {
    const del = { kind: 'del', acct, at } as const
    return { targets, change: row.admin === true ? { ...del, admin: true } : del }
  }
  if (payload.k !== 'react' || !isOneGrapheme(payload.e)) return { targets, change: null }
  const { ts, e: emoji, off } = payload
  return { targets, change: { kind: 'react', acct, emoji, ts, id, off: off === true } }
}

export function withChange(marks: Marks, change: Change): Marks {
  switch (change.kind) {
    case 'edit':
      return { ...marks, edits: greatest(marks.edits, change, sameAuthor, laterEdit) }
    case 'react':
      return { ...marks, reactions: latest(marks.reactions, change) }
    case 'del':
      return { ...marks, deletions: greatest(marks.deletions, change, sameAuthor, isStronger) }
  }
}

/** With the row of a change that may have to be emptied one day. */
export function withRow(marks: Marks, number: number): Marks {
  if (marks.rows.includes(number)) return marks
  return { ...marks, rows: [...marks.rows, number].slice(-ROWS_MAX) }
}

export function merged(one: Marks, other: Marks): Marks {
  let marks = one
  for (const number of other.rows) marks = withRow(marks, number)
  for (const edit of other.edits) marks = withChange(marks, { kind: 'edit', ...edit })
  for (const reaction of other.reactions) marks = withChange(marks, { kind: 'react', ...reaction })
  for (const deletion of other.deletions) marks = withChange(marks, { kind: 'del', ...deletion })
  return marks
}

/** What of it counts for a message of this author that arrived at this time. */
export function counting(marks: Marks, author: Bytes, at: number, isText: boolean): Marks {
  return {
    edits: marks.edits.filter(
      (edit) => isText && equal(edit.acct, author) && edit.at - at < EDIT_WITHIN_MS,
    ),
    reactions: marks.reactions,
    deletions: marks.deletions.filter(
      (deletion) => deletion.admin === true || equal(deletion.acct, author),
    ),
    rows: marks.rows,
  }
}

/** Those that stand: per person the newest few that were not taken back. */
export function standing({ reactions }: Marks): readonly Reaction[] {
  return reactions.filter((each) => {
    if (each.off) return false
    const later = reactions.filter(
      (other) => !other.off && sameAuthor(other, each) && laterReaction(other, each),
    )
    return later.length < REACTIONS_PER_PERSON
  })
}

/** Whether this very change is what shows now. */
export function isInEffect(marks: Marks, change: Change): boolean {
  switch (change.kind) {
    case 'edit':
      return marks.edits.some((edit) => edit.id === change.id)
    case 'react':
      return marks.reactions.some((reaction) => reaction.id === change.id)
    case 'del':
      return marks.deletions.some((deletion) => equal(deletion.acct, change.acct))
  }
}

function sameAuthor(p: { readonly acct: Bytes }, q: { readonly acct: Bytes }): boolean {
  return equal(p.acct, q.acct)
}

function laterEdit(p: Edit, q: Edit): boolean {
  return p.n !== q.n ? p.n > q.n : p.id > q.id
}

/** Somebody became an admin between two deletions. */
function isStronger(p: Deletion, q: Deletion): boolean {
  return p.admin === true && q.admin !== true
}

function laterReaction(p: Reaction, q: Reaction): boolean {
  return p.ts !== q.ts ? p.ts > q.ts : p.id > q.id
}

/** One per kind of thing: the one that was there unless `isLater`. */
function greatest<T>(
  all: readonly T[],
  next: T,
  isSame: (p: T, q: T) => boolean,
  isLater: (p: T, q: T) => boolean,
): readonly T[] {
  const old = all.find((each) => isSame(each, next))
  if (old === undefined) return all.length < PEOPLE_MAX ? [...all, next] : all
  return isLater(next, old) ? all.map((each) => (each === old ? next : each)) : all
}

/** Per person and emoji the last one; per person the last few, those that were taken back among them. */
function latest(all: readonly Reaction[], next: Reaction): readonly Reaction[] {
  const others = all.filter((each) => !sameAuthor(each, next))
  if (others.length + REACTIONS_KEPT > REACTIONS_MAX) return all
  const isSame = (p: Reaction, q: Reaction): boolean => p.emoji === q.emoji
  const mine = greatest(
    all.filter((each) => sameAuthor(each, next)),
    next,
    isSame,
    laterReaction,
  )
  const kept = [...mine].sort((p, q) => (laterReaction(p, q) ? -1 : 1)).slice(0, REACTIONS_KEPT)
  return [...others, ...kept.sort((p, q) => (laterReaction(p, q) ? 1 : -1))]
}

const EDIT = tuple(b(32), u, s(32), s(8192), u)
const REACTION = tuple(b(32), s(32), u, s(32), lit(0, 1))
const DELETION = tuple(b(32), u)

export interface StoredMarks {
  readonly e?: readonly (readonly [Bytes, number, string, string, number])[]
  readonly r?: readonly (readonly [Bytes, string, number, string, 0 | 1])[]
  readonly d?: readonly (readonly [Bytes, number])[]
  /** Those of them that are by admins. */
  readonly da?: readonly Bytes[]
  readonly n?: readonly number[]
}

export const MARKS: Shape<StoredMarks> = map({
  e: opt(list(EDIT, PEOPLE_MAX)),
  r: opt(list(REACTION, REACTIONS_MAX)),
  d: opt(list(DELETION, PEOPLE_MAX)),
  da: opt(list(b(32), PEOPLE_MAX)),
  n: opt(list(u, ROWS_MAX)),
})

export function storedMarks({ edits, reactions, deletions, rows }: Marks): StoredMarks {
  const byAdmins = deletions.flatMap(({ acct, admin }) => (admin === true ? [acct] : []))
  return {
    e: edits.map(({ acct, n, id, text, at }) => [acct, n, id, text, at] as const),
    r: reactions.map(({ acct, emoji, ts, id, off }) => [acct, emoji, ts, id, off ? 1 : 0] as const),
    d: deletions.map(({ acct, at }) => [acct, at] as const),
    ...(byAdmins.length === 0 ? {} : { da: byAdmins }),
    n: rows,
  }
}

export function marksFrom({ e = [], r = [], d = [], da = [], n = [] }: StoredMarks): Marks {
  return {
    edits: e.map(([acct, n, id, text, at]) => ({ acct, n, id, text, at })),
    reactions: r.map(([acct, emoji, ts, id, off]) => ({ acct, emoji, ts, id, off: off === 1 })),
    deletions: d.map(([acct, at]) =>
      da.some((each) => equal(each, acct)) ? { acct, at, admin: true } : { acct, at },
    ),
    rows: n,
  }
}
