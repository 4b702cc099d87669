// Backup and restore: what comes back is byte for byte what was there, nothing is ever replaced, and no damage gets through.
import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import test from 'ava'

import { decodeArchive, encodeArchive, type Part } from '../../../lib/cli/server/backup/archive.ts'
import { markMoved } from '../../../lib/cli/server/backup/marks.ts'
import { readBackup } from '../../../lib/cli/server/backup/read.ts'
import { restoreBackup } from '../../../lib/cli/server/backup/restore.ts'
import { sealStream } from '../../../lib/cli/server/backup/sealed.ts'
import { writeBackup, type Written } from '../../../lib/cli/server/backup/write.ts'
import { createKey } from '../../../lib/cli/server/key-format.ts'
import { ask } from '../../../lib/cli/server/operator/ask.ts'
import {
  backup,
  move as moveServer,
  restore,
} from '../../../lib/cli/server/operator/backup-commands.ts'
import type { Report } from '../../../lib/cli/server/operator/report.ts'
import { views } from '../../../lib/cli/server/operator/views.ts'
import { settingsAfter } from '../../../lib/cli/server/operator/settings-words.ts'
import { defaultSettings, type ServerSettings } from '../../../lib/cli/server/settings.ts'
import { type RunningServer, startServer } from '../../../lib/cli/server/start.ts'
import { systemClock } from '../../../lib/cli/system-clock.ts'
import { createSetup, opaqueReady } from '../../../lib/crypto/opaque.ts'
import type { Bytes } from '../../../lib/util/bytes.ts'
import { silentLog } from '../../../lib/util/log.ts'
import { rsa2048, rsa3072 } from '../../helpers/keys.ts'

const PASSPHRASE = 'seven rusty lanterns'
const FID = '0123456789abcdef0123456789abcdef'

interface Home {
  readonly root: string
  readonly settings: ServerSettings
}

async function home(t: { teardown(fn: () => Promise<void>): void }): Promise<Home> {
  const root = await mkdtemp(join(tmpdir(), 'securechat-backup-'))
  t.teardown(() => rm(root, { recursive: true, force: true }))
  const settings = defaultSettings({ keys: join(root, 'keys'), data: join(root, 'data') })
  const own = { data: join(root, 'data'), host: '127.0.0.1', port: 0 }
  return { root, settings: { ...settings, ...own } }
}

async function keysIn({ settings }: Home): Promise<void> {
  await opaqueReady()
  const key = rsa3072(0).exportPkcs8()
  await createKey(join(settings.keys, 'server.identity'), { k: 'server-identity', key, former: [] })
  await createKey(join(settings.keys, 'server.opaque'), { k: 'server-opaque', key: createSetup() })
  const storeKey = { k: 'server-store-key', key: Buffer.alloc(32, 1) }
  await createKey(join(settings.keys, 'server.store-key'), storeKey)
}

function start(settings: ServerSettings): Promise<RunningServer> {
  const launchKey = Promise.resolve(rsa2048(0))
  return startServer(settings, { clock: systemClock, log: silentLog, launchKey })
}

/** Something of every kind that a server stores. */
async function fill({ store, server }: RunningServer): Promise<void> {
  await server.invites.create(3, 2 ** 42)
  await store.records.put('account', 'a', Buffer.alloc(2000, 3), { unique: { name: 'alice' } })
  await store.mail.append([
    {
      ...{ box: 'b', from: 'a', isOwn: false, id: '1', body: Buffer.alloc(500, 4) },
      ...{ expires: 2 ** 42, likelyAcked: false },
    },
  ])
  await store.logs.append('h.b', 0, [Buffer.alloc(900_000, 5), Buffer.from('end')])
}

async function everything(root: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    found.set(path.slice(root.length), (await readFile(path)).toString('base64'))
  }
  return found
}

