// The client's own address as seen from here, for direct connections (PROTOCOL 12).
import { splitAddress } from '../../channel/address.ts'
import type { RequestHandler } from '../handler.ts'

export const p2pAddr: RequestHandler<'p2p.addr'> = ({ link }) => splitAddress(link.remoteAddress)
