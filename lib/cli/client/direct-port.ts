// What direct connections need of this machine: a port, its addresses, and those of the name it is known by.
import { lookup } from 'node:dns/promises'
import { networkInterfaces } from 'node:os'

import { listen } from '../../channel/tcp.ts'
import type { DirectPort } from '../../client/ports.ts'

const LOOKUP_MS = 3000

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

/** A name that cannot be looked up now, or not soon, says nothing about us; the other addresses do. */
async function resolved(host: string): Promise<string[]> {
  const known = lookup(host, { all: true }).then(
    (all) => all.map(({ address }) => address),
    () => [],
  )
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string[]>((resolve) => {
    timer = setTimeout(resolve, LOOKUP_MS, [])
  })
  return Promise.race([known, late]).finally(() => {
    clearTimeout(timer)
  })
}

function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const outside = all.filter(({ internal }) => !internal)
  return (outside.length > 0 ? outside : all).map(({ address }) => address)
}