function write(
  { settings }: Home,
  running: RunningServer | null,
  file: string,
  passphrase = '',
): Promise<Written> {
  const { keys, data } = settings
  const freeze = () => running?.store.freeze() ?? Promise.resolve([])
  return writeBackup({ keys, data }, freeze, { file, passphrase, now: 5 })
}

test('the drill: a restored server is byte for byte the one that was saved, and starts', async (t) => {
  for (const passphrase of ['', PASSPHRASE]) {
    const [from, to] = [await home(t), await home(t)]
    await keysIn(from)
    const first = await start(from.settings)
    await fill(first)
    await writeFile(join(from.settings.data, 'files', `${FID}.have`), 'list')
    await writeFile(join(from.settings.data, 'files', `${FID}.data`), Buffer.alloc(700_000, 9))
    const file = join(from.root, 'backup')
    const result = await write(from, first, file, passphrase)
    t.is(result.sealed, passphrase !== '')
    t.is((await stat(file)).mode & 0o777, 0o600)

    const { keys, data } = to.settings
    const dry = await restoreBackup({ keys, data }, file, { passphrase, isDry: true })
    t.is(dry.parts, result.parts)
    t.deepEqual(await readdir(to.root), [])
    await restoreBackup({ keys, data }, file, { passphrase, isDry: false })
    const [saved, restored] = [await everything(from.root), await everything(to.root)]
    // of this machine only
    const own = ['/data/last-backup.json', '/data/store/LOCK', '/keys/server.data.json']
    for (const name of ['/backup', ...own]) saved.delete(name)
    t.deepEqual([...restored.keys()].sort(), [...saved.keys()].sort())
    for (const [name, bytes] of saved) t.is(restored.get(name), bytes, name)
    for (const folder of [keys, data, join(data, 'store')]) {
      t.is((await stat(folder)).mode & 0o777, 0o700)
    }
    await first.close()

    const second = await start(to.settings)
    t.deepEqual(second.srv, first.srv)
    t.is((await second.server.invites.all()).length, 1)
    t.is((await second.store.mail.read('b', 0, 9)).length, 1)
    t.is((await second.store.logs.read('h.b', 0, 9, 2 ** 21)).length, 2)
    await second.close()
  }
})

test('a server that is written to all the time: every backup restores, with all that was acknowledged before it', async (t) => {
  const from = await home(t)
  await keysIn(from)
  const live = await start(from.settings)
  let isDone = false
  let acknowledged = 0
  const writing = (async () => {
    while (!isDone) {
      await live.store.records.put('count', 'one', Buffer.from(String(acknowledged + 1)))
      await live.store.logs.append('log', acknowledged, [Buffer.alloc(50_000, acknowledged)])
      acknowledged++
    }
  })()
  for (let round = 0; round < 3; round++) {
    while (acknowledged < round * 10 + 1) await new Promise(setImmediate)
    const before = acknowledged
    const file = join(from.root, `backup-${round}`)
    await write(from, live, file)
    const to = await home(t)
    const { keys, data } = to.settings
    await restoreBackup({ keys, data }, file, { passphrase: '', isDry: false })
    const again = await start(to.settings)
    const body = (await again.store.records.get('count', 'one'))?.body ?? []
    t.true(Number(Buffer.from(body).toString()) >= before)
    t.true((await again.store.logs.head('log')).next >= before)
    await again.close()
  }
  isDone = true
  await writing
  await live.close()
})

