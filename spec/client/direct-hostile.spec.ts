// The port of a direct connection under attack: garbage, replays, reflections, third parties with the address, floods. Nobody
// gets a byte, the two meet all the same, and what a contact sends over the link is judged as mail from anywhere.
import type { Duplex } from 'node:stream'

import test from 'ava'

import { dialLink, LINK_HELLO_BYTES } from '../../lib/channel/link.ts'
import { X25519Key } from '../../lib/crypto/x25519.ts'
import { addressWords, reachOf, usable } from '../../lib/client/direct/addresses.ts'
import { connectDirectly, Net, states, twoMachines } from './direct-kit.ts'
import { World } from './world.ts'

/** Everything that comes back, and whether the line was cut. */
function listen(duplex: Duplex): { bytes: number; ended: boolean } {
  const heard = { bytes: 0, ended: false }
  duplex.on('data', (chunk: Buffer) => {
    heard.bytes += chunk.length
  })
  duplex.on('end', () => {
    heard.ended = true
  })
  duplex.on('error', () => undefined)
  return heard
}

function framed(frame: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(frame.length)
  return Buffer.concat([length, frame])
}

test('strangers at the port get no byte, before and after the two have agreed', async (t) => {
  const world = await World.create()
  const two = await twoMachines(world)
  const { alice, bob, net } = two
  net.reaches = (from) => from === 'mallory'
  await alice.session.direct.offer('bob')
  const [door = ''] = net.open
  const port = Number(door.split(':')[1])
  const before = listen(await net.dial('mallory', '10.0.0.1', port))
  await world.passUntil(() => before.ended)
  await world.passUntil(() => states(bob).includes('asked'))
  await bob.session.direct.answer('alice', true)
  await world.passUntil(() => states(alice).includes('trying'))
  const secret = { psk: Buffer.alloc(64, 1), sess: Buffer.alloc(16, 2) }
  const visits = [
    Buffer.from('GET / HTTP/1.1\r\nHost: alice\r\n\r\n'),
    Buffer.alloc(70_000, 0xff),
    framed(Buffer.alloc(LINK_HELLO_BYTES)),
    framed(dialLink(secret, new X25519Key())),
    framed(dialLink(secret, new X25519Key())).subarray(0, 30),
  ]
  for (const bytes of visits) {
    const duplex = await net.dial('mallory', '10.0.0.1', port)
    const heard = listen(duplex)
    duplex.write(bytes)
    await world.passUntil(() => heard.ended)
    t.is(heard.bytes, 0)
  }
  net.reaches = () => true
  await world.passUntil(() => states(alice).at(-1) === 'up' && states(bob).at(-1) === 'up')
  await alice.session.close()
  await bob.session.close()
})

test('a flood at the port is turned away, and harms nobody', async (t) => {
  const world = await World.create()
  const { alice, bob, net } = await twoMachines(world)
  net.reaches = (from) => from === 'mallory'
  await alice.session.direct.offer('bob')
  await world.passUntil(() => states(bob).includes('asked'))
  await bob.session.direct.answer('alice', true)
  await world.passUntil(() => states(alice).includes('trying'))
  const [door = ''] = net.open.filter((key) => key.startsWith('10.0.0.1'))
  const port = Number(door.split(':')[1])
  const flood = await Promise.all(
    Array.from({ length: 300 }, () => net.dial('mallory', '10.0.0.1', port)),
  )
  const heard = flood.map(listen)
  await world.pass(100)
  t.true(heard.filter(({ ended }) => ended).length >= 280, 'only a few are listened to')
  await alice.session.send('bob', 'still here')
  await world.passUntil(() => bob.texts.includes('still here'))
  await world.pass(6000)
  t.true(heard.every(({ ended, bytes }) => ended && bytes === 0))
  net.reaches = () => true
  await world.passUntil(() => ['up', 'failed'].includes(states(alice).at(-1) ?? ''))
  t.is(states(alice).at(-1), 'up')
  await alice.session.close()
  await bob.session.close()
})

