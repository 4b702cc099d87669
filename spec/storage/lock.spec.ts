import { chmod, mkdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import test from 'ava'

import { LOCK_HELPERS, lockFolder } from '../../lib/storage/lock.ts'
import { openNedbStore } from '../../lib/storage/nedb/store.ts'
import { silentLog } from '../../lib/util/log.ts'
import { SettableClock, temporaryFolder } from './helpers.ts'
import { program } from './programs.ts'

const [flock] = LOCK_HELPERS

test('a folder has one holder; the refusal names the folder and the holder', async (t) => {
  const dir = await temporaryFolder(t)
  const lock = await lockFolder(dir, { holder: 'securechat-server, process 12' })
  const error = await t.throwsAsync(lockFolder(dir), { code: 'E_LOCKED' })
  t.true(error?.message.includes(dir))
  t.true(error?.message.includes('securechat-server, process 12'))
  await lock.release()
  await (await lockFolder(dir)).release()
})

test('of ten starters at once exactly one gets the folder', async (t) => {
  const dir = await temporaryFolder(t)
  const all = await Promise.allSettled(Array.from({ length: 10 }, () => lockFolder(dir)))
  const winners = all.flatMap((r) => (r.status === 'fulfilled' ? [r.value] : []))
  t.is(winners.length, 1)
  for (const winner of winners) await winner.release()
})

test('the lock of a killed process is free at once', async (t) => {
  t.timeout(120_000)
  const dir = await temporaryFolder(t)
  const options = { dir, clock: new SettableClock(), log: silentLog }
  const { exited } = program('traffic', [dir, '0'], [], (line, child) => {
    if (line !== 'open') return
    // the program holds it now: we are refused, it dies, we are let in
    void t.throwsAsync(openNedbStore(options), { code: 'E_LOCKED' }).then(() => {
      child.kill('SIGKILL')
    })
  })
  t.is(await exited, null)
  const store = await openNedbStore(options)
  t.is(await store.health(), 'ok')
  await store.close()
})

test('every helper that this machine has takes the same lock', async (t) => {
  const dir = await temporaryFolder(t)
  const lock = await lockFolder(dir)
  for (const helper of LOCK_HELPERS) {
    // a helper that is not installed gives no answer, which is not the same as giving the lock
    const error = await t.throwsAsync(lockFolder(dir, { helpers: [helper] }))
    t.true(error !== undefined && 'code' in error && error.code !== undefined)
  }
  await lock.release()
})

test('a missing helper is passed over; without any the answer says what is needed', async (t) => {
  const dir = await temporaryFolder(t)
  const missing = { command: 'securechat-no-such-program', args: [] }
  const failing = { command: 'sh', args: ['-c', 'exit 9'] }
  const working = flock ?? missing
  await (await lockFolder(dir, { helpers: [missing, failing, working] })).release()
  const error = await t.throwsAsync(lockFolder(dir, { helpers: [missing, failing] }), {
    code: 'E_STORE',
  })
  t.true(error?.message.includes('flock'))
})

test('a lock on a file that has lost its name is not taken for a lock', async (t) => {
  const dir = await temporaryFolder(t)
  const helper = flock ?? { command: '', args: [] }
  let runs = 0
  // between opening and locking somebody moves the file away, once
  const moving = {
    command: 'sh',
    get args() {
      const move = runs++ === 0 ? `mv ${join(dir, 'LOCK')} ${join(dir, 'moved')} &&` : ''
      return ['-c', `${move} exec ${helper.command} ${helper.args.join(' ')}`]
    },
  }
  const lock = await lockFolder(dir, { helpers: [moving] })
  t.is(runs, 2)
  await t.throwsAsync(lockFolder(dir), { code: 'E_LOCKED' })
  await lock.release()
})

test('a symbolic link is not followed, and the lock file is private', async (t) => {
  const dir = await temporaryFolder(t)
  await (await lockFolder(dir)).release()
  t.is((await stat(join(dir, 'LOCK'))).mode & 0o777, 0o600)
  await rm(join(dir, 'LOCK'))
  await symlink(join(dir, 'elsewhere'), join(dir, 'LOCK'))
  await t.throwsAsync(lockFolder(dir))
  await t.throwsAsync(stat(join(dir, 'elsewhere')), { code: 'ENOENT' })
})

test('a holder that is no plain text is not passed on to a terminal', async (t) => {
  const dir = await temporaryFolder(t)
  const lock = await lockFolder(dir)
  await writeFile(join(dir, 'LOCK'), '\u001b[31mred\u0007')
  const error = await t.throwsAsync(lockFolder(dir), { code: 'E_LOCKED' })
  t.regex(error?.message ?? '', /^[ -~]+$/)
  await lock.release()
})

test('a folder that was moved stays locked under its new name', async (t) => {
  const parent = await temporaryFolder(t)
  await mkdir(join(parent, 'a'))
  const lock = await lockFolder(join(parent, 'a'))
  await rename(join(parent, 'a'), join(parent, 'b'))
  await t.throwsAsync(lockFolder(join(parent, 'b')), { code: 'E_LOCKED' })
  await lock.release()
  await chmod(join(parent, 'b'), 0o700)
})