test('the settings beside the keys travel, and name the folders of their new place; one that is there stays', async (t) => {
  const [from, to, kept, without] = [await home(t), await home(t), await home(t), await home(t)]
  await keysIn(from)
  const running = await start(from.settings)
  const plain = { passphrase: '', isDry: false }
  const nameIn = ({ settings }: Home): string => join(settings.keys, 'server.config.json')
  const before = join(from.root, 'before')
  t.false((await write(from, running, before)).settings)
  const { data } = from.settings
  const settings = { registration: 'invite', port: 7801, keys: '../elsewhere', data }
  await writeFile(nameIn(from), JSON.stringify(settings), { mode: 0o600 })
  const file = join(from.root, 'backup')
  t.true((await write(from, running, file)).settings)
  await running.close()

  const dry = await restoreBackup(to.settings, file, { ...plain, isDry: true })
  t.is(dry.settings, 'restored')
  t.deepEqual(await readdir(to.root), [])
  t.is((await restoreBackup(to.settings, file, plain)).settings, 'restored')
  const found: unknown = JSON.parse(await readFile(nameIn(to), 'utf8'))
  const folders = { keys: to.settings.keys, data: to.settings.data }
  t.deepEqual(found, { ...settings, ...folders })
  t.is((await stat(nameIn(to))).mode & 0o777, 0o600)

  await mkdir(kept.settings.keys)
  await writeFile(nameIn(kept), '{"port": 1}')
  t.is((await restoreBackup(kept.settings, file, plain)).settings, 'kept')
  t.is(await readFile(nameIn(kept), 'utf8'), '{"port": 1}')

  t.is((await restoreBackup(without.settings, before, plain)).settings, 'none')
  await t.throwsAsync(stat(nameIn(without)), { code: 'ENOENT' })
})

test('after a restore it is said what holds when the backup had no settings', (t) => {
  const settings = defaultSettings({ keys: '/k', data: '/d' })
  const where = { parts: 1, bytes: 1, keys: '/k', data: '/d' }
  const restored = { ...where, obstacle: null, isDone: true } as const
  const words = settingsAfter({ ...restored, settings: 'none' }, settings).join('\n')
  t.regex(words, /NO SETTINGS/)
  t.regex(words, /its registration is open/)
  const there = settingsAfter({ ...restored, settings: 'restored' }, settings).join('\n')
  t.is(there, 'The settings of the backup are in /k/server.config.json.')
})

test('nothing is replaced: not a backup, not data, not other keys; the same keys are fine', async (t) => {
  const [from, to] = [await home(t), await home(t)]
  await keysIn(from)
  const running = await start(from.settings)
  const file = join(from.root, 'backup')
  await write(from, running, file)
  await t.throwsAsync(write(from, running, file), { code: 'E_FILE' })
  await t.throwsAsync(write(from, running, join(from.settings.data, 'b')), { code: 'E_FILE' })
  await t.throwsAsync(write(from, running, join(from.settings.keys, 'b')), { code: 'E_FILE' })
  await t.throwsAsync(write(from, running, join(from.root, 'none', 'b')), {
    code: 'E_FILE',
    message: /into \/.*\/none: no such file or folder\.$/,
  })
  await t.throwsAsync(write(from, running, join(file, 'b')), {
    code: 'E_FILE',
    message: /into \/.*\/backup: a part of its path is no folder\.$/,
  })
  await running.close()

  const plain = { passphrase: '', isDry: false }
  const { keys, data } = to.settings
  const dry = await restore(from.settings, [file], new Map([['dry-run', '']]))
  t.regex(dry.lines.join('\n'), /every checksum right.*would be refused:\n.*is not empty/s)
  await appendFile(file, 'x')
  await t.throwsAsync(restore(from.settings, [file], new Map([['dry-run', '']])), {
    code: 'E_CORRUPT',
  })
  await truncate(file, (await stat(file)).size - 1)
  await t.throwsAsync(restoreBackup(from.settings, file, plain), { code: 'E_CONFIG' })
  await mkdir(keys)
  await writeFile(join(keys, 'server.opaque'), 'another')
  await t.throwsAsync(restoreBackup({ keys, data }, file, plain), { code: 'E_CONFIG' })
  t.is(await readFile(join(keys, 'server.opaque'), 'utf8'), 'another')
  await t.throwsAsync(stat(data), { code: 'ENOENT' })
  await mkdir(data)
  await t.notThrowsAsync(restoreBackup({ keys: from.settings.keys, data }, file, plain))
  await t.throwsAsync(restoreBackup({ keys, data }, join(to.root, 'no'), plain), { code: 'E_FILE' })
  await t.throwsAsync(restoreBackup({ keys, data }, to.root, plain), {
    code: 'E_FILE',
    message: /could not be restored: it is a folder\.$/,
  })
  t.deepEqual((await readdir(to.root)).sort(), ['data', 'keys'])
})

