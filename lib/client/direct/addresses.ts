// Which addresses may be offered and dialled (PROTOCOL 12): public unicast always, those of one's own networks only when the
// person wants that, all others and every port below 1024 never. Pure; only text forms of addresses, never names.
import type { Address } from '../../protocol/composites.ts'

export type Reach = 'public' | 'lan' | 'never'

/** As in PROTOCOL 7.1. */
const CANDIDATES_MAX = 8
const LOWEST_PORT = 1024
const HIGHEST_PORT = 65_535

/** First bytes and how many bits of them count. IANA special-purpose registries. */
type Range = readonly [readonly number[], number]

const LAN_V4: readonly Range[] = [
  [[10], 8],
  [[100, 64], 10],
  [[127], 8],
  [[169, 254], 16],
  [[172, 16], 12],
  [[192, 168], 16],
]
const NEVER_V4: readonly Range[] = [
  [[0], 8],
  [[192, 0, 0], 24],
  [[192, 0, 2], 24],
  [[192, 88, 99], 24],
  [[198, 18], 15],
  [[198, 51, 100], 24],
  [[203, 0, 113], 24],
  [[224], 3],
]
/** Not fe80::/10: nobody else knows by which of his interfaces such an address is reached. */
const LAN_V6: readonly Range[] = [[[0xfc], 7]]
const PUBLIC_V6: Range = [[0x20], 3]
/** Within 2000::/3: documentation, and tunnels that stand for an IPv4 address. */
const NEVER_V6: readonly Range[] = [
  [[0x20, 0x01, 0x00, 0x00], 23],
  [[0x20, 0x01, 0x0d, 0xb8], 32],
  [[0x20, 0x02], 16],
  [[0x3f, 0xff, 0x00], 20],
]

export function reachOf(ip: string): Reach {
  const v4 = parseV4(ip)
  if (v4 !== null) {
    if (LAN_V4.some((range) => isIn(v4, range))) return 'lan'
    return NEVER_V4.some((range) => isIn(v4, range)) ? 'never' : 'public'
  }
  const v6 = parseV6(ip)
  if (v6 === null) return 'never'
  if (isLoopback(v6) || LAN_V6.some((range) => isIn(v6, range))) return 'lan'
  if (!isIn(v6, PUBLIC_V6)) return 'never'
  return NEVER_V6.some((range) => isIn(v6, range)) ? 'never' : 'public'
}

/** Those of a list that may be used, each once, public ones first. */
export function usable(list: readonly Address[], lan: boolean): Address[] {
  const seen = new Set<string>()
  const found: Record<'public' | 'lan', Address[]> = { public: [], lan: [] }
  for (const [ip, port] of list) {
    const reach = reachOf(ip)
    const key = addressWords([ip, port])
    if (reach === 'never' || (reach === 'lan' && !lan) || !isPort(port) || seen.has(key)) continue
    seen.add(key)
    found[reach].push([ip, port])
  }
  return [...found.public, ...found.lan].slice(0, CANDIDATES_MAX)
}

export function addressWords([ip, port]: Address): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}

function isPort(port: number): boolean {
  return port >= LOWEST_PORT && port <= HIGHEST_PORT
}

function isIn(bytes: readonly number[], [start, bits]: Range): boolean {
  for (let at = 0; at * 8 < bits; at++) {
    const mask = (0xff << Math.max(0, 8 - (bits - at * 8))) & 0xff
    if (((bytes[at] ?? 0) & mask) !== ((start[at] ?? 0) & mask)) return false
  }
  return true
}

function isLoopback(bytes: readonly number[]): boolean {
  return bytes.every((byte, at) => byte === (at === 15 ? 1 : 0))
}

/** Strict: four decimal numbers without leading zeros, which others read as octal. */
function parseV4(ip: string): number[] | null {
  const parts = ip.split('.')
  if (parts.length !== 4 || parts.some((part) => !/^(0|[1-9]\d{0,2})$/.test(part))) return null
  const bytes = parts.map(Number)
  return bytes.every((byte) => byte <= 255) ? bytes : null
}

/** No zone and no dotted quad at the end: such forms are not offered by us, and not needed. */
function parseV6(ip: string): number[] | null {
  if (!/^[0-9a-f:]+$/i.test(ip)) return null
  const halves = ip.split('::')
  if (halves.length > 2) return null
  const [left = [], right = []] = halves.map((half) => (half === '' ? [] : half.split(':')))
  const zeros = 8 - left.length - right.length
  if (halves.length === 2 ? zeros < 1 : zeros !== 0) return null
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right]
  if (groups.some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) return null
  return groups.map((group) => parseInt(group, 16)).flatMap((n) => [n >> 8, n & 0xff])
}
