// The launch password: what lies in keys/ with and without one, and that every step of a change leaves keys that open.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import test from 'ava'

import {
  changeLaunchPassword as change,
  loadServerKeys,
  makeServerKeys,
} from '../../../lib/cli/server/identity.ts'
import { createKey, readKey, replaceKey } from '../../../lib/cli/server/key-format.ts'
import { launchPasswordOf, launchPasswordProblem } from '../../../lib/cli/server/launch-password.ts'
import {
  type LaunchPassword,
  lockMaster as lock,
  MASTER as SHAPE,
} from '../../../lib/cli/server/master-key.ts'
import { passwdLines, passwdWords } from '../../../lib/cli/server/passwd.ts'
import { createSetup, opaqueReady } from '../../../lib/crypto/opaque.ts'
import { hex } from '../../../lib/util/bytes.ts'
import { rsa3072 } from '../../helpers/keys.ts'

const MASTER = Buffer.alloc(32, 0x5a)
const FIRST = 'first launch password'
const SECOND = 'zweites Startpaßwort'

/** Quarter of the work: what is tested is not how long it takes. */
const COST = { N: 2 ** 15, r: 8, p: 1 }
const changeLaunchPassword = (
  dir: string,
  current: LaunchPassword,
  wanted: () => Promise<string | null>,
) => change(dir, current, wanted, COST)
const lockMaster = (master: Buffer, password: string) => lock(master, password, COST)

const saying = (text: string | null) => (attempt: number) =>
  Promise.resolve(attempt === 0 ? text : null)
const next = (text: string | null) => () => Promise.resolve(text)

async function setUp(t: { teardown(fn: () => Promise<void>): void }): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'securechat-launch-'))
  t.teardown(() => rm(home, { recursive: true, force: true }))
  const dir = join(home, 'keys')
  await opaqueReady()
  const key = rsa3072(0).exportPkcs8()
  await createKey(join(dir, 'server.identity'), { k: 'server-identity', key, former: [] })
  await createKey(join(dir, 'server.opaque'), { k: 'server-opaque', key: createSetup() })
  await createKey(join(dir, 'server.store-key'), { k: 'server-store-key', key: MASTER })
  return dir
}

async function contents(dir: string): Promise<ReadonlyMap<string, Buffer>> {
  const names = (await readdir(dir)).sort()
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(join(dir, name))] as const)),
  )
}

test('set, change, remove: the same keys open, by the password of the time only', async (t) => {
  const dir = await setUp(t)
  const plain = await loadServerKeys(dir)
  const opens = async (password: string | null): Promise<void> => {
    const keys = await loadServerKeys(dir, saying(password))
    t.is(hex(keys?.storeKey ?? MASTER.subarray(1)), hex(MASTER))
    t.is(hex(keys?.opaqueSetup ?? MASTER), hex(plain?.opaqueSetup ?? MASTER.subarray(1)))
    t.deepEqual(keys?.sik.publicKey.spki, plain?.sik.publicKey.spki)
  }
  const untouched = await contents(dir)
  t.is(await changeLaunchPassword(dir, saying(null), next(null)), 'none')
  t.deepEqual(await contents(dir), untouched)
  t.is(await changeLaunchPassword(dir, saying(null), next(FIRST)), 'set')
  await opens(FIRST)
  const all = Buffer.concat([...(await contents(dir)).values()])
  for (const secret of [MASTER, rsa3072(0).exportPkcs8(), plain?.opaqueSetup ?? MASTER]) {
    t.false(hex(all).includes(hex(secret.subarray(-32))))
  }
  t.is(await changeLaunchPassword(dir, saying(FIRST), next(SECOND)), 'set')
  await opens(SECOND)
  await opens(SECOND.normalize('NFD')) // another keyboard
  await t.throwsAsync(loadServerKeys(dir, saying(FIRST)), { code: 'E_AUTH', message: /^Wrong/ })
  t.is(await changeLaunchPassword(dir, saying(SECOND), next(null)), 'removed')
  await opens(null)
  t.is(await changeLaunchPassword(dir, saying(null), next(FIRST)), 'set')
  await opens(FIRST)
})

