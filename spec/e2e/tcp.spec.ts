// Real sockets on the loopback interface: what the operating system says comes back as a code and a sentence.
import { once } from 'node:events'
import type { Duplex } from 'node:stream'

import test from 'ava'

import { dial, listen, type Listener, type ListenOptions } from '../../lib/channel/tcp.ts'
import { SecureChatError } from '../../lib/util/errors.ts'
import { outcomeAsync } from '../helpers/refusals.ts'

const TIMEOUT_MS = 20_000

interface Echo {
  readonly listener: Listener
  readonly remotes: string[]
  readonly streams: Duplex[]
}

async function echo(host?: string, more: Partial<ListenOptions> = {}): Promise<Echo> {
  const remotes: string[] = []
  const streams: Duplex[] = []
  const listener = await listen({
    ...(host === undefined ? {} : { host }),
    ...more,
    port: 0,
    onConnection: (duplex, remote) => {
      remotes.push(remote)
      streams.push(duplex)
      duplex.on('error', () => duplex.destroy())
      duplex.pipe(duplex)
    },
  })
  return { listener, remotes, streams }
}

async function roundTrip(host: string, port: number): Promise<string> {
  const duplex = await dial({ host, port, timeoutMs: TIMEOUT_MS })
  duplex.write('hello')
  const [chunk] = (await once(duplex, 'data')) as [Buffer]
  duplex.destroy()
  return chunk.toString()
}

test('IPv4, a host name, and the address of the peer', async (t) => {
  const { listener, remotes } = await echo('127.0.0.1')
  t.is(await roundTrip('127.0.0.1', listener.port), 'hello')
  t.is(await roundTrip('localhost', listener.port), 'hello')
  t.regex(remotes[0] ?? '', /^127\.0\.0\.1:\d+$/)
  await listener.close()
})

test('without a host: every interface, and an IPv4 peer is known as such', async (t) => {
  const { listener, remotes } = await echo()
  t.is(await roundTrip('127.0.0.1', listener.port), 'hello')
  t.regex(remotes[0] ?? '', /127\.0\.0\.1\]?:\d+$/)
  await listener.close()
})

test('IPv6, where the computer has it', async (t) => {
  const started = await echo('::1').catch((error: unknown) => error)
  if (started instanceof SecureChatError) {
    t.true(['E_CONFIG', 'E_CONNECT'].includes(started.code))
    return
  }
  const { listener, remotes } = started as Echo
  t.is(await roundTrip('::1', listener.port), 'hello')
  t.regex(remotes[0] ?? '', /^\[::1\]:\d+$/)
  await listener.close()
})

test('a port in use is said to be in use, with its number', async (t) => {
  const { listener } = await echo('127.0.0.1')
  const again = listen({ host: '127.0.0.1', port: listener.port, onConnection: () => undefined })
  const error = await t.throwsAsync(again, { code: 'E_CONNECT' })
  t.true(error.message.includes(String(listener.port)))
  await listener.close()
})

test('one connection too many is closed, and whoever listens hears from where it came', async (t) => {
  const dropped: string[] = []
  const { listener, streams } = await echo('127.0.0.1', {
    maxConnections: 1,
    onDropped: (remote) => dropped.push(remote),
  })
  const { port } = listener
  const first = await dial({ host: '127.0.0.1', port, timeoutMs: TIMEOUT_MS })
  const second = await dial({ host: '127.0.0.1', port, timeoutMs: TIMEOUT_MS })
  second.resume()
  await once(second, 'close')
  t.is(streams.length, 1)
  t.is(dropped.length, 1)
  t.regex(dropped[0] ?? '', /^127\.0\.0\.1:\d+$/)
  first.destroy()
  await listener.close()
})

test('a port is free again when close returns, though a connection lives on', async (t) => {
  const first = await echo('127.0.0.1')
  const { port } = first.listener
  const duplex = await dial({ host: '127.0.0.1', port, timeoutMs: TIMEOUT_MS })
  duplex.write('x')
  await once(duplex, 'data')
  await first.listener.close()
  t.is(
    await outcomeAsync(() => dial({ host: '127.0.0.1', port, timeoutMs: TIMEOUT_MS })),
    'E_CONNECT',
  )
  const second = await listen({ host: '127.0.0.1', port, onConnection: () => undefined })
  t.is(second.port, port)
  duplex.write('still there')
  t.is(String((await once(duplex, 'data'))[0]), 'still there')
  duplex.destroy()
  await second.close()
  await second.close()
})

test('nobody listens', async (t) => {
  const { listener } = await echo('127.0.0.1')
  await listener.close()
  const dialling = dial({ host: '127.0.0.1', port: listener.port, timeoutMs: TIMEOUT_MS })
  t.is(await outcomeAsync(() => dialling), 'E_CONNECT')
})

test('addresses, names and ports that cannot be', async (t) => {
  const nowhere = { port: 0, onConnection: () => undefined }
  // not E_CONFIG, after which a service manager gives up: at boot an address or a name may be there a moment later
  t.is(await outcomeAsync(() => listen({ ...nowhere, host: '192.0.2.1' })), 'E_CONNECT')
  t.is(await outcomeAsync(() => listen({ ...nowhere, host: 'name.invalid' })), 'E_CONNECT')
  t.is(await outcomeAsync(() => listen({ ...nowhere, port: 65_536 })), 'E_CONFIG')
  for (const port of [-1, 65_536, 1.5, NaN]) {
    t.is(await outcomeAsync(() => dial({ host: '127.0.0.1', port, timeoutMs: 1000 })), 'E_CONFIG')
  }
  const host = 'no-such-host.invalid'
  t.is(await outcomeAsync(() => dial({ host, port: 1, timeoutMs: TIMEOUT_MS })), 'E_CONNECT')
})

test('an error before anybody takes the stream over does not end the program', async (t) => {
  const { listener, streams } = await echo('127.0.0.1')
  const duplex = await dial({ host: '127.0.0.1', port: listener.port, timeoutMs: TIMEOUT_MS })
  duplex.destroy(new Error('reset'))
  await new Promise((resolve) => duplex.once('close', resolve))
  t.true(duplex.destroyed)
  for (const stream of streams) stream.destroy()
  await listener.close()
})
