// The port of direct connections, on its own: who is heard, who waits, who is turned away, and when it is open at all.
import type { Duplex } from 'node:stream'

import test from 'ava'

import { connectLink, type LinkTerms } from '../../lib/channel/link-connection.ts'
import { dialLink } from '../../lib/channel/link.ts'
import { X25519Key } from '../../lib/crypto/x25519.ts'
import { Doors } from '../../lib/client/direct/doors.ts'
import type { DirectPort } from '../../lib/client/ports.ts'
import { type Bytes, concat, u32 } from '../../lib/util/bytes.ts'
import { SecureChatError } from '../../lib/util/errors.ts'
import { silentLog } from '../../lib/util/log.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { memoryPair } from './memory-pair.ts'

class Scene {
  readonly clock = new FakeClock()
  readonly doors = new Doors(this.clock, silentLog)
  /** Listeners that are open now, and how many there were. */
  open = 0
  opened = 0
  fails = false
  #onConnection: (duplex: Duplex) => void = () => undefined

  readonly port: DirectPort = {
    lan: true,
    addresses: () => Promise.resolve([]),
    listen: (onConnection) => {
      if (this.fails) return Promise.reject(new SecureChatError('E_CONNECT', 'In use.'))
      this.#onConnection = onConnection
      this.open += 1
      this.opened += 1
      const close = (): Promise<void> => {
        this.open -= 1
        return Promise.resolve()
      }
      return Promise.resolve({ port: 5000, close })
    },
  }

  /** Somebody who says this at once. */
  knock(first: Bytes): { readonly duplex: Duplex; bytes: number; ended: boolean } {
    const { a, b } = memoryPair()
    const knocker = { duplex: a, bytes: 0, ended: false }
    a.on('data', (chunk: Buffer) => (knocker.bytes += chunk.length))
    a.on('end', () => (knocker.ended = true))
    this.#onConnection(b)
    a.write(first)
    return knocker
  }

  dial(terms: LinkTerms): ReturnType<typeof connectLink> {
    const { a, b } = memoryPair()
    this.#onConnection(b)
    return connectLink(a, this.clock, terms)
  }

  /** What is under way in memory comes to rest. */
  async rest(): Promise<void> {
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
  }
}

function terms(n: number): LinkTerms {
  const hellos = new Set<string>()
  return {
    secret: { psk: Buffer.alloc(64, n), sess: Buffer.alloc(16, n) },
    isFresh: (p1) => {
      const key = Buffer.from(p1).toString('hex')
      const isNew = !hellos.has(key)
      hellos.add(key)
      return isNew
    },
  }
}

function hello({ secret }: LinkTerms): Buffer {
  const p1 = dialLink(secret, new X25519Key())
  return Buffer.from(concat(u32(p1.length), p1))
}

test('each visitor comes to the introduction that he names', async (t) => {
  const scene = new Scene()
  const came: number[] = []
  for (const n of [1, 2]) {
    const door = await scene.doors.open(scene.port, terms(n).secret.sess)
    t.is(door.port, 5000)
    door.expect(terms(n), () => Promise.resolve(void came.push(n)))
  }
  await scene.dial(terms(2))
  await scene.dial(terms(1))
  await scene.rest()
  t.deepEqual(came, [2, 1])
  t.is(scene.opened, 1)
})

test('who names an introduction that is not answered yet waits, but not for long, and only a few do', async (t) => {
  const scene = new Scene()
  const door = await scene.doors.open(scene.port, terms(1).secret.sess)
  const knockers = Array.from({ length: 20 }, () => scene.knock(hello(terms(1))))
  await scene.rest()
  t.is(knockers.filter(({ ended }) => ended).length, 12)
  scene.clock.advance(6000)
  await scene.rest()
  t.true(knockers.every(({ ended, bytes }) => ended && bytes === 0))
  const early = scene.dial(terms(1))
  await scene.rest()
  let came = 0
  door.expect(terms(1), () => {
    came += 1
    return Promise.resolve()
  })
  await early
  await scene.rest()
  t.is(came, 1)
})

test('who names none, or has another secret, is closed at once without a byte', async (t) => {
  const scene = new Scene()
  const door = await scene.doors.open(scene.port, terms(1).secret.sess)
  const stranger = scene.knock(hello(terms(2)))
  await scene.rest()
  t.true(stranger.ended && stranger.bytes === 0, 'nobody is expected yet')
  door.expect(terms(1), () => t.fail())
  const liar = { ...terms(2), secret: { ...terms(2).secret, sess: terms(1).secret.sess } }
  for (const first of [hello(terms(2)), hello(liar), Buffer.from('GET / HTTP/1.1\r\n\r\n')]) {
    const knocker = scene.knock(first)
    await scene.rest()
    t.true(knocker.ended && knocker.bytes === 0)
  }
})

test('who waits is turned away when it is called off', async (t) => {
  const scene = new Scene()
  const door = await scene.doors.open(scene.port, terms(1).secret.sess)
  const early = scene.knock(hello(terms(1)))
  await scene.rest()
  t.false(early.ended)
  door.close()
  door.close()
  await scene.rest()
  t.true(early.ended && early.bytes === 0)
  t.is(scene.clock.pending, 0)
})

test('the port is open while somebody may come, and opens again', async (t) => {
  const scene = new Scene()
  const [one, two] = await Promise.all([
    scene.doors.open(scene.port, terms(1).secret.sess),
    scene.doors.open(scene.port, terms(2).secret.sess),
  ])
  one.close()
  t.is(scene.open, 1)
  two.close()
  t.is(scene.open, 0)
  scene.fails = true
  await t.throwsAsync(scene.doors.open(scene.port, terms(3).secret.sess), { code: 'E_CONNECT' })
  scene.fails = false
  const three = await scene.doors.open(scene.port, terms(3).secret.sess)
  t.deepEqual([scene.open, scene.opened], [1, 2])
  three.close()
})
