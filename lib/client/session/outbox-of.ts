// The way out, tied to the parts of a session: to one person, or to a group.
import { GroupRoute, type GroupRouteDeps } from '../groups/group-route.ts'
import { Opener, type OpenerDeps } from '../outbox/opener.ts'
import { Outbox, type OutboxDeps } from '../outbox/outbox.ts'
import { PeerRoute, type PeerRouteDeps } from '../outbox/peer-route.ts'
import { DeviceReach } from '../outbox/route.ts'

export interface OutboxParts
  extends
    Omit<OutboxDeps, 'acct' | 'records' | 'open' | 'ready' | 'gate' | 'stale' | 'full'>,
    Omit<OpenerDeps, 'routeOf'>,
    Omit<PeerRouteDeps, 'reach'>,
    Omit<GroupRouteDeps, 'reach'> {}

export function openOutbox(parts: OutboxParts): Promise<Outbox> {
  const { device, peers, directory, groups, profile } = parts
  const reach = new DeviceReach(device, peers, directory)
  const toPeers = new PeerRoute({ ...parts, reach })
  const toGroups = new GroupRoute({ ...parts, reach })
  const opener = new Opener({
    ...parts,
    routeOf: (conv) => (groups.get(conv) === undefined ? toPeers : toGroups),
  })
  return Outbox.open({
    ...parts,
    acct: device.acct,
    records: profile.store.records,
    open: (item) => opener.open(item),
    ready: (item) => opener.ready(item),
    gate: (item) => opener.gate(item),
    stale: (item, accounts) => {
      opener.stale(item, accounts)
    },
    full: (item, accounts) => opener.full(item, accounts),
  })
}
