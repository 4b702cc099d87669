// One file on its way in or out, as it lies in the sealed store: enough to go on after a restart.
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { LIMITS } from '../../protocol/limits.ts'
import { b, check, list, lit, map, opt, s, tuple, u } from '../../protocol/shape.ts'
import type { Bytes } from '../../util/bytes.ts'
import type { ErrorCode } from '../../util/errors.ts'
import type { FileAnswer, Offer, TransferState } from '../events.ts'

export interface Transfer {
  readonly number: number
  readonly direction: 'in' | 'out'
  /** The account at the other end; the own one when it goes to a group. */
  readonly acct: Bytes
  /** hex */
  readonly conv: string
  readonly mid: string
  readonly fid: Bytes
  readonly key: Bytes
  /** In: cleaned. */
  readonly name: string
  readonly size: number
  readonly sha: Bytes
  readonly mime?: string
  readonly state: TransferState
  /** In: chunks written from the front on. Out: chunks the server has. */
  readonly chunks: number
  /** Out: what is read. In: where it lies when done. */
  readonly path?: string
  /** In: name of the unfinished file in the download folder. */
  readonly part?: string
  /** Out: so that a changed file is noticed. */
  readonly modifiedMs?: number
  readonly receiver?: FileAnswer
  /** Out, to a group: what each member said. */
  readonly answers?: readonly (readonly [acct: Bytes, answer: FileAnswer])[]
  readonly code?: ErrorCode
  readonly at: number
  readonly expires: number
}

const STATES = [
  'offered',
  'running',
  'waiting',
  'paused',
  'done',
  'declined',
  'cancelled',
  'failed',
] as const

const ANSWER = lit('accepted', 'received', 'declined')

const TRANSFER = map({
  n: u,
  d: lit('in', 'out'),
  a: b(32),
  c: s(32),
  m: s(32),
  f: b(16),
  k: b(32),
  nm: s(400),
  sz: u,
  h: b(32),
  mi: opt(s(64)),
  s: lit(...STATES),
  ch: u,
  p: opt(s(4096)),
  pt: opt(s(400)),
  mo: opt(u),
  r: opt(ANSWER),
  ra: opt(list(tuple(b(32), ANSWER), LIMITS.members)),
  e: opt(s(24)),
  at: u,
  ex: u,
})

export function encodeTransfer(t: Transfer): Buffer {
  return encode({
    n: t.number,
    d: t.direction,
    a: t.acct,
    c: t.conv,
    m: t.mid,
    f: t.fid,
    k: t.key,
    nm: t.name,
    sz: t.size,
    h: t.sha,
    mi: t.mime,
    s: t.state,
    ch: t.chunks,
    p: t.path,
    pt: t.part,
    mo: t.modifiedMs,
    r: t.receiver,
    ra: t.answers,
    e: t.code,
    at: t.at,
    ex: t.expires,
  })
}

export function decodeTransfer(body: Bytes): Transfer {
  const f = check(TRANSFER, decodeStrict(body), 'transfer')
  return {
    number: f.n,
    direction: f.d,
    acct: f.a,
    conv: f.c,
    mid: f.m,
    fid: f.f,
    key: f.k,
    name: f.nm,
    size: f.sz,
    sha: f.h,
    ...(f.mi === undefined ? {} : { mime: f.mi }),
    state: f.s,
    chunks: f.ch,
    ...(f.p === undefined ? {} : { path: f.p }),
    ...(f.pt === undefined ? {} : { part: f.pt }),
    ...(f.mo === undefined ? {} : { modifiedMs: f.mo }),
    ...(f.r === undefined ? {} : { receiver: f.r }),
    ...(f.ra === undefined ? {} : { answers: f.ra }),
    ...(f.e === undefined ? {} : { code: f.e as ErrorCode }),
    at: f.at,
    expires: f.ex,
  }
}

/** Bytes move or would move if they could. */
export function isActive(t: Transfer): boolean {
  return t.state === 'running' || t.state === 'waiting'
}

export function isOver(t: Transfer): boolean {
  return ['done', 'declined', 'cancelled', 'failed'].includes(t.state)
}

/** What transfers call people and conversations. */
export interface TransferNames {
  user: (acct: Bytes) => string
  chat: (conv: string) => string
}

export function offerOf(t: Transfer, names: TransferNames): Offer {
  const answers = t.answers?.map(([acct, answer]) => ({ user: names.user(acct), answer }))
  return {
    number: t.number,
    direction: t.direction,
    peer: t.direction === 'in' ? names.user(t.acct) : names.chat(t.conv),
    name: t.name,
    size: t.size,
    ...(t.mime === undefined ? {} : { mime: t.mime }),
    state: t.state,
    bytes: Math.min(t.size, t.chunks * LIMITS.chunkBytes),
    ...(t.receiver === undefined ? {} : { receiver: t.receiver }),
    ...(answers === undefined ? {} : { receivers: answers.sort(byUser) }),
    ...(t.path === undefined ? {} : { path: t.path }),
    mid: t.mid,
    expires: t.expires,
    ...(t.code === undefined ? {} : { code: t.code }),
  }
}

function byUser(p: { readonly user: string }, q: { readonly user: string }): number {
  return p.user < q.user ? -1 : 1
}
