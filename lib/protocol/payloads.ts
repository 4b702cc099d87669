// What devices say to each other inside an envelope (PROTOCOL 7): kinds, fields, canonical bytes. The server never has these
// bytes in clear. Which payload is acceptable from whom is decided in the client.
import type { Bytes } from '../util/bytes.ts'
import { decodeCanonical, encode } from './cbor.ts'
import { fieldsOf, type FieldsOf, type Flat } from './notation.ts'
import { b, lit, map, s, u, type Shape } from './shape.ts'

/** The table of PROTOCOL 7.1; `k`, `id` and `ts` belong to every kind. */
export const PAYLOADS = {
  text: 'b:s8192 ?re:b16 ?ttl:u ?fw:flag',
  file: 'fid:b16 name:s200 size:u n:u key:b32 sha:b32 ?mime:s64 ?pv:b1-8192 ?dur:u ?w:u ?h:u ?cap:s1024 ?re:b16 ?ttl:u',
  edit: 'm:b16 n:u b:s8192',
  del: 'm:[b16]64',
  react: 'm:b16 e:s32 ?off:flag',
  timer: 'sec:u',
  profile: 'name:c64',
  req: 'b:c280',
  'req.ok': '',
  'req.no': '',
  group: 'by:from b:b1-16384 s:b256',
  'group.get': 'n:u',
  rcpt: 'y:s4 m:[b16]64',
  'file.ack': 'fid:b16 n:u ?done:flag',
  resend: 'st:b16 i:[u]64 why:s5',
  again: 'p:b1-32768',
  'p2p.offer': 'sess:b16 psk:b32 who:s1 cand:[addr]8 exp:u',
  'p2p.answer': 'sess:b16 ?psk:b32 cand:[addr]8 ?no:flag',
  'p2p.up': 'sess:b16',
  sync: '?rd:[seen]64 ?bl:[blobv]8 ?hh:[hhead]10 ?rm:[b16]64 ?gone:[gone]16 ?ak:b1-512',
} as const

/** Kinds with receipts, shown as messages and kept in the history; the others are service kinds. */
export const CONTENT_KINDS = [
  'text',
  'file',
  'edit',
  'del',
  'react',
  'timer',
  'profile',
  'group',
] as const

export type PayloadKind = keyof typeof PAYLOADS
export type ContentKind = (typeof CONTENT_KINDS)[number]

export type PayloadOf<K extends PayloadKind> = Flat<
  { readonly k: K; readonly id: Bytes; readonly ts: number } & FieldsOf<(typeof PAYLOADS)[K]>
>

/** Any payload this version knows, discriminated by `k`. */
export type Payload = { [K in PayloadKind]: PayloadOf<K> }[PayloadKind]

/** A payload of a later version: kept by the receiver, shown as "[unsupported]". */
export interface UnsupportedPayload {
  readonly k: 'unsupported'
  readonly kind: string
  readonly id: Bytes
  readonly ts: number
}

const SHAPES: ReadonlyMap<string, Shape<unknown>> = new Map(
  Object.entries(PAYLOADS).map(([kind, fields]) => [
    kind,
    map({ k: lit(kind), id: b(16), ts: u, ...fieldsOf(fields) }),
  ]),
)

const ENVELOPE = map({ k: s(32), id: b(16), ts: u })

/** Canonical bytes; E_FORMAT when a field breaks its limit, so that no peer ever has to refuse them. */
export function encodePayload(payload: Payload): Buffer {
  return encode(SHAPES.get(payload.k)?.parse(payload, payload.k))
}

/** The payload in canonical bytes, without fields this version does not know (PROTOCOL 18); else E_FORMAT. */
export function decodePayload(bytes: Bytes): Payload | UnsupportedPayload {
  const value = decodeCanonical(bytes)
  const { k, id, ts } = ENVELOPE.parse(value, 'payload')
  const shape = SHAPES.get(k)
  if (shape === undefined) return { k: 'unsupported', kind: k, id, ts }
  const payload: unknown = shape.parse(value, k)
  return payload as Payload
}

export function isContentKind(kind: string): kind is ContentKind {
  return (CONTENT_KINDS as readonly string[]).includes(kind)
}
