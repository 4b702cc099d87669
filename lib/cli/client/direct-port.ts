// What direct connections need of this machine: a port, its addresses, and those of the name it is known by.
import { lookup } from 'node:dns/promises'
import { networkInterfaces } from 'node:os'

import { listen } from '../../channel/tcp.ts'
import type { DirectPort } from '../../client/ports.ts'

export interface DirectOptions {
  /** 0: any free one. */
  readonly port: number
  readonly host: string | undefined
  readonly lan: boolean
}

export function createDirectPort({ port, host, lan }: DirectOptions): DirectPort {
  return {
    lan,
    listen: (onConnection) => listen({ port, onConnection }),
    addresses: async () => [...(host === undefined ? [] : await resolved(host)), ...ownAddresses()],
  }
}

/** A name that cannot be looked up now says nothing about us; the other addresses do. */
async function resolved(host: string): Promise<string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address)
  } catch {
    return []
  }
}

function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const outside = all.filter(({ internal }) => !internal)
  return (outside.length > 0 ? outside : all).map(({ address }) => address)
}
