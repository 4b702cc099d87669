// The socket of the operator: whatever comes through it costs one answer, and nothing else.
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'

import test from 'ava'

import { dialLocal, listenLocal } from '../../../lib/channel/local-socket.ts'
import { openChannel } from '../../../lib/cli/server/operator/channel.ts'
import { type Ground, perform } from '../../../lib/cli/server/operator/operations.ts'
import { placeOf } from '../../../lib/cli/server/operator/same-place.ts'
import {
  decodeAnswer,
  decodeRequest,
  encodeFailure,
  encodeResult,
  readLine,
  REQUEST_BYTES,
  SOCKET,
} from '../../../lib/cli/server/operator/wire.ts'
import { systemClock } from '../../../lib/cli/system-clock.ts'
import { SecureChatError } from '../../../lib/util/errors.ts'
import { silentLog } from '../../../lib/util/log.ts'

async function folder(t: { teardown(fn: () => Promise<void>): void }): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'securechat-op-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

const GROUND = {
  running: { server: { users: {}, invites: {} } },
  clock: systemClock,
  report: () => Promise.resolve({ fine: true }),
} as unknown as Ground

async function say(dir: string, text: string): Promise<string | null> {
  const stream = await dialLocal(join(dir, SOCKET))
  if (stream === null) throw new Error('nobody listens')
  stream.end(text)
  return readLine(stream, 10_000).catch(() => null)
}

test('a question, an answer; and questions that are none', async (t) => {
  const dir = await folder(t)
  const channel = await openChannel(dir, GROUND, { clock: systemClock, log: silentLog })
  t.deepEqual(decodeAnswer((await say(dir, '{"op":"status","args":{}}\n')) ?? ''), { fine: true })
  for (const bad of [
    'nonsense',
    '[]',
    'null',
    '{"op":1,"args":{}}',
    '{"op":"status","args":[]}',
    '{"op":"status","args":{"a":{"$ne":1}}}',
    '{"op":"no such","args":{}}',
    '{"op":"__proto__","args":{}}',
    '{"op":"user.show","args":{}}',
    '{"op":"invite.create","args":{"uses":-1,"forMs":1}}',
  ]) {
    const answer = (await say(dir, `${bad}\n`)) ?? ''
    t.throws(() => decodeAnswer(answer), { code: 'E_FORMAT' }, bad)
  }
  t.is(await say(dir, ''), null)
  const long = await say(dir, 'x'.repeat(REQUEST_BYTES + 1))
  t.true(long === null || long.includes('E_TOO_BIG'))
  t.truthy(await say(dir, '{"op":"status","args":{}}\n'), 'it still listens')
  await channel.close()
  t.is(await dialLocal(join(dir, SOCKET)), null)
})

test('a backup goes only where the command finds it: a server with a /tmp of its own writes nothing', async (t) => {
  const [mine, other] = [await folder(t), await folder(t)]
  const files: string[] = []
  const ground: Ground = {
    ...GROUND,
    backup: (file) => {
      files.push(file)
      return Promise.resolve({ file, bytes: 1, parts: 1, sealed: false })
    },
  }
  const file = join(mine, 'b')
  const ask = (place: string): Promise<unknown> =>
    perform(ground, { op: 'backup', args: { file, place, passphrase: '' } })
  await t.throwsAsync(ask(await placeOf(join(other, 'b'))), {
    code: 'E_FILE',
    message: /another .* than you/,
  })
  t.deepEqual(files, [])
  t.like(await ask(await placeOf(file)), { file })
  await t.throwsAsync(placeOf(join(mine, 'none', 'b')), { code: 'E_FILE', message: /no folder/ })
})

test('callers that say nothing do not keep others out for ever, and are bounded', async (t) => {
  const dir = await folder(t)
  const channel = await openChannel(dir, GROUND, { clock: systemClock, log: silentLog })
  const silent = await Promise.all(Array.from({ length: 8 }, () => dialLocal(join(dir, SOCKET))))
  t.is(await say(dir, '{"op":"status","args":{}}\n'), null)
  for (const stream of silent) stream?.destroy()
  let answer: string | null = null
  while (answer === null) answer = await say(dir, '{"op":"status","args":{}}\n')
  t.deepEqual(decodeAnswer(answer), { fine: true })
  await channel.close()
})

test('the socket is for its owner, replaces a dead one, and works in a folder with a long name', async (t) => {
  const dir = join(await folder(t), 'a-long-name-'.repeat(12))
  await mkdir(dir)
  const path = join(dir, SOCKET)
  await writeFile(path, 'left by a crash')
  const listener = await listenLocal(path, (stream) => stream.end('hello\n'))
  t.is((await stat(path)).mode & 0o777, 0o600)
  const stream = await dialLocal(path)
  t.is(stream === null ? null : await readLine(stream, 100), 'hello')
  await listener.close()
  await t.throwsAsync(stat(path), { code: 'ENOENT' })
  await t.throwsAsync(
    listenLocal(join(dir, 'none', SOCKET), () => undefined),
    { code: 'E_FILE' },
  )
})

test('answers carry codes and sentences of ours, and hide what is not ours', (t) => {
  t.deepEqual(decodeAnswer(encodeResult([1]).toString().trim()), [1])
  const ours = encodeFailure(new SecureChatError('E_NOT_FOUND', 'Nobody.')).toString()
  t.throws(() => decodeAnswer(ours), { code: 'E_NOT_FOUND', message: 'Nobody.' })
  const foreign = encodeFailure(new Error('/secret/path')).toString()
  t.false(foreign.includes('secret'))
  t.throws(() => decodeAnswer(foreign), { code: 'E_INTERNAL' })
  t.throws(() => decodeAnswer('{"code":"E_WHATEVER","message":"x"}'), { code: 'E_FORMAT' })
  t.throws(() => decodeAnswer('{}'), { code: 'E_FORMAT' })
  t.throws(() => decodeAnswer(encodeResult('x'.repeat(5 * 2 ** 20)).toString()), {
    code: 'E_TOO_BIG',
  })
  t.deepEqual(decodeRequest('{"op":"a","args":{"b":"c"}}'), { op: 'a', args: { b: 'c' } })
})

test('a line that never ends, and a peer that leaves', async (t) => {
  const endless = new PassThrough()
  endless.write('x'.repeat(200))
  await t.throwsAsync(readLine(endless, 100), { code: 'E_TOO_BIG' })
  const broken = new PassThrough()
  broken.destroy(new Error('gone'))
  await t.throwsAsync(readLine(broken, 100), { code: 'E_CLOSED' })
})
