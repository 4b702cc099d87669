// The invite link of a server on this machine, as its network interfaces are now.
import { networkInterfaces } from 'node:os'

import { inviteOf, type Reach } from './banner.ts'

export function linkOf(server: Omit<Reach, 'addresses'>): string {
  return inviteOf({
    ...server,
    addresses: Object.values(networkInterfaces()).flatMap((list) => list ?? []),
  })
}
