// Invite links: where a server is and who it must prove to be, so that first contact needs no trust (PROTOCOL 4.1).
import { parseUsername, type Username } from '../protocol/names.ts'
import { base32, type Bytes, fromBase32 } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'

export interface ServerUri {
  /** A name or an address, without the brackets of IPv6. */
  readonly host: string
  readonly port: number
  readonly srv: Bytes
}

export interface ContactUri extends ServerUri {
  readonly user: Username
  readonly acct: Bytes
}

const SERVER =
  /^securechat:\/\/(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253}):(\d{1,5})\/#([a-z2-7]{52})$/i
const CONTACT =
  /^securechat:\/\/(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253}):(\d{1,5})\/@([^#]{1,64})#([a-z2-7]{52})\.([a-z2-7]{52})$/i

function refuse(): never {
  return fail(
    'E_FORMAT',
    'This is not a SecureChat link. Copy it again, whole: securechat://host:port/#... (a server) or securechat://host:port/@name#... (a person).',
  )
}

function origin(text: string | undefined): Buffer {
  return fromBase32(text ?? '') ?? refuse()
}

function address(host = '', port = ''): { host: string; port: number } {
  const number = Number(port)
  if (number < 1 || number > 65535) refuse()
  return { host: host.replace(/^\[|\]$/g, '').toLowerCase(), port: number }
}

function formatAddress({ host, port }: ServerUri): string {
  return `securechat://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** True for text that is meant as a link of ours, well-formed or not. */
export function isUri(text: string): boolean {
  return /^securechat:/i.test(text.trim())
}

/** @throws E_FORMAT */
export function parseServerUri(text: string): ServerUri {
  const match = SERVER.exec(text.trim()) ?? refuse()
  return { ...address(match[1], match[2]), srv: origin(match[3]) }
}

/** @throws E_FORMAT */
export function parseContactUri(text: string): ContactUri {
  const match = CONTACT.exec(text.trim()) ?? refuse()
  return {
    ...address(match[1], match[2]),
    user: parseUsername(match[3] ?? refuse()),
    srv: origin(match[4]),
    acct: origin(match[5]),
  }
}

export function formatServerUri(uri: ServerUri): string {
  return `${formatAddress(uri)}/#${base32(uri.srv)}`
}

export function formatContactUri(uri: ContactUri): string {
  return `${formatAddress(uri)}/@${uri.user}#${base32(uri.srv)}.${base32(uri.acct)}`
}
