// One process per data folder. Node has no flock(2), so a helper program takes the kernel's lock on a descriptor that it
// inherits from us: the lock belongs to the open file, which stays ours when the helper has gone, and the kernel drops it
// with our last breath (kill -9 included). No pid files, nothing to clean up, no race between two starters.
import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { utf8 } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import { errnoOf, FILE_MODE, isDiskFull, readFully, writeFully } from './durable.ts'

/** A program that locks its descriptor 3 without waiting. It exits with 0 (locked) or 1 (somebody else has the lock). */
export interface LockHelper {
  readonly command: string
  readonly args: readonly string[]
}

const PERL =
  'use Fcntl ":flock"; open(my $f, "+>>&=3") or exit 2; exit 0 if flock($f, LOCK_EX|LOCK_NB); exit($!{EWOULDBLOCK} ? 1 : 2)'
const PYTHON = `import fcntl, sys
try: fcntl.flock(3, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError: sys.exit(1)`

/** util-linux and BusyBox have the first, every Debian and macOS the second. */
export const LOCK_HELPERS: readonly LockHelper[] = [
  { command: 'flock', args: ['-xn', '3'] },
  { command: 'perl', args: ['-e', PERL] },
  { command: 'python3', args: ['-Ic', PYTHON] },
]

export interface LockOptions {
  /** Who holds the lock, for the message to whom it is refused ("securechat-server, process 4711"). */
  readonly holder?: string
  readonly helpers?: readonly LockHelper[]
}

export interface FolderLock {
  release(): Promise<void>
}

const LOCK = 'LOCK'
const UNKNOWN = 'another process'
const LOCKED = 0
const REFUSED = 1

/**
 * A child that any thread of the last holder has just forked keeps that holder's lock until it runs its own program, a moment
 * after the holder has let go: one refusal is none.
 */
const TRIES = 10

/** The helper's exit code; null when it could not be run or was killed. */
function run(helper: LockHelper, fd: number): Promise<number | null> {
  return new Promise((resolve) => {
    const stdio = ['ignore', 'ignore', 'ignore', fd] as const
    const child = spawn(helper.command, helper.args, { stdio: [...stdio] })
    child.once('error', () => {
      resolve(null)
    })
    child.once('exit', resolve)
  })
}

/** Who wrote itself into the file LOCK, for people: a process that is gone still stands there. */
export async function holderOf(dir: string): Promise<string> {
  try {
    const file = await open(join(dir, LOCK), constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      const text = (await readFully(file, 100, 0)).toString('latin1')
      return text.replace(/[^ -~]/g, '').trim() || UNKNOWN
    } finally {
      await file.close()
    }
  } catch {
    return UNKNOWN
  }
}

async function takeLock(file: FileHandle, dir: string, options: LockOptions): Promise<void> {
  for (const helper of options.helpers ?? LOCK_HELPERS) {
    let code = await run(helper, file.fd)
    for (let i = 1; i < TRIES && code === REFUSED; i++) code = await run(helper, file.fd)
    if (code === LOCKED) return
    if (code === REFUSED) {
      const holder = await holderOf(dir)
      fail(
        'E_LOCKED',
        `${dir} is in use by ${holder}. Stop it first, or start with another data folder.`,
      )
    }
  }
  fail(
    'E_STORE',
    `Could not lock ${dir}: this needs the program flock (package util-linux), perl or python3, ` +
      'and a file system that knows locks. Without a lock two programs could destroy the data.',
  )
}

/** The folder exists. Rejects with E_LOCKED when another process has it. */
export async function lockFolder(dir: string, options: LockOptions = {}): Promise<FolderLock> {
  const path = join(dir, LOCK)
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW
  for (;;) {
    const file = await open(path, flags, FILE_MODE)
    try {
      await takeLock(file, dir, options)
      // the file is never removed by us, but somebody might: a lock on a file without a name protects nothing
      const [ours, named] = await Promise.all([file.stat(), stat(path).catch(missingIsNull)])
      if (named?.ino !== ours.ino || named.dev !== ours.dev) {
        await file.close()
        continue
      }
      await nameHolder(file, options.holder ?? '')
      return { release: () => file.close() }
    } catch (error) {
      await file.close()
      throw error
    }
  }
}

/** For people only, so a full disk is no reason to refuse the start. */
async function nameHolder(file: FileHandle, holder: string): Promise<void> {
  try {
    await file.truncate(0)
    await writeFully(file, utf8(holder), 0)
  } catch (error) {
    if (!isDiskFull(error)) throw error
  }
}

function missingIsNull(error: unknown): null {
  if (errnoOf(error) === 'ENOENT') return null
  throw error
}
