// What a person reads who is not let in, and why: each reason has words of its own.
import test from 'ava'

import { connect } from '../../lib/client/connect.ts'
import type { ClientDeps } from '../../lib/client/ports.ts'
import { SecureChatError } from '../../lib/util/errors.ts'
import { memoryPair } from './memory-pair.ts'
import { World, WORLD_SRV } from './world.ts'

const TARGET = { host: 'server.test', port: 7700 }

test('one too many: the server is full, not going down', async (t) => {
  const world = await World.create({ config: { maxClients: 1 } })
  const alice = await world.join('alice', 0)
  await t.throwsAsync(world.newcomer('bob').lobby(), {
    code: 'E_CLOSED',
    message: 'The server is full. Try again later.',
  })
  await alice.session.close()
})

test('who was in hears that it goes down, before login and after', async (t) => {
  const world = await World.create()
  const lobby = await world.newcomer('bob').lobby()
  world.inject('bob', { t: 'bye', c: 'E_BUSY' })
  t.deepEqual(await lobby.closed, {
    code: 'E_BUSY',
    reason: 'The server is going down. Try again later.',
  })
  const alice = await world.join('alice', 0)
  world.inject('alice', { t: 'bye', c: 'E_BUSY' })
  const ends = (): object[] =>
    alice.of('connection').flatMap(({ connection: c }) => (c.state === 'offline' ? [c] : []))
  await world.until(() => ends().length > 0)
  t.like(ends()[0], { reason: 'The server is going down. Try again later.' })
  await alice.session.close()
})

for (const isKnown of [true, false]) {
  const whom = isKnown ? 'a known server' : 'a new server'
  test(`${whom} that hangs up at once may be full or have banned us; garbage is no server`, async (t) => {
    const world = await World.create()
    const player = world.newcomer('bob')
    const first: (Buffer | null)[] = [null, Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')]
    const deps: ClientDeps = {
      ...player.deps(),
      dial: () => {
        const { a, b } = memoryPair()
        const bytes = first.shift() ?? null
        if (bytes === null) b.destroy()
        else b.end(bytes)
        return Promise.resolve(a)
      },
    }
    const target = isKnown ? { ...TARGET, srv: WORLD_SRV } : TARGET
    await t.throwsAsync(connect(deps, target), {
      code: 'E_CONNECT',
      message: /has no room.*your network/,
    })
    await t.throwsAsync(connect(deps, target), {
      code: 'E_HANDSHAKE',
      message: /not as a SecureChat/,
    })
  })
}

test('no invitation, and a wrong one', async (t) => {
  const world = await World.create({ config: { registration: 'invite' } })
  const lobby = await world.newcomer('bob').lobby()
  const refusal = async (invite?: string): Promise<string> => {
    const error = await t.throwsAsync(lobby.checkName('bob', invite), {
      instanceOf: SecureChatError,
    })
    t.is(error.code, 'E_AUTH')
    return error.message
  }
  t.regex(await refusal(), /^This server needs an invitation\. Ask/)
  t.regex(await refusal('nonsense'), /this one is not valid/)
  await lobby.close()
})
