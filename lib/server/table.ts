// The frames a client may send: handler, state and cost of each. States come from the frame table of PROTOCOL 14.2;
// whatever is not here is refused by the session.
import { frameRow, type FrameName, type FrameOf, type RequestName } from '../protocol/frames.ts'
import {
  type Caller,
  type Cost,
  type FrameTable,
  LEVEL,
  type PushHandler,
  type RequestHandler,
  type Row,
} from './handler.ts'
import { acctDel } from './handlers/acct-del.ts'
import { blobGet } from './handlers/blob-get.ts'
import { blobPut } from './handlers/blob-put.ts'
import { bunPut } from './handlers/bun-put.ts'
import { bye } from './handlers/bye.ts'
import { devLogin } from './handlers/dev-login.ts'
import { dirGet } from './handlers/dir-get.ts'
import { dirFind } from './handlers/dir-find.ts'
import { dirSeen } from './handlers/dir-seen.ts'
import { dirShow } from './handlers/dir-show.ts'
import { dlPut } from './handlers/dl-put.ts'
import { fileDel } from './handlers/file-del.ts'
import { fileGet } from './handlers/file-get.ts'
import { filePut } from './handlers/file-put.ts'
import { fileStat } from './handlers/file-stat.ts'
import { histGet } from './handlers/hist-get.ts'
import { histLs } from './handlers/hist-ls.ts'
import { histPut } from './handlers/hist-put.ts'
import { info } from './handlers/info.ts'
import { lkLogin } from './handlers/lk-login.ts'
import { loginFin } from './handlers/login-fin.ts'
import { loginStart } from './handlers/login-start.ts'
import { mailAck } from './handlers/mail-ack.ts'
import { msgPut, sendWeight } from './handlers/msg-put.ts'
import { p2pAddr } from './handlers/p2p-addr.ts'
import { ping } from './handlers/ping.ts'
import { pwFin } from './handlers/pw-fin.ts'
import { pwStart } from './handlers/pw-start.ts'
import { regFin } from './handlers/reg-fin.ts'
import { regStart } from './handlers/reg-start.ts'
import { stOpen } from './handlers/st-open.ts'
import { vaultGet } from './handlers/vault-get.ts'
import { vaultPut } from './handlers/vault-put.ts'

type Entry = readonly [FrameName, Row]

function request<N extends RequestName>(name: N, handle: RequestHandler<N>, cost: Cost): Entry {
  return [name, { push: false, state: stateOf(name), cost, handle }]
}

function weighed<N extends RequestName>(
  name: N,
  handle: RequestHandler<N>,
  cost: Cost,
  weigh: (caller: Caller, frame: FrameOf<N>) => number,
): Entry {
  return [name, { push: false, state: stateOf(name), cost, handle, weigh }]
}

function push<N extends FrameName>(
  name: N,
  handle: PushHandler<N> & ((caller: never, frame: FrameOf<N>) => void),
  cost: Cost,
): Entry {
  return [name, { push: true, state: stateOf(name), cost, handle }]
}

/** Bits of LEVEL; a link between two clients is none of the server's states. */
function stateOf(name: FrameName): number {
  let bits = 0
  for (const state of frameRow(name).states) {
    if (state === 'any') bits |= LEVEL.anon | LEVEL.acct | LEVEL.dev
    else if (state !== 'link') bits |= LEVEL[state]
  }
  return bits
}

/** Free: mail.ack and the file frames are bounded by their windows. */
export const FRAME_TABLE: FrameTable = new Map<FrameName, Row>([
  request('info', info, 'request'),
  request('ping', ping, 'request'),
  push('bye', bye, 'free'),

  request('reg.start', regStart, 'request'),
  request('reg.fin', regFin, 'request'),
  request('login.start', loginStart, 'request'),
  request('login.fin', loginFin, 'request'),
  request('dev.login', devLogin, 'request'),
  request('lk.login', lkLogin, 'request'),

  request('vault.get', vaultGet, 'request'),
  request('vault.put', vaultPut, 'request'),
  request('pw.start', pwStart, 'request'),
  request('pw.fin', pwFin, 'request'),
  request('dl.put', dlPut, 'request'),
  request('acct.del', acctDel, 'request'),

  request('bun.put', bunPut, 'request'),
  request('dir.get', dirGet, 'request'),
  request('dir.find', dirFind, 'request'),
  request('dir.show', dirShow, 'request'),
  request('dir.seen', dirSeen, 'request'),

  request('st.open', stOpen, 'request'),
  weighed('msg.put', msgPut, 'send', sendWeight),
  push('mail.ack', mailAck, 'free'),

  request('file.put', filePut, 'free'),
  request('file.stat', fileStat, 'request'),
  request('file.get', fileGet, 'free'),
  request('file.del', fileDel, 'request'),

  request('hist.put', histPut, 'request'),
  request('hist.ls', histLs, 'request'),
  request('hist.get', histGet, 'request'),
  request('blob.put', blobPut, 'request'),
  request('blob.get', blobGet, 'request'),

  request('p2p.addr', p2pAddr, 'request'),
])
