// Where the launch password of a server comes from: a file, a descriptor, a systemd credential, or the person at the
// terminal - never the command line, and no variable either, since every child and `systemctl show` would see it.
import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { passwordFrom } from '../client/password-source.ts'
import type { Form } from '../prompts.ts'
import type { LaunchPassword } from './master-key.ts'
import type { ServerSettings } from './settings.ts'

const ATTEMPTS = 3
/** Of whatever opens all keys of a server. */
export const PASSWORD_MIN_CHARS = 12
const MAX_CHARS = 1024
/** Below $CREDENTIALS_DIRECTORY; systemd.exec(5), LoadCredential. */
const CREDENTIAL = 'launch-password'

type Where = Pick<ServerSettings, 'launchPasswordFile' | 'launchPasswordFd'>

/** Asks nobody: for starts without a person. */
export function launchPasswordOf(
  { launchPasswordFile, launchPasswordFd }: Where,
  env: Readonly<Record<string, string | undefined>> = process.env,
): LaunchPassword {
  return async (attempt) => {
    if (attempt > 0) return null
    const file = launchPasswordFile ?? (launchPasswordFd === null ? credentialOf(env) : undefined)
    const given = { passwordFile: file, passwordFd: launchPasswordFd ?? undefined }
    return (await passwordFrom(given)) ?? null
  }
}

/** As launchPasswordOf; a person at a terminal is asked when nothing else was given. */
export function launchPasswordOrAsk(where: Where): LaunchPassword {
  const given = launchPasswordOf(where)
  return async (attempt) => {
    if (isGiven(where) || !atTerminal()) return given(attempt)
    if (attempt >= ATTEMPTS) return null
    if (attempt > 0) process.stdout.write('Wrong launch password.\n')
    const { openTerminal } = await import('../client/terminal-setup.ts')
    const { tty, prompts } = openTerminal()
    try {
      return await prompts.password({ message: 'Launch password:' })
    } finally {
      tty.close()
    }
  }
}

/** Asks nobody twice. */
export function remembered(password: LaunchPassword): LaunchPassword {
  const answers = new Map<number, Promise<string | null>>()
  return (attempt) => {
    const known = answers.get(attempt) ?? password(attempt)
    answers.set(attempt, known)
    return known
  }
}

/** Typed twice. Nobody sees which of the two was mistyped: both are asked again then. */
export async function newLaunchPassword(form: Form, message: string): Promise<string> {
  for (let question = message; ; question = `They were not the same. ${message}`) {
    const password = await form.password({
      message: question,
      validate: (text) => launchPasswordProblem(text) ?? true,
    })
    const again = await form.password({ message: 'The same again:' })
    if (again === password) return password
  }
}

/** By file, descriptor or credential. */
export function isGiven({ launchPasswordFile, launchPasswordFd }: Where): boolean {
  const isNamed = launchPasswordFile !== null || launchPasswordFd !== null
  return isNamed || credentialOf(process.env) !== undefined
}

export function atTerminal(): boolean {
  return process.stdin.isTTY && process.stdout.isTTY
}

/** What is wrong with a new launch password; null: nothing. */
export function launchPasswordProblem(password: string): string | null {
  const length = Array.from(password).length
  if (length < PASSWORD_MIN_CHARS)
    return `A launch password has at least ${PASSWORD_MIN_CHARS} characters.`
  if (length > MAX_CHARS) return `A launch password has at most ${MAX_CHARS} characters.`
  // it must be possible to write it into a file, as one line
  return /\p{Cc}/u.test(password) ? 'A launch password holds no control characters.' : null
}

function credentialOf(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const folder = env['CREDENTIALS_DIRECTORY']
  if (folder === undefined || folder === '') return undefined
  const path = join(folder, CREDENTIAL)
  return existsSync(path) ? path : undefined
}
