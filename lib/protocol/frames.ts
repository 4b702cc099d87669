// The frame table of PROTOCOL 14.2 and the types that follow from it. Behaviour is elsewhere: the server and the
// client keep a handler per name, the session checks direction, state and `r` by this table.
import type { FieldsOf, Flat } from './notation.ts'

export type Direction = 'C>S' | 'S>C' | 'both'

/** `anon` before login; `acct` and `dev`: levels of PROTOCOL 5.3; `link`: a direct connection. */
export type FrameState = 'any' | 'anon' | 'acct' | 'dev' | 'link'

export interface FrameRow {
  readonly dir: Direction
  /** True: no `r`, no reply. */
  readonly push: boolean
  readonly states: readonly FrameState[]
  readonly fields: string
  /** The fields of the `ok` that answers it; empty for a push. */
  readonly reply: string
}

// prettier-ignore
export const FRAMES = {
  'info': { dir: 'C>S', push: false, states: ['any'], fields: '', reply: 'now:u reg:s8 email:s8 pow:u lim:map ?dir:flag ?pres:flag' },
  'reg.start': { dir: 'C>S', push: false, states: ['anon'], fields: 'user:name req:b32 ?inv:s64 ?pow:b8 ?seed:b16 ?rreq:b32', reply: 'resp:b64 ?rresp:b64' },
  'reg.fin': { dir: 'C>S', push: false, states: ['anon'], fields: 'rec:b192 vault:vault dl:dl pop:b384 ?email:s254 ?rrec:b192', reply: '' },
  'login.start': { dir: 'C>S', push: false, states: ['anon'], fields: 'user:name ke1:b96 ?pow:b8 ?seed:b16 ?rc:flag', reply: 'ke2:b320' },
  'login.fin': { dir: 'C>S', push: false, states: ['anon'], fields: 'ke3:b64', reply: 'dl:dl vault:vault' },
  'dev.login': { dir: 'C>S', push: false, states: ['any'], fields: 'acct:b32 dev:b8 sig:b256', reply: 'mail:u n:u' },
  'lk.login': { dir: 'C>S', push: false, states: ['any'], fields: 'acct:b32 id:b16 sig:b384', reply: 'dl:dl vault:vault' },
  'vault.get': { dir: 'C>S', push: false, states: ['acct'], fields: '', reply: 'vault:vault' },
  'vault.put': { dir: 'C>S', push: false, states: ['acct'], fields: 'vault:vault', reply: '' },
  'pw.start': { dir: 'C>S', push: false, states: ['acct'], fields: 'req:b32 ?rreq:b32', reply: 'resp:b64 ?rresp:b64' },
  'pw.fin': { dir: 'C>S', push: false, states: ['acct'], fields: 'rec:b192 vault:vault ?rrec:b192', reply: '' },
  'dl.put': { dir: 'C>S', push: false, states: ['acct'], fields: 'dl:dl ?vault:vault', reply: '' },
  'acct.del': { dir: 'C>S', push: false, states: ['acct'], fields: 'sig:b384', reply: '' },
  'dl.new': { dir: 'S>C', push: true, states: ['dev'], fields: 'acct:b32 n:u', reply: '' },
  'bun.put': { dir: 'C>S', push: false, states: ['dev'], fields: 'bundle:bundle', reply: '' },
  'dir.get': { dir: 'C>S', push: false, states: ['dev'], fields: '?user:name ?acct:b32 ?n:u ?k:[b16]10', reply: 'cur:u dls:[dl]8 bun:[bundle]10' },
  'dir.find': { dir: 'C>S', push: false, states: ['dev'], fields: 'q:s32', reply: 'users:[name]20 ?more:flag' },
  'dir.show': { dir: 'C>S', push: false, states: ['dev'], fields: '?on:flag', reply: '' },
  'dir.seen': { dir: 'C>S', push: false, states: ['dev'], fields: 'accts:[b32]64', reply: 'on:[b32]64' },
  'st.open': { dir: 'C>S', push: false, states: ['dev', 'link'], fields: 'st:b16 at:u ?head:b1-32768 w:[wrap]128', reply: '' },
  'msg.put': { dir: 'C>S', push: false, states: ['dev', 'link'], fields: 'st:b16 i:u n:b16 c:b528-49152', reply: '' },
  'mail': { dir: 'S>C', push: true, states: ['dev'], fields: 'q:u f:from st:b16 i:u n:b16 c:b528-49152 ?h:b1-32768 ?w:wrap', reply: '' },
  'mail.end': { dir: 'S>C', push: true, states: ['dev'], fields: 'q:u', reply: '' },
  'mail.ack': { dir: 'C>S', push: true, states: ['dev'], fields: 'q:u', reply: '' },
  'file.put': { dir: 'C>S', push: false, states: ['dev', 'link'], fields: 'fid:b16 i:u n:u c:b29-65564', reply: '' },
  'file.stat': { dir: 'C>S', push: false, states: ['dev', 'link'], fields: 'fid:b16', reply: 'n:u have:b0-4096 exp:u' },
  'file.get': { dir: 'C>S', push: false, states: ['dev', 'link'], fields: 'fid:b16 i:u', reply: 'c:b29-65564' },
  'file.del': { dir: 'C>S', push: false, states: ['dev'], fields: 'fid:b16', reply: '' },
  'hist.put': { dir: 'C>S', push: false, states: ['dev'], fields: 'e:u seq:u d:b80-131072', reply: '' },
  'hist.ls': { dir: 'C>S', push: false, states: ['dev'], fields: '', reply: 'devs:[hdev]64' },
  'hist.get': { dir: 'C>S', push: false, states: ['dev'], fields: 'dev:b8 seq:u', reply: 'rows:[hrow]16' },
  'blob.put': { dir: 'C>S', push: false, states: ['dev'], fields: 'name:s16 ver:u e:u d:b80-65536', reply: '' },
  'blob.get': { dir: 'C>S', push: false, states: ['dev'], fields: 'name:s16', reply: 'ver:u ?e:u ?d:b80-65536' },
  'p2p.addr': { dir: 'C>S', push: false, states: ['dev'], fields: '', reply: 'ip:s45 port:u' },
  'ping': { dir: 'both', push: false, states: ['any'], fields: '', reply: 'now:u' },
  'bye': { dir: 'both', push: true, states: ['any'], fields: '?c:s24', reply: '' },
  'ok': { dir: 'both', push: true, states: ['any'], fields: 'r:u', reply: '' },
  'err': { dir: 'both', push: true, states: ['any'], fields: '?r:u c:s24 ?after:u ?n:u ?who:[b32]100 ?w:u ?seed:b16', reply: '' },
} as const

