// `securechat read` prints what nobody has read, wherever it stands: what it does not print must not be told as read.
import test from 'ava'

import { type OneShotDeps, runOneShot } from '../../../lib/cli/client/oneshot/run.ts'
import type { MessageView } from '../../../lib/client/events.ts'
import { randomBytes } from '../../../lib/crypto/random.ts'
import { encodePayload } from '../../../lib/protocol/payloads.ts'
import { unread } from '../../client/account-kit.ts'
import { RawDevice } from '../../client/raw-device.ts'
import { World } from '../../client/world.ts'

const DAY_MS = 24 * 3_600_000

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

  const printed: string[] = []
  const message = ({ body }: MessageView): unknown =>
    printed.push(body.kind === 'text' ? body.text : body.kind)
  const app = { requireSession: () => alice.session }
  const deps = { app, print: { message } } as unknown as OneShotDeps
  const shot = { name: 'read', args: [], all: false } as const
  const options = { file: undefined, count: undefined, timeoutSeconds: undefined }
  let isDone = false
  void runOneShot(deps, { ...shot, ...options }).then(() => (isDone = true))
  await world.passUntil(() => isDone)
  t.deepEqual(printed, ['the contract is cancelled'])
  t.is(await unread(alice, 'mallory'), 0)
  await Promise.all([alice.session.close(), mallory.close()])
})
