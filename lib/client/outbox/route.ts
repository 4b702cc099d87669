// Where an item of the outbox goes, by the kind of its conversation: one other person (peer-route.ts) or a group
// (groups/group-route.ts). What both need of keys is here.
import type { VerifiedBundle } from '../../identity/bundle.ts'
import type { DeviceId } from '../../identity/conversation.ts'
import type { PeerPin } from '../../identity/pin.ts'
import { type Bytes, equal } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'
import type { Directory } from '../people/directory.ts'
import type { Peers } from '../people/peers.ts'
import type { OutItem } from './item.ts'
import type { Hold } from './lane.ts'

/** What a group stream rests on and begins with (PROTOCOL 8). */
export interface Opening {
  readonly gs: Bytes
  readonly payload: Bytes
}

export interface Route {
  /** Why this item may not go now; null when it may. */
  gate(item: OutItem): Hold | null
  /** Resolves when it can be judged whether an item may go. @throws E_CLOSED */
  ready?(): Promise<void>
  /** Devices with live keys; none: there is nobody to send to. @throws E_NO_DEVICE identity errors E_CLOSED */
  recipients(item: OutItem): Promise<VerifiedBundle[]>
  /** What a stream rests on: when it changes, the next message needs another stream (PROTOCOL 6.4). */
  basis(item: OutItem): string
  /** Everybody whose keys a stream for this item uses. */
  accounts(item: OutItem): readonly Bytes[]
  /** Mailboxes of these are full. True: it goes on without them. */
  full(item: OutItem, accounts: readonly Bytes[]): boolean
  /** Null between two. */
  opening(item: OutItem): Opening | null
}

export class DeviceReach {
  readonly #device: DeviceId
  readonly #peers: Peers
  readonly #directory: Directory

  constructor(device: DeviceId, peers: Peers, directory: Directory) {
    this.#device = device
    this.#peers = peers
    this.#directory = directory
  }

  /** The other devices of our own; no look-up when this is the only one. */
  async ownOthers(): Promise<VerifiedBundle[]> {
    const { acct, dev } = this.#device
    const me = this.#peers.get(acct) ?? fail('E_NOT_FOUND')
    if (this.#directory.listOf(me).devs.length <= 1) return []
    const own = await this.#directory.reach(acct, dev)
    return own.filter((bundle) => !equal(bundle.dev, dev))
  }

  async only(acct: Bytes, dev: Bytes): Promise<VerifiedBundle[]> {
    const found = (await this.#directory.reach(acct)).filter((each) => equal(each.dev, dev))
    return found.length > 0 ? found : fail('E_NO_DEVICE', 'That device cannot be reached now.')
  }

  /** Changes with the devices of an account and their keys. */
  basisOf(pin: PeerPin | undefined): string {
    const others = pin?.devs.filter(({ id }) => !equal(id, this.#device.dev)) ?? []
    return [pin?.n, ...others.map(({ bundle }) => bundle)].join()
  }
}