test('a backup is not sealed under a passphrase that can be guessed', async (t) => {
  const { root, settings } = await home(t)
  const secret = join(root, 'passphrase')
  const options = new Map([['passphrase-file', secret]])
  await writeFile(secret, 'eleven char\n')
  const refused = { code: 'E_CONFIG', message: /at least 12 characters/ } as const
  await t.throwsAsync(backup(settings, [join(root, 'b')], options), refused)
  const move = moveServer(settings, [join(root, 'b')], new Map([...options, ['yes', '']]))
  await t.throwsAsync(move, refused)
  await writeFile(secret, 'twelve chars\n')
  await t.throwsAsync(backup(settings, [join(root, 'b')], options), { message: /no server/ })
})

test('after a move the folder does not start, no command changes it, and status says so', async (t) => {
  const from = await home(t)
  await keysIn(from)
  await (await start(from.settings)).close()
  await markMoved(from.settings.data, '/backup', 1)
  const refused = { code: 'E_CONFIG', message: /has moved/ } as const
  await t.throwsAsync(start(from.settings), refused)
  const { settings } = from
  for (const [op, args] of [
    ['invite.create', { uses: 1, forMs: 1 }],
    ['ban.add', { range: '192.0.2.1', forMs: 0 }],
    ['backup', { file: join(from.root, 'b'), passphrase: '', place: '' }],
  ] as const) {
    await t.throwsAsync(ask(settings, { op, args }), refused, op)
  }
  t.deepEqual(await ask(settings, { op: 'invite.list', args: {} }), [])
  const report = (await ask(settings, { op: 'status', args: {} })) as Report
  t.deepEqual(report.moved, { at: 1, file: '/backup' })
  t.regex(views.status(report).join('\n'), /NOT RUNNING\nMOVED AWAY .*into \/backup/)
})

function partOf(name: string, body: Buffer): Part {
  return {
    name,
    bytes: body.length,
    // eslint-disable-next-line @typescript-eslint/require-await
    read: async function* () {
      for (let at = 0; at < body.length; at += 7) yield body.subarray(at, at + 7)
    },
  }
}

async function bytesOf(source: AsyncIterable<Bytes>): Promise<Buffer> {
  const parts: Bytes[] = []
  for await (const part of source) parts.push(part)
  return Buffer.concat(parts)
}

async function* streamOf<T>(...items: readonly T[]): AsyncGenerator<T> {
  for (const item of items) yield await Promise.resolve(item)
}

const SINK = { write: () => Promise.resolve(), end: () => Promise.resolve() }
const ARCHIVE = await bytesOf(
  encodeArchive(streamOf(partOf('a', Buffer.from('first part')), partOf('b', Buffer.alloc(0)))),
)

test('an archive is refused at every changed byte and at every length', async (t) => {
  const read = (bytes: Buffer): Promise<unknown> =>
    readBackup(streamOf(bytes), '', () => Promise.resolve(SINK))
  await t.notThrowsAsync(read(ARCHIVE))
  for (let i = 0; i < ARCHIVE.length; i++) {
    const changed = Buffer.from(ARCHIVE)
    changed.writeUInt8(changed.readUInt8(i) ^ 1, i)
    // a changed name is another name: what names there may be is for the restore to say
    const error = await read(changed).then(
      () => null,
      (cause: unknown) => cause,
    )
    const heads = error === null ? JSON.stringify(i) : ''
    if (error === null) t.regex(ARCHIVE.subarray(i - 1, i + 2).toString('latin1'), /"[ab]"/, heads)
    else t.like(error, { code: 'E_CORRUPT' }, String(i))
    await t.throwsAsync(read(ARCHIVE.subarray(0, i)), { code: 'E_CORRUPT' }, String(i))
  }
  await t.throwsAsync(read(Buffer.concat([ARCHIVE, Buffer.of(0)])), { code: 'E_CORRUPT' })
})

