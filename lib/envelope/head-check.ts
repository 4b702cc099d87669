// Whether to accept the header of a stream: rules 1 to 3 of PROTOCOL 6.5. A receiver stream opens from the result only,
// so that a header cannot be used before it was checked.
import type { RsaPublicKey } from '../crypto/rsa.ts'
import { convId, type DeviceId } from '../identity/conversation.ts'
import type { DeviceList } from '../identity/device-list-body.ts'
import { type Bytes, equal, hex } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import type { Head } from './head.ts'
import type { StreamGroup } from './stream-state.ts'

/** A device may still be addressed this long after its removal by a sender who does not know yet. */
const REMOVAL_GRACE_MS = 10 * 60_000
const NO_GROUP = Buffer.alloc(32)

/** What this device knows when it judges a header. */
export interface HeadView {
  readonly me: DeviceId
  /** The newest verified and pinned list; undefined for an account that is unknown or blocked by an identity error. */
  listOf(acct: Bytes): DeviceList | undefined
  /** The other account of a conversation I have. */
  peerOf(conv: Bytes): Bytes | undefined
}

/** My place among the recipients, and which of my inbox keys the sender used. */
export interface HeadPlace {
  readonly position: number
  readonly klid: Bytes
}

export interface AcceptedHead extends HeadPlace {
  readonly head: Head
  /** The other account; my own in notes, the sender's in groups. */
  readonly peer: Bytes
  /** Absent between two. Whether the state is known, and who is a member, is judged with each message. */
  readonly group?: StreamGroup
  /** The device key that must have signed every message. */
  readonly senderKey: RsaPublicKey
}

/** Rule 1: own server, addressed to me, not from me. @throws E_BINDING E_NOT_FOR_ME */
export function placeIn(head: Head, me: DeviceId): HeadPlace {
  if (!equal(head.srv, me.srv)) fail('E_BINDING', 'This envelope belongs to another server.')
  const position = head.to.findIndex((r) => equal(r.acct, me.acct) && equal(r.dev, me.dev))
  const mine = head.to[position] ?? fail('E_NOT_FOR_ME', 'This envelope is not for this device.')
  if (equal(head.from.acct, me.acct) && equal(head.from.dev, me.dev)) {
    fail('E_NOT_FOR_ME', 'This envelope claims to come from this device itself.')
  }
  return { position, klid: mine.klid }
}

/** Rule 2: the sending device is one of its account's. E_NO_DEVICE: it was, and is removed (show a placeholder). */
function senderKey({ from }: Head, list: DeviceList): RsaPublicKey {
  const device = list.devs.find((d) => equal(d.id, from.dev))
  if (device !== undefined) return device.dsk
  return list.gone.some(([id]) => equal(id, from.dev))
    ? fail('E_NO_DEVICE', `From a removed device of @${list.user}, not shown.`)
    : fail('E_GHOST_DEVICE', `From a device that is not one of @${list.user}'s.`)
}

/** The one other account, or my own if there is no other. */
function peerAccount(head: Head, view: HeadView): Bytes {
  const { me } = view
  const others = new Map<string, Bytes>()
  for (const { acct } of [head.from, ...head.to]) {
    if (!equal(acct, me.acct)) others.set(hex(acct), acct)
  }
  const [peer, third] = others.values()
  if (third !== undefined) fail('E_GHOST_USER', 'This envelope also names somebody else.')
  return peer ?? view.peerOf(head.conv) ?? me.acct
}

function isDeviceOf(list: DeviceList, dev: Bytes, head: Head): boolean {
  return (
    list.devs.some((d) => equal(d.id, dev)) ||
    list.gone.some(([id, ts]) => equal(id, dev) && ts > head.t - REMOVAL_GRACE_MS)
  )
}

/** Accounts that the header addresses at devices which are none of theirs, as far as their lists are known. */
export function ghostsIn(head: Head, view: HeadView): Bytes[] {
  const ghosts = new Map<string, Bytes>()
  for (const { acct, dev } of head.to) {
    const list = view.listOf(acct)
    if (list !== undefined && !isDeviceOf(list, dev, head)) ghosts.set(hex(acct), acct)
  }
  return [...ghosts.values()]
}

function checkAddressees(head: Head, view: HeadView): void {
  for (const { acct } of head.to) {
    if (view.listOf(acct) === undefined) {
      fail('E_GHOST_USER', 'This envelope also names an unknown account.')
    }
  }
}

function checkDevices(head: Head, view: HeadView): void {
  const [ghost] = ghostsIn(head, view)
  if (ghost === undefined) return
  const user = view.listOf(ghost)?.user ?? ''
  fail('E_GHOST_DEVICE', `This envelope also names a device that is not one of @${user}'s.`)
}

/** Whoever is in it by the state of the group, known or not: members under an identity error stop nobody else. */
function groupOf(head: Head, view: HeadView): StreamGroup {
  if (view.peerOf(head.conv) !== undefined) {
    fail('E_BINDING', 'This envelope takes a conversation of two for a group.')
  }
  const to = new Map(head.to.map(({ acct }) => [hex(acct), acct]))
  return { gs: head.gs, to: [...to.values()] }
}

/**
 * Rules 1 to 3 in their order; of rule 3 for groups what can be said without their states. On E_GHOST_DEVICE and
 * E_NO_DEVICE the caller fetches the lists once more and tries again; then the stream is dropped, loudly for ghosts.
 *
 * @throws E_BINDING E_NOT_FOR_ME E_GHOST_USER E_NO_DEVICE E_GHOST_DEVICE
 */
export function acceptHead(head: Head, view: HeadView): AcceptedHead {
  const place = placeIn(head, view.me)
  const list = view.listOf(head.from.acct) ?? fail('E_GHOST_USER', 'From an unknown account.')
  const key = senderKey(head, list)
  if (!equal(head.gs, NO_GROUP)) {
    const group = groupOf(head, view)
    checkDevices(head, view)
    return { ...place, head, peer: head.from.acct, group, senderKey: key }
  }
  const peer = peerAccount(head, view)
  const { srv } = view.me
  if (!equal(head.conv, convId(view.me, { srv, acct: peer }))) {
    fail('E_BINDING', 'This envelope belongs to another conversation.')
  }
  checkAddressees(head, view)
  checkDevices(head, view)
  return { ...place, head, peer, senderKey: key }
}
