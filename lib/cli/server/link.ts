// The invite link of a server on this machine, as its network interfaces are now.
import { networkInterfaces } from 'node:os'

import { inviteOf, publicAddress, type Reach } from './banner.ts'

export interface InviteLink {
  readonly link: string
  readonly host: string
  /** Nobody has said by which name clients reach it. */
  readonly guessed: boolean
}

export function linkOf(server: Omit<Reach, 'addresses'>): InviteLink {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const reach = { ...server, addresses }
  return { link: inviteOf(reach), ...publicAddress(reach) }
}
