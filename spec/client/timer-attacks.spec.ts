// Timers that claim to be set at a time that cannot be (PROTOCOL 7.2).
import test from 'ava'

import { payloadOf } from '../../lib/client/groups/state-row.ts'
import { randomBytes } from '../../lib/crypto/random.ts'
import { encodePayload } from '../../lib/protocol/payloads.ts'
import { members, sign } from '../helpers/groups.ts'
import { linesOf } from './group-kit.ts'
import { RawDevice, type RawStream } from './raw-device.ts'
import { World } from './world.ts'

const DAY_MS = 24 * 3_600_000

function timer(stream: RawStream, sec: number, ts: number): Promise<void> {
  return stream.send(encodePayload({ k: 'timer', id: randomBytes(16), ts, sec }))
}

test.serial('nobody sets a timer that no later one can replace', async (t) => {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const mallory = await RawDevice.of(await world.prepare('mallory', 1))
  const two = await mallory.stream(alice)
  await two.text('hi')
  await world.passUntil(() => alice.texts.includes('hi'))
  await alice.session.acceptContact('mallory')
  const { who: by } = mallory
  const state = await sign(by, {
    ...{ conv: Buffer.alloc(16, 0xab), n: 1, prev: Buffer.alloc(32), name: 'team', topic: '' },
    ...{ ts: 1, by, mem: members(alice.who === null ? [by] : [by, alice.who]) },
  })
  const group = await mallory.groupStream({ conv: state.state.conv, gs: state.h }, [alice])
  await group.send(encodePayload(payloadOf(state)))

  for (const [chat, stream] of [
    ['mallory', two],
    ['#team', group],
  ] as const) {
    const seconds = async (): Promise<number> =>
      (await alice.session.life.chatOf(chat)).timerSeconds
    const now = world.clock.now()
    await timer(stream, 60, now)
    await timer(stream, 5, Number.MAX_SAFE_INTEGER)
    await timer(stream, 5, now + 2 * DAY_MS)
    await timer(stream, 2, now + 1)
    await stream.text(`all set in ${chat}`)
    await world.passUntil(() => alice.texts.includes(`all set in ${chat}`))
    t.is(await seconds(), 60)
    t.is((await linesOf(alice, chat)).filter((line) => line === '[timer]').length, 1)
    // a clock that is somewhat ahead is one that counts
    await timer(stream, 90, now + DAY_MS / 2)
    await world.passUntil(async () => (await seconds()) === 90)
    await alice.session.life.disappear(chat, 0)
    t.is(await seconds(), 0)
  }
  await Promise.all([alice.session.close(), mallory.close()])
})
