// What this device knows of one account: its pin, the last device list, and where the conversation stands (PROTOCOL 5.4, 7.3).
// One record in the sealed local store; the table of all of them is in peers.ts.
import { type PeerPin, decodePin, encodePin } from '../../identity/pin.ts'
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { dl, type SignedDeviceList } from '../../protocol/composites.ts'
import { b, bRange, c, check, flag, map, opt, s, u } from '../../protocol/shape.ts'
import { type Bytes, hex } from '../../util/bytes.ts'
import type { ErrorCode } from '../../util/errors.ts'
import type { ContactInfo } from '../events.ts'
import type { Trust } from '../trust.ts'

/** What a stranger may have sent us, and we a stranger, before the conversation is accepted (PROTOCOL 7.3). */
export interface Quota {
  readonly messages: number
  readonly offers: number
}

/** An explicit chat request that waits for our answer. */
export interface PendingRequest {
  /** hex of the message that brought it */
  readonly mid: string
  readonly number: number
  readonly note: string
  readonly at: number
}

export interface Peer {
  /** hex of acct */
  readonly id: string
  readonly acct: Bytes
  /** hex */
  readonly conv: string
  readonly pin: PeerPin
  /** The list the pin was made from. */
  readonly list: SignedDeviceList
  readonly displayName: string
  readonly accepted: boolean
  readonly received: Quota
  readonly sent: Quota
  /** We sent a request at this time and wait for the answer. */
  readonly requestedAt?: number
  /** They said no to it. */
  readonly refused?: true
  readonly request?: PendingRequest
  /** When we said no to their last one: the next is heard 30 days after (PROTOCOL 7.3). */
  readonly declinedAt?: number
  /** The directory contradicted the pin with this code: nothing is sent or accepted. */
  readonly alarm?: ErrorCode
  readonly blocked: boolean
  /** The directory knows the account no more. */
  readonly deleted: boolean
  /** Others' messages up to this number are covered by an accepted receipt; read by the user up to that one. */
  readonly receiptedTo: number
  readonly readTo: number
  /** Our display name went out to this contact. */
  readonly profileSent: string
}

const PEER = map({
  a: b(32),
  c: s(32),
  p: bRange(1, 49152),
  l: dl,
  dn: c(64),
  ac: opt(flag),
  rm: u,
  ro: u,
  sm: u,
  so: u,
  rq: opt(u),
  rf: opt(flag),
  pn: opt(u),
  pm: opt(s(32)),
  pt: opt(c(280)),
  pa: opt(u),
  pd: opt(u),
  al: opt(s(24)),
  bl: opt(flag),
  de: opt(flag),
  rt: u,
  rd: u,
  ps: c(64),
})

export function encodePeer(peer: Peer): Buffer {
  return encode({
    a: peer.acct,
    c: peer.conv,
    p: encodePin(peer.pin),
    l: peer.list,
    dn: peer.displayName,
    ac: peer.accepted ? true : undefined,
    rm: peer.received.messages,
    ro: peer.received.offers,
    sm: peer.sent.messages,
    so: peer.sent.offers,
    rq: peer.requestedAt,
    rf: peer.refused,
    pn: peer.request?.number,
    pm: peer.request?.mid,
    pt: peer.request?.note,
    pa: peer.request?.at,
    pd: peer.declinedAt,
    al: peer.alarm,
    bl: peer.blocked ? true : undefined,
    de: peer.deleted ? true : undefined,
    rt: peer.receiptedTo,
    rd: peer.readTo,
    ps: peer.profileSent,
  })
}

export function decodePeer(body: Bytes): Peer {
  const f = check(PEER, decodeStrict(body), 'peer')
  return {
    id: hex(f.a),
    acct: f.a,
    conv: f.c,
    pin: decodePin(f.p),
    list: f.l,
    displayName: f.dn,
    accepted: f.ac === true,
    received: { messages: f.rm, offers: f.ro },
    sent: { messages: f.sm, offers: f.so },
    blocked: f.bl === true,
    deleted: f.de === true,
    receiptedTo: f.rt,
    readTo: f.rd,
    profileSent: f.ps,
    ...(f.rq === undefined ? {} : { requestedAt: f.rq }),
    ...(f.rf === true ? { refused: f.rf } : {}),
    ...(f.pn === undefined
      ? {}
      : { request: { mid: f.pm ?? '', number: f.pn, note: f.pt ?? '', at: f.pa ?? 0 } }),
    ...(f.pd === undefined ? {} : { declinedAt: f.pd }),
    ...(f.al === undefined ? {} : { alarm: f.al as ErrorCode }),
  }
}

export function newPeer(pin: PeerPin, list: SignedDeviceList, conv: string): Peer {
  return {
    id: hex(pin.acct),
    acct: pin.acct,
    conv,
    pin,
    list,
    displayName: '',
    accepted: false,
    received: { messages: 0, offers: 0 },
    sent: { messages: 0, offers: 0 },
    blocked: false,
    deleted: false,
    receiptedTo: 0,
    readTo: 0,
    profileSent: '',
  }
}

export function trustOf(peer: Peer): Trust {
  if (peer.alarm !== undefined) return 'blocked'
  if (peer.pin.unconfirmed) return 'changed'
  return peer.pin.verified ? 'verified' : 'unverified'
}

/** Whose word is missing before both may write freely. */
function waitsForOf(peer: Peer): ContactInfo['waitsFor'] {
  if (peer.accepted) return undefined
  if (peer.refused === true) return 'nobody'
  if (peer.requestedAt !== undefined || peer.sent.messages + peer.sent.offers > 0) return 'them'
  const hasAsked = peer.request !== undefined || peer.declinedAt === undefined
  return hasAsked && peer.received.messages + peer.received.offers > 0 ? 'us' : undefined
}

export function contactOf(peer: Peer): ContactInfo {
  const waitsFor = waitsForOf(peer)
  return {
    user: peer.pin.user,
    acct: peer.id,
    displayName: peer.displayName,
    formerNames: peer.pin.former,
    trust: trustOf(peer),
    ...(peer.alarm === undefined ? {} : { alarm: peer.alarm }),
    accepted: peer.accepted,
    ...(waitsFor === undefined ? {} : { waitsFor }),
    blockedByMe: peer.blocked,
    ...(peer.deleted ? { deleted: true } : {}),
    devices: peer.pin.devs.length,
    conv: peer.conv,
  }
}
