// Conversations, whoever is in them: one other person, nobody else (notes), or a group. What the rest of the client wants to
// know of a conversation without asking which kind it is.
import { memberOf } from '../../envelope/group-state.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import type { Peer } from '../people/peer.ts'
import type { Peers } from '../people/peers.ts'
import { type Group, receiptedTo } from './group.ts'
import type { GroupTable } from './group-table.ts'

export type Party =
  | { readonly is: 'peer'; readonly conv: string; readonly readTo: number; readonly peer: Peer }
  | { readonly is: 'group'; readonly conv: string; readonly readTo: number; readonly group: Group }

export class Parties {
  readonly #me: Bytes
  readonly #peers: Peers
  readonly #groups: GroupTable

  constructor(me: Bytes, peers: Peers, groups: GroupTable) {
    this.#me = me
    this.#peers = peers
    this.#groups = groups
  }

  all(): Party[] {
    return [...this.#peers.all().map(partyOfPeer), ...this.#groups.all().map(partyOfGroup)]
  }

  find(conv: string): Party | undefined {
    const peer = this.#peers.byConv(conv)
    if (peer !== undefined) return partyOfPeer(peer)
    const group = this.#groups.get(conv)
    return group === undefined ? undefined : partyOfGroup(group)
  }

  /** As it is typed. Empty for a conversation that is not here. */
  name(conv: string): string {
    const party = this.find(conv)
    return party === undefined ? '' : nameOf(party)
  }

  /** What this account sends there is believed, missed and answered: it is no stranger, and not out. */
  isHeard(conv: string, acct: Bytes): boolean {
    const party = this.find(conv)
    if (party === undefined) return false
    if (party.is === 'peer') {
      return (party.peer.accepted && equal(acct, party.peer.acct)) || equal(acct, this.#me)
    }
    const { standing, state } = party.group
    return standing === 'member' && memberOf(state, acct) !== undefined
  }

  /** It may be asked for what is missing: nothing stands between us. */
  isAskable(conv: string, acct: Bytes): boolean {
    if (!this.isHeard(conv, acct)) return false
    if (equal(acct, this.#me)) return true
    const peer = this.#peers.get(acct)
    return peer !== undefined && !peer.blocked && peer.alarm === undefined
  }

  /** The user has seen everything up to this number. */
  async read(conv: string, number: number): Promise<void> {
    const party = this.find(conv)
    if (party === undefined || party.readTo >= number) return
    if (party.is === 'peer') {
      await this.#peers.change(party.peer.id, (p) => ({ ...p, readTo: number }))
    } else await this.#groups.change(conv, (g) => ({ ...g, readTo: number }))
  }

  /** How far this author was told that we have what he wrote here. */
  receiptedTo(conv: string, acct: Bytes): number {
    const party = this.find(conv)
    if (party === undefined) return 0
    return party.is === 'peer' ? party.peer.receiptedTo : receiptedTo(party.group, hex(acct))
  }

  async receipted(conv: string, acct: Bytes, upTo: number): Promise<void> {
    const party = this.find(conv)
    if (party === undefined || this.receiptedTo(conv, acct) >= upTo) return
    if (party.is === 'peer') {
      await this.#peers.change(party.peer.id, (p) => ({ ...p, receiptedTo: upTo }))
    } else {
      const key = hex(acct)
      await this.#groups.change(conv, (g) => ({
        ...g,
        receipted: new Map(g.receipted).set(key, upTo),
      }))
    }
  }
}

function partyOfPeer(peer: Peer): Party {
  return { is: 'peer', conv: peer.conv, readTo: peer.readTo, peer }
}

function partyOfGroup(group: Group): Party {
  return { is: 'group', conv: group.conv, readTo: group.readTo, group }
}

export function nameOf(party: Party): string {
  return party.is === 'peer' ? party.peer.pin.user : `#${party.group.name}`
}

/** Whether the account at the other end of a row's author may hear of receipts at all is for receipts.ts. */
export function authorOf(party: Party, acct: Bytes): Bytes {
  return party.is === 'peer' ? party.peer.acct : acct
}
