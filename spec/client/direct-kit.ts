// Machines with addresses beside the server of the world: who listens where, who reaches whom, and what is cut.
import type { Duplex } from 'node:stream'

import type { ClientDeps } from '../../lib/client/ports.ts'
import { SecureChatError } from '../../lib/util/errors.ts'
import { memoryPair, type Pair } from './memory-pair.ts'
import type { Player, World } from './world.ts'

export class Net {
  readonly #doors = new Map<string, (duplex: Duplex) => void>()
  readonly #wires: Pair[] = []
  #nextPort = 40_000
  /** Dials that were tried, as `from > ip:port`. */
  readonly dialled: string[] = []
  /** Whether a machine reaches another one. */
  reaches: (from: string, ip: string) => boolean = () => true

  /** Machines on which the port is in use. */
  readonly taken = new Set<string>()

  /** Hears what those who dial say. */
  tap: ((chunk: Buffer) => void) | null = null
  /** Where a dial ends, whatever was dialled. */
  reflect: ((from: string) => string) | null = null

  /** Puts a machine with this address on the network; before its session starts. */
  place(player: Player, ip: string, { lan = true } = {}): void {
    player.direct = {
      port: {
        lan,
        addresses: () => Promise.resolve([ip]),
        listen: (onConnection) => {
          if (this.taken.has(ip)) {
            return Promise.reject(new SecureChatError('E_CONNECT', 'port 5000 is in use.'))
          }
          const port = this.#nextPort++
          const key = `${ip}:${port}`
          this.#doors.set(key, onConnection)
          return Promise.resolve({
            port,
            close: () => {
              this.#doors.delete(key)
              return Promise.resolve()
            },
          })
        },
      },
      dial: (host, port) => this.dial(player.name, host, port),
    }
  }

  dial(from: string, host: string, port: number): ReturnType<ClientDeps['dial']> {
    const key = `${host}:${port}`
    this.dialled.push(`${from} > ${key}`)
    const elsewhere = this.reflect?.(from)
    const meant =
      elsewhere === undefined ? key : this.open.find((each) => each.startsWith(elsewhere))
    const door = this.#doors.get(meant ?? key)
    if (door === undefined || !this.reaches(from, host)) {
      return Promise.reject(new SecureChatError('E_CONNECT', 'Nobody listens.'))
    }
    const wire = memoryPair()
    this.#wires.push(wire)
    const { tap } = this
    if (tap !== null) {
      const write = wire.a._write.bind(wire.a)
      wire.a._write = (chunk: Buffer, encoding, done) => {
        tap(Buffer.from(chunk))
        write(chunk, encoding, done)
      }
    }
    door(wire.b)
    return Promise.resolve(wire.a)
  }

  /** Ports that are open now. */
  get open(): readonly string[] {
    return [...this.#doors.keys()]
  }

  /** Cables are pulled: nothing arrives any more, and nobody hears of it. */
  freeze(): void {
    for (const { a, b } of this.#wires.splice(0)) {
      for (const end of [a, b]) {
        end._write = (_chunk, _encoding, done) => {
          done()
        }
        end._final = (done) => {
          done()
        }
      }
    }
  }

  /** All links break. */
  cut(): void {
    for (const { a, b } of this.#wires.splice(0)) {
      a.destroy()
      b.destroy()
    }
  }
}

export interface Two {
  readonly net: Net
  readonly alice: Player
  readonly bob: Player
}

/** Two people who have accepted each other, each on a machine of their own. */
export async function twoMachines(world: World): Promise<Two> {
  const net = new Net()
  const alice = await world.prepare('alice', 1)
  const bob = await world.prepare('bob', 2)
  net.place(alice, '10.0.0.1')
  net.place(bob, '10.0.0.2')
  await alice.start()
  await bob.start()
  await befriend(world, alice, bob)
  return { net, alice, bob }
}

/** Each has written to the other. */
export async function befriend(world: World, one: Player, other: Player): Promise<void> {
  await one.session.send(other.name, 'hello')
  await world.passUntil(() => other.texts.includes('hello'))
  await other.session.send(one.name, 'hello you')
  await world.passUntil(() => one.texts.includes('hello you'))
  const knows = (p: Player, who: Player): boolean =>
    p.session.contacts().some((c) => c.user === who.name && c.accepted)
  await world.passUntil(() => knows(one, other) && knows(other, one))
}

export function states(player: Player): string[] {
  return player.of('direct').map(({ direct }) => direct.state)
}

/** alice asks, bob agrees, and everything goes over the link. */
export async function connectDirectly(
  world: World,
  { alice, bob }: Two,
  leave: { readonly alice?: boolean; readonly bob?: boolean } = {},
): Promise<void> {
  const before = { alice: ups(alice), bob: ups(bob) }
  const asked = states(bob).filter((state) => state === 'asked').length
  await alice.session.direct.offer('bob', { leave: leave.alice ?? false })
  await world.passUntil(() => states(bob).filter((state) => state === 'asked').length > asked)
  await bob.session.direct.answer('alice', true, { leave: leave.bob ?? false })
  await world.passUntil(() => ups(alice) > before.alice && ups(bob) > before.bob)
}

function ups(player: Player): number {
  return states(player).filter((state) => state === 'up').length
}
