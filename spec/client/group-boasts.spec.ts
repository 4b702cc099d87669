// A member who makes up losses must not hide those of the others (PROTOCOL 9.4).
import test from 'ava'

import { payloadOf } from '../../lib/client/groups/state-row.ts'
import { encodePayload } from '../../lib/protocol/payloads.ts'
import type { Bytes } from '../../lib/util/bytes.ts'
import { members, sign } from '../helpers/groups.ts'
import { RawDevice, textBytes } from './raw-device.ts'
import { type Player, World } from './world.ts'

const CONV = Buffer.alloc(16, 0xab)
/** As many as one sender may have open. */
const ROOM = 500

interface Scene {
  readonly world: World
  readonly alice: Player
  readonly carol: Player
  readonly mallory: RawDevice
  readonly gs: Bytes
  /** alice's stream in the group. */
  readonly st: Bytes
}

async function scene(): Promise<Scene> {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const carol = await world.join('carol', 1)
  const mallory = await RawDevice.of(await world.prepare('mallory', 2))
  for (const player of [alice, carol]) {
    await (await mallory.stream(player)).text('hi')
    await world.passUntil(() => player.texts.includes('hi'))
    await player.session.acceptContact('mallory')
  }
  const { who: by } = mallory
  const mem = members(
    [by],
    [alice, carol].flatMap(({ who }) => who ?? []),
  )
  const state = await sign(by, {
    ...{ conv: CONV, n: 1, prev: Buffer.alloc(32), name: 'team', topic: '', ts: 1, by, mem },
  })
  const stream = await mallory.groupStream({ conv: CONV, gs: state.h }, [alice, carol])
  await stream.send(encodePayload(payloadOf(state)))
  await world.passUntil(() => alice.session.groups.list().length === 1)
  world.heard.length = 0
  await alice.session.send('#team', 'one')
  await world.passUntil(() => carol.texts.includes('one'))
  const [st] = world.heard.flatMap(({ frame }) => (frame.t === 'st.open' ? frame.st : []))
  if (st === undefined) throw new Error('no stream')
  return { world, alice, carol, mallory, gs: state.h, st }
}

/** The server keeps one message of alice from carol, who is to see that it is missing, and to get it. */
async function isHealed({ world, alice, carol }: Scene): Promise<boolean> {
  let dropped = 0
  world.tamper = (frame, to) => {
    if (to !== 'carol' || frame.t !== 'mail' || dropped > 0) return null
    dropped += 1
    return []
  }
  await alice.session.send('#team', 'two')
  await world.passUntil(() => dropped === 1)
  world.tamper = null
  await alice.session.send('#team', 'three')
  await world.passUntil(() => carol.texts.includes('three'))
  await world.pass(15_000, 500)
  const isSeen = (): boolean =>
    carol.of('message').some(({ message, fills }) => message.from === 'alice' && fills)
  for (let k = 0; k < 100 && !isSeen(); k++) await world.pass(100)
  return carol.texts.includes('two')
}

async function end({ alice, carol, mallory }: Scene): Promise<void> {
  await Promise.all([alice.session.close(), carol.session.close(), mallory.close()])
}

test.serial('who tells of messages that nobody sent takes no room of others', async (t) => {
  const it = await scene()
  const { world, carol, mallory, gs, st } = it
  const stream = await mallory.groupStream({ conv: CONV, gs }, [carol])
  await stream.text('first')
  for (let i = 164; i < 164 + ROOM + 128; i += 64) await stream.text(`boast ${i}`, { q: [[st, i]] })
  await stream.text('that is all')
  await world.passUntil(() => carol.texts.includes('that is all'))
  t.true(await isHealed(it))
  const rows = await carol.session.history('#team', { limit: 2 * ROOM })
  const made = rows.filter(({ body }) => body.kind === 'placeholder').length
  t.true(made <= 64, `${made}`)
  await end(it)
})

test.serial('who leaves out messages of his own takes no room of others', async (t) => {
  const it = await scene()
  const { world, carol, mallory, gs } = it
  const stream = await mallory.groupStream({ conv: CONV, gs }, [carol])
  await stream.text('first')
  for (let i = 1; i <= ROOM; i++) await stream.seal(textBytes('never sent'))
  const { acct, dev } = mallory.who
  const last = await stream.seal(textBytes('last'))
  world.inject('carol', { t: 'mail', q: 1000, f: [acct, dev], ...last })
  await world.passUntil(() => carol.texts.includes('last'))
  t.true(await isHealed(it))
  await end(it)
})
