// Opens sender streams: to every device of the other side and every other device of our own with live keys (PROTOCOL 6.2),
// and decides who may be written to at all (5.4).
import type { Gossip } from '../../envelope/gossip.ts'
import { SenderStream } from '../../envelope/sender-stream.ts'
import type { VerifiedBundle } from '../../identity/bundle.ts'
import type { DeviceId } from '../../identity/conversation.ts'
import { type Bytes, equal, fromHex } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { fail } from '../../util/errors.ts'
import type { KeyRing } from '../account/key-ring.ts'
import type { Profile } from '../account/profile.ts'
import type { Receivers } from '../inbox/receivers.ts'
import type { Link } from '../link.ts'
import type { Acceptance } from '../people/acceptance.ts'
import type { Directory } from '../people/directory.ts'
import type { Peer } from '../people/peer.ts'
import type { Peers } from '../people/peers.ts'
import type { OutItem } from './item.ts'
import type { Hold } from './lane.ts'
import { Outgoing } from './outgoing.ts'

const SEEN_MAX = 8

export interface OpenerDeps {
  readonly device: DeviceId
  readonly profile: Profile
  readonly link: Link
  readonly clock: Clock
  readonly peers: Peers
  readonly directory: Directory
  readonly receivers: Receivers
  readonly acceptance: Acceptance
  readonly keyRing: () => KeyRing
}

export class Opener {
  readonly #deps: OpenerDeps

  constructor(deps: OpenerDeps) {
    this.#deps = deps
  }

  /** Why nothing may go to this person now. */
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

  /** @throws E_NO_DEVICE when nobody can receive; identity errors; E_CLOSED */
  async open(item: OutItem): Promise<Outgoing> {
    const { device, profile, clock, link } = this.#deps
    const recipients = await this.#recipients(item)
    // what was fetched for the recipients may have raised an alarm
    const hold = this.gate(item)
    if (hold !== null) fail(hold.code, hold.reason)
    const now = clock.now()
    const conv = fromHex(item.conv)
    const { srv, acct, dev } = device
    const basis = this.#basis(item)
    const stream =
      recipients.length === 0
        ? null
        : await SenderStream.open({
            srv,
            conv,
            from: { acct, dev },
            dsk: profile.dsk,
            recipients,
            now,
          })
    return new Outgoing({
      stream,
      recipients,
      link,
      gossip: (first) => this.#gossip(conv, first),
      isCurrent: () => this.#basis(item) === basis,
    })
  }

  /** What a stream rests on: when it changes, the next message needs another stream, whatever the server says (PROTOCOL 6.4). */
  #basis(item: OutItem): string {
    const { device, peers } = this.#deps
    const pins = [this.#peerOf(item).pin, peers.get(device.acct)?.pin]
    const parts = pins.map((pin) => {
      const others = pin?.devs.filter(({ id }) => !equal(id, device.dev)) ?? []
      return [pin?.n, ...others.map(({ bundle }) => bundle)].join()
    })
    return parts.join(';')
  }

  stale(item: OutItem, accounts: readonly Bytes[]): void {
    const { directory, device } = this.#deps
    const named = accounts.length > 0 ? accounts : [item.acct, this.#peerOf(item).acct, device.acct]
    for (const acct of named) directory.forget(acct)
  }

  #peerOf(item: OutItem): Peer {
    return this.#deps.peers.byConv(item.conv) ?? fail('E_NOT_FOUND')
  }

  async #recipients(item: OutItem): Promise<VerifiedBundle[]> {
    const { directory, device } = this.#deps
    if (item.only !== undefined) {
      const only = item.only
      const found = (await directory.reach(item.acct)).filter((each) => equal(each.dev, only))
      return found.length > 0 ? found : fail('E_NO_DEVICE', 'That device cannot be reached now.')
    }
    const own = await this.#ownOthers()
    const peer = this.#peerOf(item)
    if (equal(peer.acct, device.acct)) return own
    const theirs = await directory.reach(peer.acct)
    if (theirs.length === 0) {
      fail('E_NO_DEVICE', `No device of @${peer.pin.user} can receive now. Trying again later.`)
    }
    return [...theirs, ...own]
  }

  /** No look-up when this is the only device of the account. */
  async #ownOthers(): Promise<VerifiedBundle[]> {
    const { directory, device, peers } = this.#deps
    const me = peers.get(device.acct) ?? fail('E_NOT_FOUND')
    if (directory.listOf(me).devs.length <= 1) return []
    const own = await directory.reach(device.acct, device.dev)
    return own.filter((bundle) => !equal(bundle.dev, device.dev))
  }

  /** PROTOCOL 6.3 g: what we have seen of others' streams here; with the first message, how far our own directory entry is. */
  #gossip(conv: Bytes, first: boolean): Gossip {
    const { receivers, peers, device, keyRing } = this.#deps
    const q = receivers
      .recent(conv, SEEN_MAX)
      .filter((stream) => stream.next > 0)
      .map((stream) => [stream.st, stream.next - 1] as const)
    const me = peers.get(device.acct)
    const b = keyRing().published
    const v =
      !first || me === undefined || b === 0
        ? {}
        : { v: { b, d: me.pin.n, dh: me.pin.h.subarray(0, 8) } }
    return { ...(q.length === 0 ? {} : { q }), ...v }
  }
}