test('a hello that was heard is of no use to anybody: not again, not to its author', async (t) => {
  const world = await World.create()
  const two = await twoMachines(world)
  const { alice, bob, net } = two
  const taps: Buffer[] = []
  net.tap = (chunk) => taps.push(chunk)
  net.reaches = (from, ip) => from === 'bob' && ip === '10.0.0.1'
  await connectDirectly(world, two)
  const [hello] = taps
  t.is(hello?.length, 4 + LINK_HELLO_BYTES)
  await bob.session.direct.off()
  await world.passUntil(() => states(alice).at(-1) === 'down')
  // the same hello at the door of another introduction
  net.reaches = (from) => from === 'mallory'
  await alice.session.direct.offer('bob')
  await world.passUntil(() => states(bob).at(-1) === 'asked')
  await bob.session.direct.answer('alice', true)
  await world.passUntil(() => states(alice).at(-1) === 'trying')
  for (const key of net.open) {
    const [ip = '', port = ''] = key.split(':')
    const duplex = await net.dial('mallory', ip, Number(port))
    const heard = listen(duplex)
    duplex.write(hello)
    await world.passUntil(() => heard.ended)
    t.is(heard.bytes, 0)
  }
  await alice.session.close()
  await bob.session.close()
})

test('own hellos that come back are refused, and a second time nobody is let in', async (t) => {
  const world = await World.create()
  const { alice, bob, net } = await twoMachines(world)
  // whoever dials meets himself: an attacker in the network returns every hello to its author
  net.reflect = (from) => (from === 'alice' ? '10.0.0.1' : '10.0.0.2')
  await alice.session.direct.offer('bob')
  await world.passUntil(() => states(bob).includes('asked'))
  await bob.session.direct.answer('alice', true)
  await world.passUntil(() => states(alice).at(-1) === 'failed' && states(bob).at(-1) === 'failed')
  t.false(states(alice).includes('up') || states(bob).includes('up'))
  await alice.session.close()
  await bob.session.close()
})

test('addresses: public ones, those of own networks only if wanted, others and low ports never', (t) => {
  const reach = {
    public: ['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.63.0.1', '2606:4700::1111', '2a01::1'],
    lan: ['10.1.2.3', '127.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.0.1', '169.254.1.1'],
    lan6: ['::1', 'fd00::1', 'fc00::', '100.64.0.1'],
    never: ['0.0.0.0', '255.255.255.255', '224.0.0.1', '192.0.2.1', '203.0.113.5', '198.18.0.1'],
    never6: [
      '::',
      'ff02::1',
      'fe80::1',
      '2001:db8::1',
      '2002:a00:1::',
      '::ffff:10.0.0.1',
      '::ffff:a00:1',
    ],
    bad: [
      '',
      'localhost',
      '8.8.8',
      '8.8.8.8.8',
      '08.8.8.8',
      '0x8.8.8.8',
      '1:2',
      '1::2::3',
      '256.1.1.1',
    ],
    odd: ['fe80::1%eth0', '12345::1', '1:2:3:4:5:6:7:8:9', 'example.org', '134744072', ' 8.8.8.8'],
  }
  for (const [kind, list] of Object.entries(reach)) {
    const expected = kind === 'public' ? 'public' : kind.startsWith('lan') ? 'lan' : 'never'
    for (const ip of list) t.is(reachOf(ip), expected, ip)
  }
  const mixed = [
    ['10.0.0.1', 5000],
    ['8.8.8.8', 80],
    ['8.8.8.8', 1023],
    ['8.8.8.8', 1024],
    ['8.8.8.8', 1024],
    ['8.8.8.8', 65_536],
    ['2a01::1', 65_535],
  ] as const
  t.deepEqual(usable(mixed, false).map(addressWords), ['8.8.8.8:1024', '[2a01::1]:65535'])
  t.deepEqual(usable(mixed, true).map(addressWords).at(-1), '10.0.0.1:5000')
  t.is(
    usable(
      Array.from({ length: 50 }, (_, i) => ['8.8.8.8', 2000 + i] as const),
      true,
    ).length,
    8,
  )
})

test('nobody is made to dial into his own networks by somebody else', async (t) => {
  const world = await World.create()
  const net = new Net()
  const alice = await world.prepare('alice', 1)
  const bob = await world.prepare('bob', 2)
  net.place(alice, '10.0.0.1')
  net.place(bob, '10.0.0.2', { lan: false })
  await alice.start()
  await bob.start()
  await alice.session.send('bob', 'hello')
  await world.passUntil(() => bob.texts.includes('hello'))
  await bob.session.send('alice', 'hello you')
  await world.passUntil(() => alice.session.contacts().some((c) => c.accepted))
  await alice.session.direct.offer('bob')
  await world.passUntil(() => states(bob).includes('asked'))
  t.deepEqual(bob.of('direct')[0]?.direct.theirs, [])
  await bob.session.direct.answer('alice', true)
  await world.passUntil(() => states(bob).at(-1) === 'failed')
  t.deepEqual(net.dialled, [])
  await alice.session.close()
  await bob.session.close()
})
