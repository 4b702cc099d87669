// `securechat read` prints what nobody has read, wherever it stands: what it does not print must not be told as read.
import test from 'ava'

import { type OneShotDeps, runOneShot } from '../../../lib/cli/client/oneshot/run.ts'
import type { MessageView } from '../../../lib/client/events.ts'
import { randomBytes } from '../../../lib/crypto/random.ts'
import { encodePayload } from '../../../lib/protocol/payloads.ts'
import { unread } from '../../client/account-kit.ts'
import { RawDevice } from '../../client/raw-device.ts'
import { type Player, World } from '../../client/world.ts'

const DAY_MS = 24 * 3_600_000

/** What `securechat read` prints. */
async function read(world: World, player: Player, count?: number): Promise<string[]> {
  const printed: string[] = []
  const message = ({ body }: MessageView): unknown =>
    printed.push(body.kind === 'text' ? body.text : body.kind)
  const app = { requireSession: () => player.session }
  const deps = { app, print: { message } } as unknown as OneShotDeps
  const shot = { name: 'read', args: [], all: false } as const
  const options = { file: undefined, count, timeoutSeconds: undefined }
  let isDone = false
  void runOneShot(deps, { ...shot, ...options }).then(() => (isDone = true))
  await world.passUntil(() => isDone)
  return printed
}

test('a line that stands far up is printed before it counts as read', async (t) => {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const mallory = await RawDevice.of(await world.prepare('mallory', 1))
  const stream = await mallory.stream(alice)
  const say = async (text: string, ts: number): Promise<void> => {
    await stream.send(encodePayload({ k: 'text', id: randomBytes(16), ts, b: text }))
    await world.passUntil(() => alice.texts.includes(text))
  }
  const now = world.clock.now()
  await say('hello', now)
  await alice.session.acceptContact('mallory')
  await alice.session.markRead('mallory')
  await say('the contract is cancelled', now - 20 * DAY_MS)

  t.deepEqual(await read(world, alice), ['the contract is cancelled'])
  t.is(await unread(alice, 'mallory'), 0)
  await Promise.all([alice.session.close(), mallory.close()])
})

test('what a count leaves out stays unread, and comes the next time', async (t) => {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const bob = await world.join('bob', 1)
  const carol = await world.join('carol', 2)
  for (const [i, player] of [bob, carol, bob, bob, carol].entries()) {
    await player.session.send('alice', `line ${String(i)}`)
    await world.passUntil(() => alice.texts.length === i + 1)
  }
  t.deepEqual(await read(world, alice, 3), ['line 0', 'line 1', 'line 2'])
  t.deepEqual([await unread(alice, 'bob'), await unread(alice, 'carol')], [1, 1])
  t.deepEqual(await read(world, alice), ['line 3', 'line 4'])
  t.deepEqual(await read(world, alice), [])
  await Promise.all([alice, bob, carol].map((player) => player.session.close()))
})