test('what is made with a launch password is sealed when it is made, and not a moment later', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'securechat-launch-'))
  t.teardown(() => rm(home, { recursive: true, force: true }))
  const dir = join(home, 'keys')
  const made = await makeServerKeys(dir, saying(FIRST), FIRST)
  const files = await contents(dir)
  for (const bytes of files.values()) t.regex(bytes.toString('latin1'), /-locked/)
  t.is((await readKey(join(dir, 'server.store-key'), SHAPE))?.k, 'server-store-key-locked')
  t.deepEqual((await loadServerKeys(dir, saying(FIRST)))?.srv, made.srv)
  await t.throwsAsync(loadServerKeys(dir), { code: 'E_AUTH' })
  await makeServerKeys(dir, saying(FIRST), FIRST)
  t.deepEqual(await contents(dir), files, 'made again it is the same')
  // a crash behind the first of them
  await rm(join(dir, 'server.identity'))
  await rm(join(dir, 'server.opaque'))
  await t.throwsAsync(makeServerKeys(dir), { code: 'E_AUTH' })
  t.deepEqual(await readdir(dir), ['server.store-key'])
  await makeServerKeys(dir, saying(FIRST))
  for (const bytes of (await contents(dir)).values()) t.regex(bytes.toString('latin1'), /-locked/)
})

test('a wrong or missing password, and a change that is given up, change no byte', async (t) => {
  const dir = await setUp(t)
  await changeLaunchPassword(dir, saying(null), next(FIRST))
  const before = await contents(dir)
  for (const wrong of [SECOND, '', null, `${FIRST} `]) {
    await t.throwsAsync(loadServerKeys(dir, saying(wrong)), { code: 'E_AUTH' })
    await t.throwsAsync(changeLaunchPassword(dir, saying(wrong), next(SECOND)), { code: 'E_AUTH' })
  }
  await t.throwsAsync(loadServerKeys(dir), { code: 'E_AUTH', message: /--launch-password-file/ })
  const givenUp = () => Promise.reject(new Error('Ctrl-C'))
  await t.throwsAsync(changeLaunchPassword(dir, saying(FIRST), givenUp), { message: 'Ctrl-C' })
  t.deepEqual(await contents(dir), before)
})

test('the third try of a person is as good as the first', async (t) => {
  const dir = await setUp(t)
  await changeLaunchPassword(dir, saying(null), next(FIRST))
  const tries = ['no', 'nor this', FIRST]
  t.not(await loadServerKeys(dir, (n) => Promise.resolve(tries[n] ?? null)), null)
})

test('a crash between any two steps leaves keys that the old password opens', async (t) => {
  const dir = await setUp(t)
  const before = await contents(dir)
  await changeLaunchPassword(dir, saying(null), next(FIRST))
  const after = await contents(dir)
  // the order of the steps: identity, opaque, store-key
  const steps = ['server.identity', 'server.opaque', 'server.store-key']
  for (let done = 0; done <= steps.length; done++) {
    for (const [i, name] of steps.entries()) {
      const bytes = (i < done ? after : before).get(name) ?? Buffer.alloc(0)
      await writeFile(join(dir, name), bytes)
    }
    // a temporary file that a crash left is in nobody's way
    await writeFile(join(dir, `server.store-key.${String(done)}.tmp`), 'half')
    const password = done === steps.length ? FIRST : null
    t.not(await loadServerKeys(dir, saying(password)), null, String(done))
  }
})

test('a file that cannot be replaced leaves nothing half-made, and the old password goes on', async (t) => {
  const dir = await setUp(t)
  await changeLaunchPassword(dir, saying(null), next(FIRST))
  const before = await contents(dir)
  // the name that the new file would be renamed to cannot be replaced by a file
  await rm(join(dir, 'server.store-key'))
  await mkdir(join(dir, 'server.store-key'))
  await t.throwsAsync(replaceKey(join(dir, 'server.store-key'), { k: 'x' }), { code: 'E_FILE' })
  t.deepEqual(await readdir(dir), ['server.identity', 'server.opaque', 'server.store-key'])
  await rm(join(dir, 'server.store-key'), { recursive: true })
  await writeFile(join(dir, 'server.store-key'), before.get('server.store-key') ?? '')
  t.not(await loadServerKeys(dir, saying(FIRST)), null)
})

