// The socket of the operator: whatever comes through it costs one answer, and nothing else.
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Duplex, PassThrough } from 'node:stream'

import test from 'ava'

import { dialLocal, listenLocal } from '../../../lib/channel/local-socket.ts'
import type { Written } from '../../../lib/cli/server/backup/write.ts'
import { exitCodeOf } from '../../../lib/cli/exit-codes.ts'
import { askRunning } from '../../../lib/cli/server/operator/ask.ts'
import { openChannel } from '../../../lib/cli/server/operator/channel.ts'
import { type Ground, perform } from '../../../lib/cli/server/operator/operations.ts'
import type { Report } from '../../../lib/cli/server/operator/report.ts'
import { placeOf } from '../../../lib/cli/server/operator/same-place.ts'
import {
  decodeAnswer,
  decodeRequest,
  encodeFailure,
  encodeRequest,
  encodeResult,
  readLine,
  REQUEST_BYTES,
  SIGN_EVERY_MS,
  SIGN_OF_LIFE,
  SILENCE_MS,
  SOCKET,
} from '../../../lib/cli/server/operator/wire.ts'
import { defaultSettings } from '../../../lib/cli/server/settings.ts'
import { systemClock } from '../../../lib/cli/system-clock.ts'
import type { Timer } from '../../../lib/util/clock.ts'
import { SecureChatError } from '../../../lib/util/errors.ts'
import { silentLog } from '../../../lib/util/log.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

async function folder(t: { teardown(fn: () => Promise<void>): void }): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'securechat-op-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

const GROUND = {
  running: { server: { users: {}, invites: {} }, store: { health: () => Promise.resolve('ok') } },
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
      return Promise.resolve({ file } as Written)
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

/** Tells when somebody began to wait. */
class WatchedClock extends FakeClock {
  waits = 0

  override after(delayMs: number, fn: () => void): Timer {
    this.waits++
    return super.after(delayMs, fn)
  }

  async waitedFor(count: number): Promise<void> {
    while (this.waits < count) await new Promise(setImmediate)
  }
}

const QUESTION = { op: 'status', args: {} }

test('a server that hangs is named; one that shows that it works is waited for', async (t) => {
  const data = await folder(t)
  const settings = { ...defaultSettings({ keys: data, data }), data }
  await mkdir(join(data, 'store'))
  await writeFile(join(data, 'store', 'LOCK'), 'securechat-server, process 12')
  const callers: Duplex[] = []
  const listener = await listenLocal(join(data, SOCKET), (stream) => callers.push(stream))

  const clock = new WatchedClock()
  const hanging = t.throwsAsync(askRunning(settings, QUESTION, clock), {
    code: 'E_TIMEOUT',
    message: /^securechat-server, process 12 has .*not answer/,
  })
  await clock.waitedFor(1)
  clock.advance(SILENCE_MS)
  t.is(exitCodeOf(await hanging), 75)

  const patient = askRunning(settings, QUESTION, clock)
  await clock.waitedFor(2)
  while (callers.length < 2) await new Promise(setImmediate)
  for (let signs = 1; signs <= 5; signs++) {
    clock.advance(SILENCE_MS - 1)
    callers[1]?.write(SIGN_OF_LIFE)
    await clock.waitedFor(2 + signs)
  }
  callers[1]?.end(encodeResult('done'))
  t.deepEqual(await patient, { result: 'done' })
  t.is(clock.pending, 0)
  await listener.close()
})

test('while it works on an answer, the server shows it', async (t) => {
  const dir = await folder(t)
  const clock = new FakeClock()
  let finish: (report: Report) => void = () => undefined
  const report = (): Promise<Report> => new Promise((resolve) => (finish = resolve))
  const channel = await openChannel(dir, { ...GROUND, report }, { clock, log: silentLog })
  const stream = await dialLocal(join(dir, SOCKET))
  stream?.write(encodeRequest(QUESTION))
  for (let signs = 0; signs < 3; signs++) {
    await new Promise((resolve) => stream?.once('data', resolve))
    clock.advance(SIGN_EVERY_MS)
  }
  finish({ running: true } as Report)
  let text = ''
  for await (const part of stream ?? []) text += String(part)
  t.deepEqual(decodeAnswer(text.trimEnd()), { running: true })
  t.is(clock.pending, 0)
  await channel.close()
})

test('for a caller that has gone away nothing is done', async (t) => {
  const dir = await folder(t)
  const asked: string[] = []
  const report = (): Promise<Report> => {
    asked.push('report')
    return Promise.resolve({ running: true } as Report)
  }
  const channel = await openChannel(
    dir,
    { ...GROUND, report },
    { clock: new FakeClock(), log: silentLog },
  )
  const gone = await dialLocal(join(dir, SOCKET))
  // both at once: the server finds the question of somebody who does not hear it
  await new Promise<void>((resolve) => {
    gone?.once('close', resolve)
    gone?.write(encodeRequest(QUESTION), () => gone.destroy())
  })
  t.truthy(await say(dir, `${JSON.stringify(QUESTION)}\n`))
  t.deepEqual(asked, ['report'])
  await channel.close()
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