test('an archive comes in any pieces', async (t) => {
  const pieces = Array.from(ARCHIVE, (byte) => Buffer.of(byte))
  const heads = await decodeArchive(streamOf(...pieces), () => Promise.resolve(SINK))
  t.deepEqual(heads, [
    { name: 'a', bytes: 10 },
    { name: 'b', bytes: 0 },
  ])
})

test('a part that is shorter than it said ends the backup', async (t) => {
  const short = { ...partOf('a', Buffer.from('12')), bytes: 3 }
  await t.throwsAsync(bytesOf(encodeArchive(streamOf(short))), { code: 'E_STORE' })
})

test('what is not sealed does not pass for a backup that was', async (t) => {
  const first = await home(t)
  await keysIn(first)
  const running = await start(first.settings)
  const file = join(first.root, 'plain.backup')
  await write(first, running, file)
  await running.close()
  const folders = { keys: join(first.root, 'k'), data: join(first.root, 'd') }
  const order = { passphrase: PASSPHRASE, isDry: false }
  await t.throwsAsync(restoreBackup(folders, file, order), {
    code: 'E_AUTH',
    message: /not sealed/,
  })
  t.deepEqual((await readdir(first.root)).sort(), ['data', 'keys', 'plain.backup'])
})

test('a sealed backup: no passphrase, a wrong one, pieces changed, cut or exchanged', async (t) => {
  const body = partOf('a', Buffer.alloc(600_000, 1))
  const sealed = await bytesOf(sealStream(PASSPHRASE, encodeArchive(streamOf(body))))
  t.false(sealed.includes('first part'))
  const read = (bytes: Buffer, passphrase = PASSPHRASE): Promise<unknown> =>
    readBackup(streamOf(bytes), passphrase, () => Promise.resolve(SINK))
  await t.notThrowsAsync(read(sealed))
  await t.throwsAsync(read(sealed, ''), { code: 'E_AUTH' })
  await t.throwsAsync(read(sealed, 'another one'), { code: 'E_AUTH' })
  const changed = Buffer.from(sealed)
  changed.writeUInt8(changed.readUInt8(sealed.length - 1) ^ 1, sealed.length - 1)
  await t.throwsAsync(read(changed), { code: 'E_CORRUPT' })
  await t.throwsAsync(read(sealed.subarray(0, -1)), { code: 'E_CORRUPT' })
  const piece = 4 + 256 * 1024 + 16
  const start = sealed.indexOf(Buffer.from([0, 4, 0, 16]))
  t.true(start > 0)
  await t.throwsAsync(read(sealed.subarray(0, start + piece)), { code: 'E_CORRUPT' })
  const exchanged = Buffer.concat([
    sealed.subarray(0, start),
    sealed.subarray(start + piece, start + 2 * piece),
    sealed.subarray(start, start + piece),
    sealed.subarray(start + 2 * piece),
  ])
  await t.throwsAsync(read(exchanged), { code: 'E_AUTH' })
})

test('a backup that wants to write elsewhere is refused before anything is written', async (t) => {
  const to = await home(t)
  for (const name of ['../evil', 'data/../../evil', '/etc/passwd', 'data/store/logs/x', 'keys/a']) {
    const file = join(to.root, 'evil-backup')
    await writeFile(file, await bytesOf(encodeArchive(streamOf(partOf(name, Buffer.from('x'))))))
    const { keys, data } = to.settings
    await t.throwsAsync(restoreBackup({ keys, data }, file, { passphrase: '', isDry: false }), {
      code: 'E_CORRUPT',
    })
    t.deepEqual(await readdir(to.root), ['evil-backup'])
  }
})
