// One stream, two heads: a way to tell one member of a group what the others do not hear (PROTOCOL 6.5, 19).
import test from 'ava'

import { LinkInbox } from '../../lib/client/direct/link-inbox.ts'
import { payloadOf } from '../../lib/client/groups/state-row.ts'
import { randomBytes } from '../../lib/crypto/random.ts'
import { encodeHead } from '../../lib/envelope/head.ts'
import { convId } from '../../lib/identity/conversation.ts'
import { encodePayload } from '../../lib/protocol/payloads.ts'
import { hex } from '../../lib/util/bytes.ts'
import { members, sign } from '../helpers/groups.ts'
import { linesOf } from './group-kit.ts'
import { RawDevice, type RawStream, textBytes } from './raw-device.ts'
import { type Player, World, WORLD_SRV } from './world.ts'

const CONV = Buffer.alloc(16, 0xab)
const WRAP = [Buffer.alloc(256), Buffer.alloc(1088), Buffer.alloc(48)] as const

interface Scene {
  readonly world: World
  readonly alice: Player
  readonly carol: Player
  readonly mallory: RawDevice
  /** Another stream of mallory's in the group, to both. */
  readonly open: () => Promise<RawStream>
  /** The server forgets all her streams. */
  readonly forget: () => Promise<void>
}

/** As few streams of a device as a server may remember. */
const STREAMS = 16

async function scene(): Promise<Scene> {
  const world = await World.create({ config: { streamsPerDevice: STREAMS } })
  const alice = await world.join('alice', 0)
  const carol = await world.join('carol', 1)
  const mallory = await RawDevice.of(await world.prepare('mallory', 2))
  for (const player of [alice, carol]) {
    await (await mallory.stream(player)).text('hi')
    await world.passUntil(() => player.texts.includes('hi'))
    await player.session.acceptContact('mallory')
  }
  const { who: by } = mallory
  const state = await sign(by, {
    ...{ conv: CONV, n: 1, prev: Buffer.alloc(32), name: 'team', topic: '', ts: 1, by },
    mem: members(
      [by],
      [alice, carol].flatMap(({ who }) => who ?? []),
    ),
  })
  const open = async (): Promise<RawStream> => {
    const stream = await mallory.groupStream({ conv: CONV, gs: state.h }, [alice, carol])
    await stream.send(encodePayload(payloadOf(state)))
    return stream
  }
  const forget = async (): Promise<void> => {
    for (let k = 0; k < STREAMS; k++)
      await mallory.groupStream({ conv: CONV, gs: state.h }, [alice])
  }
  return { world, alice, carol, mallory, open, forget }
}

test.serial('a stream that begins again for one member only says nothing to him', async (t) => {
  const { world, alice, carol, mallory, open, forget } = await scene()
  const stream = await open()
  await stream.text('for both')
  await world.passUntil(() => [alice, carol].every((p) => p.texts.includes('for both')))
  await forget()
  await mallory.reopen(stream, alice)
  await stream.text('for alice alone')
  await world.pass(1000)
  // it is closed for good, also when the server has no scruples
  await alice.session.close()
  await alice.restart()
  const { who } = mallory
  const more = await stream.seal(textBytes('for alice alone'))
  world.inject('alice', { t: 'mail', q: 1000, f: [who.acct, who.dev], ...more })
  const fresh = await open()
  await fresh.text('for both again')
  await world.passUntil(() => [alice, carol].every((p) => p.texts.includes('for both again')))
  const lines = await linesOf(alice, '#team')
  t.false(lines.includes('mallory: for alice alone'))
  t.true(lines.includes('[placeholder]'), 'she sees that something was not right')
  t.true(lines.includes('mallory: for both'))
  await Promise.all([alice.session.close(), carol.session.close(), mallory.close()])
})

test.serial('whoever is blocked meanwhile has closed it all the same', async (t) => {
  const { world, alice, carol, mallory, open, forget } = await scene()
  const stream = await open()
  await stream.text('for both')
  await world.passUntil(() => [alice, carol].every((p) => p.texts.includes('for both')))
  await alice.session.block('mallory')
  await forget()
  await mallory.reopen(stream, alice)
  await world.pass(1000)
  await alice.session.close()
  await alice.restart()
  await alice.session.unblock('mallory')
  const { who } = mallory
  const more = await stream.seal(textBytes('for alice alone'))
  world.inject('alice', { t: 'mail', q: 1000, f: [who.acct, who.dev], ...more })
  await world.passUntil(() => alice.of('message').length > 0)
  t.is(alice.of('message')[0]?.message.body.kind, 'placeholder')
  await Promise.all([alice.session.close(), carol.session.close(), mallory.close()])
})

test.serial('a server that swaps the head of a friend loses nothing', async (t) => {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const bob = await world.join('bob', 1)
  await alice.session.send('bob', 'zero')
  await world.passUntil(() => bob.texts.includes('zero'))
  await bob.session.acceptContact('alice')
  world.tamper = (frame, to) =>
    frame.t === 'mail' && to === 'bob' ? [{ ...frame, h: randomBytes(300), w: WRAP }] : null
  await alice.session.send('bob', 'one')
  await world.passUntil(async () => (await linesOf(bob, 'alice')).includes('[placeholder]'))
  world.tamper = null
  await alice.session.send('bob', 'two')
  await world.passUntil(() => bob.texts.includes('one') && bob.texts.includes('two'))
  await alice.session.send('bob', 'three')
  await world.passUntil(() => bob.texts.includes('three'))
  t.deepEqual(
    await linesOf(bob, 'alice'),
    ['zero', 'one', 'two', 'three'].map((s) => `alice: ${s}`),
  )
  await Promise.all([alice.session.close(), bob.session.close()])
})

test('over a link a stream is opened by a head of its own', async (t) => {
  const [me, peer] = [1, 2].map((k) => ({ acct: Buffer.alloc(32, k), dev: Buffer.alloc(8, k) }))
  if (me === undefined || peer === undefined) return
  const conv = convId({ srv: WORLD_SRV, acct: me.acct }, { srv: WORLD_SRV, acct: peer.acct })
  const opened: string[] = []
  const link = new LinkInbox({
    device: { srv: WORLD_SRV, ...me },
    peer,
    conv: hex(conv),
    take: () => Promise.resolve(),
    chunk: () => Promise.resolve({}),
    opened: (st) => opened.push(hex(st)),
  })
  link.open()
  const [st, other] = [randomBytes(16), randomBytes(16)]
  const head = encodeHead({
    ...{ srv: WORLD_SRV, conv, st, gs: Buffer.alloc(32), from: peer, t: 1 },
    ...{ x: Buffer.alloc(32, 3), com: Buffer.alloc(32), to: [{ ...me, klid: Buffer.alloc(16) }] },
  })
  const request = { t: 'st.open', r: 1, at: 0, head, w: [WRAP] } as const
  await t.throwsAsync(link.serve({ ...request, st: other }), { code: 'E_FORMAT' })
  t.deepEqual(opened, [])
  await t.throwsAsync(
    link.serve({ t: 'msg.put', r: 2, st: other, i: 0, n: randomBytes(16), c: randomBytes(528) }),
    { code: 'E_UNKNOWN_STREAM' },
  )
  await link.serve({ ...request, st })
  t.deepEqual(opened, [hex(st)])
})
