import { execFileSync } from 'node:child_process'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import test from 'ava'

import { LineWriter } from '../../lib/cli/line-writer.ts'
import { parseRange } from '../../lib/channel/range.ts'
import { cleanFields, humanLine, networkOf } from '../../lib/cli/log-line.ts'
import { type LogLevel, openLog } from '../../lib/cli/log.ts'
import type { Clock } from '../../lib/util/clock.ts'

const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 6)
const CLOCK: Clock = {
  now: () => AT,
  monotonic: () => 0,
  after: () => ({ cancel: () => undefined }),
}

async function setUp(t: { teardown(fn: () => Promise<void>): void }) {
  const dir = await mkdtemp(join(tmpdir(), 'securechat-log-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const path = join(dir, 'log')
  const file = await open(path, 'a')
  t.teardown(() => file.close())
  return { path, fd: file.fd, dir }
}

async function logged(
  t: { teardown(fn: () => Promise<void>): void },
  options: { level?: LogLevel; human?: boolean; fullAddresses?: boolean },
): Promise<string> {
  const { path, fd } = await setUp(t)
  const log = openLog({
    level: 'info',
    human: false,
    fullAddresses: false,
    clock: CLOCK,
    fd,
    ...options,
  })
  log.debug('conn.open', { id: 1 })
  log.info('conn.open', { id: 2, address: '198.51.100.7:4000', note: undefined })
  log.print('for people')
  log.error('store.down', { cause: 'a\u001b[2J\nb' })
  await log.flush()
  return readFile(path, 'utf8')
}

test('machines get one JSON object a line, with UTC time, and no banner', async (t) => {
  const lines = (await logged(t, {})).trimEnd().split('\n')
  t.deepEqual(
    lines.map((line): unknown => JSON.parse(line)),
    [
      {
        level: 'info',
        time: '2026-01-02T03:04:05.006Z',
        event: 'conn.open',
        id: 2,
        address: '198.51.100.0/24',
      },
      {
        level: 'error',
        time: '2026-01-02T03:04:05.006Z',
        event: 'store.down',
        cause: 'a\uFFFD[2J b',
      },
    ],
  )
})

test('people get one-liners and the banner', async (t) => {
  const lines = (await logged(t, { human: true, fullAddresses: true })).split('\n')
  t.regex(lines[0] ?? '', /^\d\d:04:05 info {2}conn {3}open {7}id=2 address=198\.51\.100\.7:4000$/)
  t.is(lines[1], 'for people')
  t.regex(lines[2] ?? '', /error store {2}down {7}cause="a\uFFFD\[2J b"$/)
})

test('the level is a threshold', async (t) => {
  t.is((await logged(t, { level: 'debug' })).trimEnd().split('\n').length, 3)
  t.is((await logged(t, { level: 'error' })).trimEnd().split('\n').length, 1)
  t.is(await logged(t, { level: 'silent' }), '')
})

test('an address is its network unless asked for; loopback names nobody', (t) => {
  t.is(networkOf('198.51.100.7:50000'), '198.51.100.0/24')
  t.is(networkOf('198.51.100.7'), '198.51.100.0/24')
  t.is(networkOf('::ffff:198.51.100.7'), '198.51.100.0/24')
  t.is(networkOf('[2001:db8:1:2::3]:50000'), '2001:db8:1::/48')
  t.is(networkOf('2001:db8::3'), '2001:db8::/48')
  t.is(networkOf('2001:db8:1:2::/64'), '2001:db8:1::/48')
  t.is(networkOf('[fe80:1:2:3::4%eth0]:9'), 'fe80:1:2::/48')
  for (const network of ['198.51.100.0/24', '2001:db8:1::/48']) {
    t.is(networkOf(network), network)
    t.is(parseRange(network)?.text, network, 'ban takes it')
  }
  t.is(networkOf('127.0.0.1:9'), '127.0.0.1')
  t.is(networkOf('[::1]:9'), '::1')
  t.is(networkOf('anything else'), '*')
})

test('no field is longer than a line or changes a terminal', (t) => {
  const { note, n } = cleanFields({ note: `${'x'.repeat(400)}\u009b2J\r\n`, n: 3 }, false)
  t.is(n, 3)
  t.regex(String(note), /^x{300}\.\.$/)
  t.is(
    humanLine(new Date(0), 'warn', 'auth.refused', { why: 'a "b"' }).slice(9),
    'warn  auth   refused    why="a \\"b\\""',
  )
})

test('what does not fit into memory is lost and counted, the rest keeps its order', async (t) => {
  const { path, fd } = await setUp(t)
  const out = new LineWriter(fd, 100)
  for (let i = 0; i < 50; i++) out.write(`line ${String(i)}\n`)
  await out.flush(10_000)
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
  t.is(lines.length + out.takeLost(), 50)
  t.deepEqual(
    lines,
    lines.map((_, i) => `line ${String(i)}`),
  )
  t.is(out.takeLost(), 0)
})

test('a full disk loses lines, not the program', async (t) => {
  const full = await open('/dev/full', 'w')
  t.teardown(() => full.close())
  const out = new LineWriter(full.fd, 1000)
  out.write('one\n')
  out.write('two\n')
  await out.flush(10_000)
  t.true(out.takeLost() > 0)
})

test('a reader that never reads does not hold up the end', async (t) => {
  const { dir } = await setUp(t)
  const path = join(dir, 'pipe')
  execFileSync('mkfifo', [path])
  const both = await open(path, 'r+') // a reader that never reads, so that opening does not wait
  t.teardown(() => both.close())
  const out = new LineWriter(both.fd, 2 ** 20)
  out.write('x'.repeat(2 ** 19))
  await t.notThrowsAsync(out.flush(50))
  const rest = Buffer.alloc(2 ** 16) // frees the thread that still writes
  for (let read = 0; read < 2 ** 19;) read += (await both.read(rest)).bytesRead
})
