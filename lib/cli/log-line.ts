// How one log entry reads: for a person (TERMINAL 5.16) and for a machine. Pure; knows no stream and no level threshold.
import { splitAddress } from '../channel/address.ts'
import { parseRange } from '../channel/range.ts'
import type { LogFields } from '../util/log.ts'
import { inert } from './sanitise.ts'

export type LogValue = string | number | boolean

const SUBJECT_WIDTH = 6
const TEXT_WIDTH = 10
/** One entry is one line whatever it carries. */
const VALUE_MAX = 300
/** What is left of an address: a network that belongs to many. */
const IPV4_BITS = 24
const IPV6_BITS = 48
/** Fields whose value is a network address, with or without port. */
const ADDRESS_FIELDS: readonly string[] = ['address', 'remoteAddress', 'from', 'ip']

/** Fields fit for a log: no control characters, no endless texts, and only the network of an address unless asked. */
export function cleanFields(fields: LogFields, fullAddresses: boolean): Record<string, LogValue> {
  const out: Record<string, LogValue> = {}
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue
    if (typeof value !== 'string') out[name] = value
    else if (!fullAddresses && ADDRESS_FIELDS.includes(name)) out[name] = networkOf(value)
    else out[name] = oneLine(value)
  }
  return out
}

function oneLine(text: string): string {
  const clean = inert(text.replace(/\s+/gu, ' '))
  return clean.length <= VALUE_MAX ? clean : `${clean.slice(0, VALUE_MAX)}..`
}

/**
 * 198.51.100.7:50000 -> 198.51.100.0/24, 2001:db8:1:2::3 -> 2001:db8:1::/48, as `ban` takes them; a network stays what it is.
 * Loopback stays: it names nobody.
 */
export function networkOf(address: string): string {
  const [bare = ''] = splitAddress(address.replace(/\/\d+$/, '')).ip.split('%')
  if (bare === '::1' || bare.startsWith('127.')) return bare
  return parseRange(`${bare}/${bare.includes(':') ? IPV6_BITS : IPV4_BITS}`)?.text ?? '*'
}

/** `12:04:40 warn  auth   refused   address=203.0.113.0/24 failures=3`; the event is "subject.what". */
export function humanLine(
  at: Date,
  level: string,
  event: string,
  fields: Readonly<Record<string, LogValue>>,
): string {
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map((n) => String(n).padStart(2, '0'))
    .join(':')
  const [subject = '', ...what] = event.split('.')
  const values = Object.entries(fields).map(([name, value]) => `${name}=${quoted(value)}`)
  const text = what.join(' ').padEnd(TEXT_WIDTH)
  return `${time} ${level.padEnd(5)} ${subject.padEnd(SUBJECT_WIDTH)} ${text} ${values.join(' ')}`.trimEnd()
}

function quoted(value: LogValue): string {
  const text = String(value)
  return /[\s="]/u.test(text) ? JSON.stringify(text) : text
}
