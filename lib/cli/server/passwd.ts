// securechat-server passwd: sets, changes or removes the launch password. Needs no running server and disturbs none: what
// it replaces is read at the next start.
import { parseArgs } from 'node:util'
import { resolve } from 'node:path'

import { fail } from '../../util/errors.ts'
import { passwordFrom } from '../client/password-source.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { changeLaunchPassword } from './identity.ts'
import {
  atTerminal,
  launchPasswordOrAsk,
  launchPasswordProblem,
  newLaunchPassword,
} from './launch-password.ts'
import { refuseRoot } from './refuse-root.ts'
import type { ServerSettings } from './settings.ts'

export interface PasswdWords {
  readonly isRemoval: boolean
  readonly newFile: string | undefined
  readonly newFd: number | undefined
  /** For the parser of the settings. */
  readonly rest: readonly string[]
}

/** @throws E_USAGE */
export function passwdWords(argv: readonly string[]): PasswdWords {
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false,
    tokens: true,
    options: { 'new-password-file': { type: 'string' }, 'new-password-fd': { type: 'string' } },
  })
  const mine = new Set<number>()
  const found = { isRemoval: false, newFile: undefined as string | undefined, newFd: -1 }
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const { name, value, index, inlineValue } = token
    if (!['remove', 'new-password-file', 'new-password-fd'].includes(name)) continue
    mine.add(index)
    if (name === 'remove') {
      if (value !== undefined) fail('E_USAGE', '--remove takes no value.')
      found.isRemoval = true
      continue
    }
    if (value === undefined || value === '') fail('E_USAGE', `--${name} needs a value.`)
    if (!inlineValue) mine.add(index + 1)
    if (name === 'new-password-file') found.newFile = value
    else if (/^\d{1,4}$/.test(value)) found.newFd = Number(value)
    else fail('E_USAGE', '--new-password-fd takes the number of an open descriptor.')
  }
  const newFd = found.newFd < 0 ? undefined : found.newFd
  const ways = [found.isRemoval, found.newFile !== undefined, newFd !== undefined]
  if (ways.filter(Boolean).length > 1) {
    fail('E_USAGE', 'One of --remove, --new-password-file and --new-password-fd is enough.')
  }
  return { ...found, newFd, rest: argv.filter((_, index) => !mine.has(index)) }
}

export async function passwd(words: PasswdWords, settings: ServerSettings): Promise<ExitCode> {
  await refuseRoot(settings)
  const next = async (): Promise<string | null> => {
    if (words.isRemoval) return null
    const { newFile, newFd } = words
    const passwordFile = newFile === undefined ? undefined : resolve(newFile)
    const given = await passwordFrom({ passwordFile, passwordFd: newFd })
    if (given === undefined) return askNew()
    const problem = launchPasswordProblem(given)
    return problem === null ? given : fail('E_CONFIG', problem)
  }
  if (!words.isRemoval && words.newFile === undefined && words.newFd === undefined) {
    if (!atTerminal()) {
      fail(
        'E_USAGE',
        'Without a terminal, passwd needs --new-password-file FILE, --new-password-fd N or --remove.',
      )
    }
  }
  const outcome = await changeLaunchPassword(settings.keys, launchPasswordOrAsk(settings), next)
  for (const line of passwdLines(outcome, settings.launchPasswordFile)) {
    process.stdout.write(`${line}\n`)
  }
  return EXIT.ok
}

/** What became of it, and what else has to follow. `file`: where the settings say that the password stands. */
export function passwdLines(outcome: 'set' | 'removed' | 'none', file: string | null): string[] {
  switch (outcome) {
    case 'none':
      return ['There is no launch password. Nothing was changed.']
    case 'removed':
      return [
        'The launch password is removed: the server starts without a question.',
        'Backups made before still need it.',
      ]
    case 'set':
      return [
        'The launch password is set. Without it these keys open nothing: keep it elsewhere, too.',
        file === null
          ? 'A file that gives it at the start, as LoadCredential=launch-password of a unit names one, must hold the new one.'
          : `The server reads it from ${file} at its start: that must hold the new one.`,
        'Backups made before open as they did, with the old one or with none.',
      ]
  }
}

async function askNew(): Promise<string> {
  const { openTerminal } = await import('../client/terminal-setup.ts')
  const { tty, prompts } = openTerminal()
  try {
    return await prompts.form((form) => newLaunchPassword(form, 'New launch password:'))
  } finally {
    tty.close()
  }
}