type Table = typeof FRAMES

export type FrameName = keyof Table

/** Frames with `r` that are answered by one `ok` or `err`. */
export type RequestName = {
  [N in FrameName]: Table[N]['push'] extends false ? N : never
}[FrameName]

/** The fields of a frame without `t` and `r`. */
export type RequestOf<N extends FrameName> = FieldsOf<Table[N]['fields']>

/** The fields of the `ok` that answers a request. */
export type ReplyOf<N extends RequestName> = FieldsOf<Table[N]['reply']>

/** An answer before it is known what it answers: `decodeReply` checks the rest. */
export interface OkFrame {
  readonly t: 'ok'
  readonly r: number
  readonly [field: string]: unknown
}

export type FrameOf<N extends FrameName> = N extends 'ok'
  ? OkFrame
  : N extends RequestName
    ? Flat<{ readonly t: N; readonly r: number } & RequestOf<N>>
    : Flat<{ readonly t: N } & RequestOf<N>>

/** Any frame, discriminated by `t`. */
export type Frame = { [N in FrameName]: FrameOf<N> }[FrameName]

/** A frame that opens a request. */
export type RequestFrame = { [N in RequestName]: FrameOf<N> }[RequestName]

/** The row of one frame with the general type, for the session's checks. */
export function frameRow(name: FrameName): FrameRow {
  return FRAMES[name]
}

export function isRequest(frame: Frame): frame is RequestFrame {
  return !frameRow(frame.t).push
}
