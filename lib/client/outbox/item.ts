// One payload on its way out, as it lies in the sealed store from before the first byte is sent until 7 days after it was
// accepted (PROTOCOL 9.1, 9.4).
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { isContentKind, PAYLOADS, type PayloadKind } from '../../protocol/payloads.ts'
import { b, bRange, check, list, lit, map, opt, s, u } from '../../protocol/shape.ts'
import { LIMITS } from '../../protocol/limits.ts'
import { type Bytes, hex } from '../../util/bytes.ts'
import type { ErrorCode } from '../../util/errors.ts'

/** What a resend request names. */
export interface Sent {
  readonly st: Bytes
  readonly i: number
}

/** Where it was when the server accepted it. */
export interface Transmission extends Sent {
  /** The devices it was for: acct || dev of each (an id alone can be taken by another account's device). */
  readonly devs: readonly Bytes[]
  /** H of the group state it rested on. */
  readonly gs?: Bytes
}

export type ItemState = 'queued' | 'held' | 'accepted' | 'failed'

export interface OutItem {
  /** Order of composing; unique in this profile. */
  readonly seq: number
  /** hex of the message id. */
  readonly mid: string
  /** hex */
  readonly conv: string
  /** Only this account of the conversation; absent: everybody in it. */
  readonly acct?: Bytes
  /** Only this device of that account (PROTOCOL 9.4). */
  readonly only?: Bytes
  readonly kind: PayloadKind
  readonly payload: Bytes
  readonly at: number
  /** For the quota of strangers: the how-manieth content message or file offer before acceptance; 0 = does not count. */
  readonly nth: number
  readonly state: ItemState
  readonly code?: ErrorCode
  readonly tx?: Transmission
  /**
   * Where it was before, in streams that ended without an answer: some devices may have it from there, and others hear from them
   * that they miss something. Newest first.
   */
  readonly former?: readonly Sent[]
}

/** A server that goes away more often than that while one message is on its way leaves a placeholder. */
export const FORMER_MAX = 3

const KINDS = Object.keys(PAYLOADS) as PayloadKind[]

const ITEM = map({
  q: u,
  m: s(32),
  c: s(32),
  a: opt(b(32)),
  d: opt(b(8)),
  k: lit(...KINDS),
  p: bRange(1, 49152),
  t: u,
  n: u,
  s: lit('queued', 'held', 'accepted', 'failed'),
  e: opt(s(24)),
  st: opt(b(16)),
  i: opt(u),
  ds: opt(list(b(40), LIMITS.streamDevices)),
  gs: opt(b(32)),
  fo: opt(list(map({ st: b(16), i: u }), FORMER_MAX)),
})

export function encodeItem(item: OutItem): Buffer {
  return encode({
    q: item.seq,
    m: item.mid,
    c: item.conv,
    a: item.acct,
    d: item.only,
    k: item.kind,
    p: item.payload,
    t: item.at,
    n: item.nth,
    s: item.state,
    e: item.code,
    st: item.tx?.st,
    i: item.tx?.i,
    ds: item.tx?.devs,
    gs: item.tx?.gs,
    fo: item.former,
  })
}

export function decodeItem(body: Bytes): OutItem {
  const f = check(ITEM, decodeStrict(body), 'outbox item')
  return {
    seq: f.q,
    mid: f.m,
    conv: f.c,
    ...(f.a === undefined ? {} : { acct: f.a }),
    ...(f.d === undefined ? {} : { only: f.d }),
    kind: f.k,
    payload: f.p,
    at: f.t,
    nth: f.n,
    state: f.s,
    ...(f.e === undefined ? {} : { code: f.e as ErrorCode }),
    ...(f.st === undefined || f.i === undefined
      ? {}
      : { tx: transmission({ st: f.st, i: f.i, devs: f.ds ?? [] }, f.gs) }),
    ...(f.fo === undefined ? {} : { former: f.fo }),
  }
}

function transmission(tx: Transmission, gs: Bytes | undefined): Transmission {
  return gs === undefined ? tx : { ...tx, gs }
}

/** Items of one lane keep their order; a lane is a conversation, or one account or device in it. */
export function laneOf({ conv, acct, only }: OutItem): string {
  const part = only ?? acct
  return part === undefined ? conv : `${conv}/${hex(part)}`
}

/** What a person wrote, in contrast to receipts and the like. */
export function isContent(item: OutItem): boolean {
  return isContentKind(item.kind) || item.kind === 'req'
}

export function transmissionKey(st: Bytes, i: number): string {
  return `${hex(st)}:${i}`
}
