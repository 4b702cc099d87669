// What a client folder knows before any key is at hand: servers met and profiles made. The only clear file: names and
// public ids, like a known_hosts file.
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { b, check, flag, list, map, opt, s, u } from '../../protocol/shape.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import type { ClientHome } from '../ports.ts'

export interface KnownServer {
  readonly host: string
  readonly port: number
  readonly srv: Bytes
  /** Pinned at this time. */
  readonly since: number
  /** The highest outer version it was seen to speak: less is a downgrade (PROTOCOL 18). */
  readonly highestVersion: number
}

export interface ProfileEntry {
  /** Of its folder. */
  readonly name: string
  readonly srv: Bytes
  readonly acct: Bytes
  readonly dev: Bytes
  readonly user: string
  /** Opens without a password. */
  readonly resumable: boolean
  readonly lastUsed: number
}

interface Index {
  readonly servers: readonly KnownServer[]
  readonly profiles: readonly ProfileEntry[]
}

const MANY = 1000

const INDEX = map({
  s: list(map({ h: s(253), p: u, i: b(32), t: u, v: u }), MANY),
  p: list(map({ f: s(64), i: b(32), a: b(32), d: b(8), u: s(64), r: opt(flag), t: u }), MANY),
})

function decoded(bytes: Bytes | null): Index {
  if (bytes === null) return { servers: [], profiles: [] }
  const { s: servers, p: profiles } = check(INDEX, decodeStrict(bytes), 'client index')
  return {
    servers: servers.map((f) => ({
      host: f.h,
      port: f.p,
      srv: f.i,
      since: f.t,
      highestVersion: f.v,
    })),
    profiles: profiles.map((f) => ({
      name: f.f,
      srv: f.i,
      acct: f.a,
      dev: f.d,
      user: f.u,
      resumable: f.r === true,
      lastUsed: f.t,
    })),
  }
}

function encoded({ servers, profiles }: Index): Buffer {
  return encode({
    s: servers.map((k) => ({ h: k.host, p: k.port, i: k.srv, t: k.since, v: k.highestVersion })),
    p: profiles.map((k) => ({
      f: k.name,
      i: k.srv,
      a: k.acct,
      d: k.dev,
      u: k.user,
      r: k.resumable ? true : undefined,
      t: k.lastUsed,
    })),
  })
}

async function read(home: ClientHome): Promise<Index> {
  return decoded(await home.readIndex())
}

/** Another client of the same folder may want to write as well: a pin that it made must not get lost. */
function rewrite(home: ClientHome, change: (index: Index) => Index): Promise<void> {
  return home.changeIndex((before) => encoded(change(decoded(before))))
}

export async function knownServer(
  home: ClientHome,
  host: string,
  port: number,
): Promise<KnownServer | undefined> {
  const { servers } = await read(home)
  return servers.find((known) => known.host === host && known.port === port)
}

export function rememberServer(home: ClientHome, server: KnownServer): Promise<void> {
  return rewrite(home, (index) => ({
    ...index,
    servers: [
      ...index.servers.filter((k) => k.host !== server.host || k.port !== server.port),
      server,
    ],
  }))
}

/** Profiles on this server, used last first. */
export async function profilesOf(home: ClientHome, srv: Bytes): Promise<ProfileEntry[]> {
  const { profiles } = await read(home)
  return profiles
    .filter((profile) => equal(profile.srv, srv))
    .sort((p, q) => q.lastUsed - p.lastUsed)
}

export function rememberProfile(home: ClientHome, profile: ProfileEntry): Promise<void> {
  return rewrite(home, (index) => ({
    ...index,
    profiles: [...index.profiles.filter((k) => k.name !== profile.name), profile],
  }))
}

export function forgetProfile(home: ClientHome, name: string): Promise<void> {
  return rewrite(home, (index) => ({
    ...index,
    profiles: index.profiles.filter((k) => k.name !== name),
  }))
}

/** One folder per account and device; a reinstalled device is another one. */
export function profileName(acct: Bytes, dev: Bytes): string {
  return `${hex(acct.subarray(0, 8))}-${hex(dev)}`
}

/** The server of the account used last, else the one met last. */
export async function lastServer(home: ClientHome): Promise<KnownServer | undefined> {
  const { servers, profiles } = await read(home)
  const [last] = profiles.toSorted((p, q) => q.lastUsed - p.lastUsed)
  return (
    servers.findLast((known) => last !== undefined && equal(known.srv, last.srv)) ?? servers.at(-1)
  )
}
