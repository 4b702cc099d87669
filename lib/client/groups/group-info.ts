// A group as a front end sees it.
import { isAdmin } from '../../envelope/group-state.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import type { GroupInfo, GroupMember } from '../group-api.ts'
import { trustOf } from '../people/peer.ts'
import type { Peers } from '../people/peers.ts'
import type { Group } from './group.ts'

/** What an account is called whose name the server did not show yet. */
export function userOf(peers: Peers, acct: Bytes): string {
  return peers.get(acct)?.pin.user ?? `unknown-${hex(acct).slice(0, 8)}`
}

export function infoOf(
  { conv, name, state, standing }: Group,
  { peers, me, number }: { readonly peers: Peers; readonly me: Bytes; readonly number: number },
): GroupInfo {
  const members = state.mem.map(({ acct, admin }): GroupMember => {
    const peer = peers.get(acct)
    return {
      user: userOf(peers, acct),
      acct: hex(acct),
      admin,
      me: equal(acct, me),
      trust: peer === undefined ? 'unverified' : trustOf(peer),
    }
  })
  return {
    conv,
    number,
    chat: `#${name}`,
    name: state.name,
    topic: state.topic,
    members: members.sort(byRank),
    admin: standing === 'member' && isAdmin(state, me),
    standing,
    n: state.n,
  }
}

function byRank(p: GroupMember, q: GroupMember): number {
  if (p.admin !== q.admin) return p.admin ? -1 : 1
  return p.user < q.user ? -1 : 1
}
