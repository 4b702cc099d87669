// The own account is a contact like any other: pinned, so that a server that forks or rolls back our own device list is
// noticed (PROTOCOL 5.4).
import { convId } from '../../identity/conversation.ts'
import { verifyDeviceList } from '../../identity/device-list.ts'
import type { PeerPin } from '../../identity/pin.ts'
import type { SignedDeviceList } from '../../protocol/composites.ts'
import type { Username } from '../../protocol/names.ts'
import { equal, hex } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'
import { decodePeer, encodePeer, newPeer, type Peer } from '../people/peer.ts'
import { PEER_KIND, peerKeys } from '../people/peers.ts'
import type { Profile } from './profile.ts'

export async function readOwn(profile: Profile): Promise<Peer | null> {
  const record = await profile.store.records.get(PEER_KIND, hex(profile.device.acct))
  return record === null ? null : decodePeer(record.body)
}

/** Stores a list that was just signed or fetched; `before`: the pin it follows. */
export async function storeOwnList(
  profile: Profile,
  user: Username,
  list: SignedDeviceList,
  before?: PeerPin,
): Promise<void> {
  const { device, store } = profile
  const { srv, acct } = device
  const { pin } = verifyDeviceList(before, { srv, acct, user }, list)
  const known = await readOwn(profile)
  const conv = hex(convId({ srv, acct }, { srv, acct }))
  const own = { ...(known ?? newPeer(pin, list, conv)), pin, list, accepted: true }
  await store.records.put(PEER_KIND, own.id, encodePeer(own), peerKeys)
}

/** The server must not offer less than this device has seen. @throws E_ROLLBACK */
export function checkNotOlder(own: Peer, n: number): void {
  if (n < own.pin.n) {
    fail(
      'E_ROLLBACK',
      'The server offers an older list of your own devices than before. Tell its operator; do not trust what it shows.',
    )
  }
}

/** A list that came without a pin must be ours or a later one. @throws E_ROLLBACK E_FORK */
export function checkFollows(own: Peer, seen: PeerPin): void {
  checkNotOlder(own, seen.n)
  if (seen.n === own.pin.n && !equal(seen.h, own.pin.h)) {
    fail(
      'E_FORK',
      'There are two conflicting lists of your own devices. Tell the operator of the server; do not trust what it shows.',
    )
  }
}
