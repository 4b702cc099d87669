// Opens sender streams to everybody an item goes to (PROTOCOL 6.2). Who that is, and whether it may go, the route of its
// conversation says.
import type { Gossip } from '../../envelope/gossip.ts'
import { SenderStream } from '../../envelope/sender-stream.ts'
import type { DeviceId } from '../../identity/conversation.ts'
import { type Bytes, equal, fromHex } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { fail } from '../../util/errors.ts'
import type { KeyRing } from '../account/key-ring.ts'
import type { Profile } from '../account/profile.ts'
import type { Receivers } from '../inbox/receivers.ts'
import type { Link } from '../link.ts'
import type { Directory } from '../people/directory.ts'
import type { Peers } from '../people/peers.ts'
import type { OutItem } from './item.ts'
import type { Hold } from './lane.ts'
import { Outgoing } from './outgoing.ts'
import type { Route } from './route.ts'
import type { SideWay } from './side-way.ts'

const SEEN_MAX = 8

export interface OpenerDeps {
  readonly device: DeviceId
  readonly profile: Profile
  readonly link: Link
  readonly clock: Clock
  readonly peers: Peers
  readonly directory: Directory
  readonly receivers: Receivers
  readonly keyRing: () => KeyRing
  readonly routeOf: (conv: string) => Route
  readonly sideWay: SideWay
}

export class Opener {
  readonly #deps: OpenerDeps

  constructor(deps: OpenerDeps) {
    this.#deps = deps
  }

  async ready(item: OutItem): Promise<void> {
    await this.#route(item).ready?.()
  }

  gate(item: OutItem): Hold | null {
    return this.#route(item).gate(item)
  }

  full(item: OutItem, accounts: readonly Bytes[]): boolean {
    return this.#route(item).full(item, accounts)
  }

  /** @throws E_NO_DEVICE when nobody can receive; identity errors; E_CLOSED */
  async open(item: OutItem): Promise<Outgoing> {
    const { device, profile, clock, sideWay } = this.#deps
    const route = this.#route(item)
    const before = route.opening(item)
    const way = await sideWay.ready(item)
    const recipients = way?.recipients ?? (await route.recipients(item))
    // what was fetched for the recipients may have raised an alarm
    const hold = this.gate(item)
    if (hold !== null) fail(hold.code, hold.reason)
    const now = clock.now()
    const conv = fromHex(item.conv)
    const { srv, acct, dev } = device
    const basis = route.basis(item)
    const opening = route.opening(item)
    // the members changed while their keys were fetched
    if (before !== null && opening !== null && !equal(before.gs, opening.gs)) return this.open(item)
    const stream =
      recipients.length === 0
        ? null
        : await SenderStream.open({
            srv,
            conv,
            ...(opening === null ? {} : { gs: opening.gs }),
            from: { acct, dev },
            dsk: profile.dsk,
            recipients,
            now,
          })
    return Outgoing.open({
      stream,
      recipients,
      link: way?.link ?? this.#deps.link,
      isFree: way !== null,
      opening: opening?.payload ?? null,
      gossip: (first) => this.#gossip(conv, first),
      isCurrent: (next) =>
        way !== null
          ? way.isOpen()
          : !sideWay.covers(next) && this.#route(next) === route && route.basis(next) === basis,
    })
  }

  stale(item: OutItem, accounts: readonly Bytes[]): void {
    const { directory, device } = this.#deps
    const everybody = [...this.#route(item).accounts(item), device.acct]
    const all = item.acct === undefined ? everybody : [...everybody, item.acct]
    for (const acct of accounts.length > 0 ? accounts : all) directory.forget(acct)
  }

  #route(item: OutItem): Route {
    return this.#deps.routeOf(item.conv)
  }

  /** PROTOCOL 6.3 g: what we have seen of others' streams here; with the first message, how far our own directory entry is. */
  #gossip(conv: Bytes, first: boolean): Gossip {
    const { receivers, peers, device, keyRing, sideWay } = this.#deps
    const q = receivers
      .recent(conv, SEEN_MAX)
      // a stream of a group is never one of a link, whatever the other end of a link calls its own
      .filter(({ group, next, st }) => next > 0 && (group !== undefined || !sideWay.isStream(st)))
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
