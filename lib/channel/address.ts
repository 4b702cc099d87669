// From a remote address to the block that limits count by: one IPv4 address, one IPv6 /64 (PROTOCOL 4.5).

/** Splits "1.2.3.4:5", "[::1]:5" or a bare address; the port is 0 when there is none. */
export function splitAddress(remote: string): { readonly ip: string; readonly port: number } {
  const withPort = /^\[([^\]]*)\]:(\d+)$/.exec(remote) ?? /^([^:]*):(\d+)$/.exec(remote)
  const ip = withPort?.[1] ?? remote
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)
  return { ip: mapped?.[1] ?? ip, port: Number(withPort?.[2] ?? 0) }
}

/** Equal for two addresses that one person is likely to own. */
export function addressBlock(remote: string): string {
  const { ip } = splitAddress(remote)
  if (!ip.includes(':')) return ip
  const [address = ''] = ip.toLowerCase().split('%') // without the zone
  const [head = '', tail] = address.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length)
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right].slice(0, 4)
  return `${groups.map((group) => group.replace(/^0+(?=.)/, '')).join(':')}::/64`
}
