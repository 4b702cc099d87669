// What this machine and the server say our addresses are, as far as somebody else may learn them (PROTOCOL 12).
import type { Address } from '../../protocol/composites.ts'
import type { Link } from '../link.ts'
import type { DirectPort } from '../ports.ts'
import { usable } from './addresses.ts'

/** @throws E_CLOSED */
export async function ownAddresses(
  link: Pick<Link, 'request'>,
  here: DirectPort,
  port: number,
): Promise<Address[]> {
  const [seen, ours] = await Promise.all([link.request('p2p.addr', {}), here.addresses()])
  const all = [seen.ip, ...ours].map((ip): Address => [ip, port])
  return usable(all, here.lan)
}
