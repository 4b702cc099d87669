// What may stand where a host is wanted: an address, or a name as DNS has them. Never with a port.
import { parseRange } from '../../channel/range.ts'

const CHARACTERS = /^[a-z0-9._:%-]{1,253}$/i
/** RFC 1123, and the underscore that some networks have. */
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i

/** To listen on. Without the brackets of IPv6; undefined: it is none. */
export function hostName(text: string): string | undefined {
  const bare = text.replace(/^\[(.*)\]$/, '$1')
  if (!CHARACTERS.test(bare)) return undefined
  const [address = '', zone] = bare.split('%', 2)
  if (parseRange(address) !== null) return zone === '' ? undefined : bare
  const labels = bare.replace(/\.$/, '').split('.')
  // a name that ends with a number would be read as an address
  const isName = labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '')
  return isName ? bare : undefined
}

/** For clients to connect to: one place, and the same from wherever they are. */
export function publicHostName(text: string): string | undefined {
  const host = hostName(text)
  if (host === undefined || host.includes('%')) return undefined
  return parseRange(host)?.value === 0n ? undefined : host
}
