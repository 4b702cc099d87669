// Ranges of network addresses as an operator writes them: 203.0.113.7, 203.0.113.0/24, 2001:db8::/32.
import { splitAddress } from './address.ts'

export interface AddressRange {
  /** Canonical: equal for the same range however it was written. */
  readonly text: string
  /** 32 or 128 bits, as many of them fixed as `bits` says. */
  readonly value: bigint
  readonly width: 32 | 128
  readonly bits: number
}

interface Address {
  readonly value: bigint
  readonly width: 32 | 128
}

function parseIpv4(text: string): bigint | null {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return null
  const numbers = parts.map(Number)
  if (numbers.some((n) => n > 255)) return null
  return numbers.reduce((sum, n) => (sum << 8n) | BigInt(n), 0n)
}

function parseIpv6(text: string): bigint | null {
  const halves = text.toLowerCase().split('::')
  if (halves.length > 2) return null
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')))
  const [left = [], right = []] = groups
  const missing = 8 - left.length - right.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null
  const all = [...left, ...Array<string>(missing).fill('0'), ...right]
  if (!all.every((group) => /^[0-9a-f]{1,4}$/.test(group))) return null
  return all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n)
}

/** Null for anything else; a zone is left out, and IPv4 within IPv6 is IPv4. */
function parseAddress(text: string): Address | null {
  const { ip } = splitAddress(text)
  const ipv4 = parseIpv4(ip)
  if (ipv4 !== null) return { value: ipv4, width: 32 }
  const ipv6 = parseIpv6(ip.split('%', 1)[0] ?? '')
  return ipv6 === null ? null : { value: ipv6, width: 128 }
}

function textOf({ value, width }: Address): string {
  if (width === 32) {
    return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.')
  }
  const groups = Array.from({ length: 8 }, (_, k) =>
    ((value >> BigInt(112 - 16 * k)) & 0xffffn).toString(16),
  ).join(':')
  // the longest row of zeros
  const [longest = ''] = [...groups.matchAll(/(^|:)0(:0)+(?=:|$)/g)]
    .map(([row]) => row)
    .sort((a, b) => b.replace(/^:/, '').length - a.replace(/^:/, '').length)
  if (longest === '') return groups
  const at = groups.indexOf(longest)
  return `${groups.slice(0, at)}::${groups.slice(at + longest.length).replace(/^:/, '')}`
}

/** Null when it is none. Bits behind the prefix are ignored. */
export function parseRange(text: string): AddressRange | null {
  const [, ip = '', prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text.trim()) ?? []
  if (/[[\]%]|^[\d.]*\.[\d.]*:/.test(ip)) return null // a zone or a port says more than a network
  const address = parseAddress(ip)
  if (address === null) return null
  const { width } = address
  const bits = prefix === undefined ? width : Number(prefix)
  if (bits > width) return null
  const free = BigInt(width - bits)
  const value = (address.value >> free) << free
  return { text: `${textOf({ value, width })}/${bits}`, value, width, bits }
}

/** `remote` as connections give it, with a port. */
export function isWithin(range: AddressRange, remote: string): boolean {
  const address = parseAddress(remote)
  if (address?.width !== range.width) return false
  return (address.value ^ range.value) >> BigInt(range.width - range.bits) === 0n
}
