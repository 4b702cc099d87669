// What this machine and the server say our addresses are, as far as somebody else may learn them (PROTOCOL 12).
import type { Link } from '../link.ts'
import type { DirectPort } from '../ports.ts'
import { usable } from './addresses.ts'

/** The port that stands for one which is not open yet. */
const ANY_PORT = 65_535

/** @throws E_CLOSED */
export async function ownAddresses(
  link: Pick<Link, 'request'>,
  here: DirectPort,
): Promise<readonly string[]> {
  const [seen, ours] = await Promise.all([link.request('p2p.addr', {}), here.addresses()])
  const all = [seen.ip, ...ours].map((ip) => [ip, ANY_PORT] as const)
  return usable(all, here.lan).map(([ip]) => ip)
}
