// Where this machine is found for direct connections: its addresses, those of a name, and a port that both families reach.
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { setImmediate } from 'node:timers/promises'

import test from 'ava'

import { createDirectPort } from '../../../lib/cli/client/direct-port.ts'

function reaches(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => {
      resolve(false)
    })
  })
}

test('a name stands for its addresses, which come first; one that nobody knows for none', async (t) => {
  const of = (host: string | undefined) =>
    createDirectPort({ port: 0, host, lan: true }).addresses()
  const own = await of(undefined)
  t.true(own.length > 0)
  t.is((await of('127.0.0.1'))[0], '127.0.0.1')
  t.is((await of('2001:db8::7'))[0], '2001:db8::7')
  t.true(['127.0.0.1', '::1'].includes((await of('localhost'))[0] ?? ''))
  t.deepEqual((await of('no..name')).toSorted(), own.toSorted())
})

test('one port for IPv4 and, where there is any, for IPv6', async (t) => {
  let visitors = 0
  const listener = await createDirectPort({ port: 0, host: undefined, lan: true }).listen(
    (duplex) => {
      visitors += 1
      duplex.destroy()
    },
  )
  const hasIpv6 = Object.values(networkInterfaces()).some((list) =>
    list?.some(({ address }) => address === '::1'),
  )
  t.true(await reaches('127.0.0.1', listener.port))
  t.is(await reaches('::1', listener.port), hasIpv6)
  const expected = hasIpv6 ? 2 : 1
  while (visitors < expected) await setImmediate()
  await listener.close()
  // Somebody else on this machine may have taken the port by now, so who answers says nothing; that we do not, does.
  await reaches('127.0.0.1', listener.port)
  t.is(visitors, expected)
})

test('a port that is taken is an error in words', async (t) => {
  const first = await createDirectPort({ port: 0, host: undefined, lan: true }).listen(
    () => undefined,
  )
  const second = createDirectPort({ port: first.port, host: undefined, lan: true })
  await t.throwsAsync(
    second.listen(() => undefined),
    { code: 'E_CONNECT', message: /in use/ },
  )
  await first.close()
})
