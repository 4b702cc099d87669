// The way to one person, or to one's own other devices (notes): to all devices of the other side and every other device of
// our own (PROTOCOL 6.2), unless that person may not be written to (5.4).
import type { VerifiedBundle } from '../../identity/bundle.ts'
import type { DeviceId } from '../../identity/conversation.ts'
import { type Bytes, equal } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'
import type { Acceptance } from '../people/acceptance.ts'
import type { Directory } from '../people/directory.ts'
import type { Peer } from '../people/peer.ts'
import type { Peers } from '../people/peers.ts'
import type { OutItem } from './item.ts'
import type { Hold } from './lane.ts'
import type { DeviceReach, Route } from './route.ts'

export interface PeerRouteDeps {
  readonly device: DeviceId
  readonly peers: Peers
  readonly directory: Directory
  readonly acceptance: Acceptance
  readonly reach: DeviceReach
}

export class PeerRoute implements Route {
  readonly #deps: PeerRouteDeps

  constructor(deps: PeerRouteDeps) {
    this.#deps = deps
  }

  gate(item: OutItem): Hold | null {
    const peer = this.#peerOf(item)
    const { user } = peer.pin
    if (peer.alarm !== undefined) {
      return {
        code: peer.alarm,
        reason: `The server shows another identity for @${user} than before. Nothing is sent. Ask @${user} on another way, then: !trust ${user}`,
      }
    }
    if (peer.pin.unconfirmed) {
      return {
        code: 'E_UNTRUSTED',
        reason: `The account key of @${user} was replaced. Compare with !verify ${user}, or go on with !trust ${user}`,
      }
    }
    if (peer.deleted) {
      return { code: 'E_NOT_FOUND', reason: `The account of @${user} does not exist any more.` }
    }
    return this.#deps.acceptance.gate(item, peer)
  }

  async recipients(item: OutItem): Promise<VerifiedBundle[]> {
    const { directory, device, reach } = this.#deps
    const peer = this.#peerOf(item)
    if (item.only !== undefined) return reach.only(item.acct ?? peer.acct, item.only)
    const own = await reach.ownOthers()
    if (equal(peer.acct, device.acct)) return own
    const theirs = await directory.reach(peer.acct)
    if (theirs.length === 0) {
      fail('E_NO_DEVICE', `No device of @${peer.pin.user} can receive now. Trying again later.`)
    }
    return [...theirs, ...own]
  }

  basis(item: OutItem): string {
    const { peers, device, reach } = this.#deps
    const pins = [this.#peerOf(item).pin, peers.get(device.acct)?.pin]
    return pins.map((pin) => reach.basisOf(pin)).join(';')
  }

  accounts(item: OutItem): Bytes[] {
    return [this.#peerOf(item).acct, this.#deps.device.acct]
  }

  full(): boolean {
    return false
  }

  opening(): null {
    return null
  }

  #peerOf(item: OutItem): Peer {
    return this.#deps.peers.byConv(item.conv) ?? fail('E_NOT_FOUND')
  }
}
