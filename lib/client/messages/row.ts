// One line of a conversation as it lies in the local store. What it looks like to a person is made in view.ts.
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { LIMITS } from '../../protocol/limits.ts'
import { b, bRange, check, flag, list, lit, map, opt, s, tuple, u } from '../../protocol/shape.ts'
import type { Bytes } from '../../util/bytes.ts'
import type { ErrorCode } from '../../util/errors.ts'
import type { MessageState } from '../events.ts'
import { type Marks, MARKS, marksFrom, storedMarks } from './marks.ts'

export type PlaceholderReason = 'no-key' | 'gap' | 'bad' | 'removed-device'

/**
 * Why a row is no line of its conversation: it changes another one, its time is over and only its name is left, it says that
 * the conversation was deleted, or it was a placeholder and there is nothing to stand for here.
 */
export type Aside = 'change' | 'expired' | 'gone' | 'void'

export interface MessageRow {
  /** Order of arrival in this profile; the short number people type. */
  readonly number: number
  /** hex of the mid, or of `gapKey` for a placeholder: one row per key. */
  readonly key: string
  /** hex */
  readonly conv: string
  readonly acct: Bytes
  readonly dev: Bytes
  /** When the author says it was written, and when it arrived here. */
  readonly ts: number
  readonly at: number
  /** The payload exactly as it was signed; empty for a placeholder. */
  readonly payload: Bytes
  readonly own: boolean
  readonly resent: boolean
  /** Number of the transfer or request it announces. */
  readonly offer?: number
  readonly state?: MessageState
  readonly code?: ErrorCode
  readonly placeholder?: PlaceholderReason
  readonly aside?: Aside
  readonly marks?: Marks
  /** The author took it back: only who and when is left of it. */
  readonly deleted?: true
  /** When it must be gone from here. */
  readonly expires?: number
  /** How long after it was shown (own: accepted) it must be gone; absent once that time is running. */
  readonly ttl?: number
  /** A stranger wrote it, and this account wants to be asked first: not shown before the stranger is accepted. */
  readonly withheld?: true
  /** The key of the placeholder whose place it took. */
  readonly filled?: string
  /** It came from the history in this version (ms), and nothing has changed it here since. */
  readonly restored?: number
  /** A new state of a group: what it did to the one before (groups/steps.ts). */
  readonly steps?: Bytes
  /** It came late, and stands before the line of this number, not where its own number would put it (place.ts). */
  readonly before?: number
  /** Members of the group to whom it was not sent. */
  readonly absent?: readonly Bytes[]
  /** Everything that had arrived up to this one had been read, on the device that says so. */
  readonly seen?: true
  /** Its author was an admin of the group when it arrived: what it deletes is deleted, whoever wrote it. */
  readonly admin?: true
  /** Own message in a group: how far it got with each other member; 0 not there yet, 1 delivered, 2 read. */
  readonly reached?: readonly (readonly [acct: Bytes, how: 0 | 1 | 2])[]
}

const STATES = ['queued', 'sent', 'accepted', 'delivered', 'read', 'held', 'failed'] as const

const ROW = map({
  n: u,
  k: s(64),
  c: s(32),
  a: b(32),
  d: b(8),
  t: u,
  at: u,
  p: bRange(0, 49152),
  o: opt(flag),
  r: opt(flag),
  of: opt(u),
  s: opt(lit(...STATES)),
  e: opt(s(24)),
  g: opt(lit('no-key', 'gap', 'bad', 'removed-device')),
  as: opt(lit('change', 'expired', 'gone', 'void')),
  mk: opt(MARKS),
  de: opt(flag),
  ex: opt(u),
  tl: opt(u),
  wh: opt(flag),
  gk: opt(s(64)),
  v: opt(u),
  gs: opt(bRange(1, 32_768)),
  be: opt(u),
  ab: opt(list(b(32), LIMITS.members)),
  sn: opt(flag),
  ad: opt(flag),
  re: opt(list(tuple(b(32), lit(0, 1, 2)), LIMITS.members)),
})

export function encodeRow(row: MessageRow): Buffer {
  return encode({
    n: row.number,
    k: row.key,
    c: row.conv,
    a: row.acct,
    d: row.dev,
    t: row.ts,
    at: row.at,
    p: row.payload,
    o: row.own ? true : undefined,
    r: row.resent ? true : undefined,
    of: row.offer,
    s: row.state,
    e: row.code,
    g: row.placeholder,
    as: row.aside,
    mk: row.marks === undefined ? undefined : storedMarks(row.marks),
    de: row.deleted,
    ex: row.expires,
    tl: row.ttl,
    wh: row.withheld,
    gk: row.filled,
    v: row.restored,
    gs: row.steps,
    be: row.before,
    ab: row.absent,
    sn: row.seen,
    ad: row.admin,
    re: row.reached,
  })
}

export function decodeRow(body: Bytes): MessageRow {
  const f = check(ROW, decodeStrict(body), 'message row')
  return {
    number: f.n,
    key: f.k,
    conv: f.c,
    acct: f.a,
    dev: f.d,
    ts: f.t,
    at: f.at,
    payload: f.p,
    own: f.o === true,
    resent: f.r === true,
    ...(f.of === undefined ? {} : { offer: f.of }),
    ...(f.s === undefined ? {} : { state: f.s }),
    ...(f.e === undefined ? {} : { code: f.e as ErrorCode }),
    ...(f.g === undefined ? {} : { placeholder: f.g }),
    ...(f.as === undefined ? {} : { aside: f.as }),
    ...(f.mk === undefined ? {} : { marks: marksFrom(f.mk) }),
    ...(f.de === undefined ? {} : { deleted: true }),
    ...(f.ex === undefined ? {} : { expires: f.ex }),
    ...(f.tl === undefined ? {} : { ttl: f.tl }),
    ...(f.wh === undefined ? {} : { withheld: true }),
    ...(f.gk === undefined ? {} : { filled: f.gk }),
    ...(f.v === undefined ? {} : { restored: f.v }),
    ...(f.gs === undefined ? {} : { steps: f.gs }),
    ...(f.be === undefined ? {} : { before: f.be }),
    ...(f.ab === undefined ? {} : { absent: f.ab }),
    ...(f.sn === undefined ? {} : { seen: true }),
    ...(f.ad === undefined ? {} : { admin: true }),
    ...(f.re === undefined ? {} : { reached: f.re }),
  }
}

/** Progress of an own message never goes back: a late `accepted` does not undo `delivered` (PROTOCOL 9.1). */
const RANK: Readonly<Record<MessageState, number>> = {
  held: 0,
  queued: 0,
  sent: 0,
  failed: 1,
  accepted: 2,
  delivered: 3,
  read: 4,
}

export function advances(from: MessageState | undefined, to: MessageState): boolean {
  return from === undefined || (from !== to && RANK[to] >= RANK[from])
}