test('keys of different backups, changed parameters and too costly ones are refused', async (t) => {
  const dir = await setUp(t)
  await changeLaunchPassword(dir, saying(null), next(FIRST))
  const path = join(dir, 'server.store-key')
  await replaceKey(path, await lockMaster(Buffer.alloc(32, 9), FIRST))
  await t.throwsAsync(loadServerKeys(dir, saying(FIRST)), {
    code: 'E_CORRUPT',
    message: /different backups/,
  })
  const good = await lockMaster(MASTER, FIRST)
  await replaceKey(path, { ...good, p: 2 })
  await t.throwsAsync(loadServerKeys(dir, saying(FIRST)), { code: 'E_AUTH' })
  for (const bad of [
    { ...good, n: 30 },
    { ...good, r: 1024 },
    { ...good, salt: Buffer.alloc(8) },
    { ...good, more: 1 },
  ]) {
    await replaceKey(path, bad)
    await t.throwsAsync(loadServerKeys(dir, saying(FIRST)), { code: 'E_CORRUPT' })
  }
  await replaceKey(path, good)
  t.not(await loadServerKeys(dir, saying(FIRST)), null)
  await rm(path) // it must never be made anew beside keys that it opened
  t.is(await loadServerKeys(dir, saying(FIRST)), null)
  await t.throwsAsync(changeLaunchPassword(dir, saying(FIRST), next(SECOND)), { code: 'E_CONFIG' })
})

test('where it comes from: a file, else a descriptor, else the credential of systemd', async (t) => {
  const dir = await setUp(t)
  const file = join(dir, 'password')
  await writeFile(file, 'from the file\nsecond line\n')
  await writeFile(join(dir, 'launch-password'), 'from systemd')
  const env = { CREDENTIALS_DIRECTORY: dir }
  const none = { launchPasswordFile: null, launchPasswordFd: null }
  const given = launchPasswordOf({ ...none, launchPasswordFile: file }, env)
  t.is(await given(0), 'from the file')
  t.is(await given(1), null)
  t.is(await launchPasswordOf(none, env)(0), 'from systemd')
  t.is(await launchPasswordOf(none, {})(0), null)
  t.is(await launchPasswordOf(none, { CREDENTIALS_DIRECTORY: join(dir, 'x') })(0), null)
  const missing = launchPasswordOf({ ...none, launchPasswordFile: join(dir, 'none') }, env)
  await t.throwsAsync(missing(0), { code: 'E_FILE' })
  await writeFile(file, '')
  await t.throwsAsync(given(0), { code: 'E_FILE' })
})

test('what is too short, too long or no line is no launch password', (t) => {
  t.is(launchPasswordProblem('a b c d e f g'), null)
  for (const bad of ['', 'short', 'eleven char', 'x'.repeat(1025), 'two\nlines and more']) {
    t.is(typeof launchPasswordProblem(bad), 'string', bad)
  }
})

test('a new launch password: its file, and the backups of before, are called to mind', (t) => {
  const file = passwdLines('set', '/etc/securechat/launch-password').join('\n')
  t.regex(file, /from \/etc\/securechat\/launch-password at its start: that must hold the new one/)
  t.regex(passwdLines('set', null).join('\n'), /LoadCredential=launch-password/)
  for (const outcome of ['set', 'removed'] as const) {
    t.regex(passwdLines(outcome, null).join('\n'), /Backups made before/)
  }
  t.regex(passwdLines('none', null).join('\n'), /Nothing was changed/)
})

test('words of passwd', (t) => {
  t.like(passwdWords([]), { isRemoval: false, newFile: undefined, newFd: undefined, rest: [] })
  t.deepEqual(passwdWords(['--keys', 'k', '--new-password-file', 'f', '--debug']).rest, [
    '--keys',
    'k',
    '--debug',
  ])
  t.is(passwdWords(['--new-password-file=f']).newFile, 'f')
  t.is(passwdWords(['--new-password-fd', '3']).newFd, 3)
  t.true(passwdWords(['--remove']).isRemoval)
  for (const bad of [
    ['--new-password-file'],
    ['--new-password-file='],
    ['--new-password-fd', 'x'],
    ['--remove=yes'],
    ['--remove', '--new-password-fd', '3'],
  ]) {
    t.throws(() => passwdWords(bad), { code: 'E_USAGE' }, bad.join(' '))
  }
})
