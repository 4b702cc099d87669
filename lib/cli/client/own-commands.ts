// Commands about what the account itself is: its devices, names, password, key files, its record on the server, its end.
// The forms and the words are here, not what they do.
import { rm } from 'node:fs/promises'

import type { Purgeable } from '../../client/account-api.ts'
import { RecoveryCode } from '../../envelope/recovery-code.ts'
import { parseUsername } from '../../protocol/names.ts'
import { codeOf, fail } from '../../util/errors.ts'
import { isolate, safeInline, safeName } from '../sanitise.ts'
import {
  checkName,
  confirmRecoveryCode,
  formsOf,
  newPassword,
  signedIn,
} from './account-commands.ts'
import type { App } from './app.ts'
import { isGroupName } from './chat-words.ts'
import { longDate } from './format.ts'
import { renameGroup } from './group-commands.ts'
import { createLoginKey } from './key-file.ts'
import { userArgument } from './parse.ts'

/** What a script does instead of typing. */
const INSTEAD = '--username NAME'

/** Runs `work` with the password of the account: typed, or given to a script. */
function withPassword(app: App, work: (password: string) => Promise<void>): Promise<void> {
  return app.front.form(async () => {
    const given = await app.givenPassword()
    const password = given ?? (await formsOf(app, INSTEAD).password({ message: 'Your password:' }))
    try {
      await work(password)
    } catch (error) {
      if (codeOf(error) !== 'E_AUTH') throw error
      fail('E_AUTH', 'That is not your password. Nothing was changed.', error)
    }
  })
}

function numberOf(typed: string | undefined, usage: string): number {
  const number = Number(typed)
  return Number.isInteger(number) && number > 0 ? number : fail('E_USAGE', `Usage: ${usage}`)
}

export async function devices(app: App, [verb, typed]: readonly string[]): Promise<void> {
  const { account } = app.requireSession()
  if (verb === undefined) {
    app.front.rows('*', [
      'Devices of this account:',
      ...account.devices().map(({ number, dev, addedAt, isThis }) => {
        const mark = isThis ? '   (this one)' : ''
        return `  [${String(number)}] ${dev.slice(0, 8)}  added ${longDate(addedAt)}${mark}`
      }),
      'Lost one? !devices revoke NUMBER cuts it off from everything later.',
    ])
    return
  }
  if (verb !== 'revoke') fail('E_USAGE', 'Usage: !devices revoke NUMBER')
  const number = numberOf(typed, '!devices revoke NUMBER')
  const device = account.devices().find((each) => each.number === number)
  if (device === undefined)
    fail('E_NOT_FOUND', `There is no device ${String(number)}: !devices lists them.`)
  if (device.isThis) fail('E_USAGE', 'That is this device. !logout leaves with it.')
  await withPassword(app, async (password) => {
    await account.revokeDevice(number, password)
    app.front.row(
      '*',
      `Device ${device.dev.slice(0, 8)} is removed: it is logged out and reads nothing written from now on. What it had already, it keeps. If it was stolen, change your password: !passwd`,
    )
  })
}

export function passwd(app: App): Promise<void> {
  const { account, me } = app.requireSession()
  return withPassword(app, async (current) => {
    const forms = formsOf(app, INSTEAD)
    await account.checkPassword(current) // before somebody thinks of a new one
    const next = await newPassword(app, forms, [me.user, me.displayName])
    await account.changePassword(current, next)
    app.front.row(
      '*',
      'The password is changed. Your devices stay signed in; the recovery code stays valid.',
    )
  })
}

export function newRecovery(app: App): Promise<void> {
  const { account } = app.requireSession()
  return withPassword(app, async (password) => {
    const forms = formsOf(app, INSTEAD)
    await account.newRecoveryCode(password, (code) => confirmRecoveryCode(app, forms, code))
    app.front.row('*', 'The new recovery code is valid, the old one opens nothing any more.')
  })
}

function checkCode(typed: string): true | string {
  try {
    RecoveryCode.parse(typed)
    return true
  } catch (error) {
    return error instanceof Error ? error.message : 'That is no recovery code.'
  }
}

/** Logged in: another recovery code. Before: the way back in. */
export function recovery(app: App, [typed]: readonly string[]): Promise<void> {
  if (app.session !== null) return newRecovery(app)
  return app.front.form(async () => {
    const forms = formsOf(app, '--username NAME')
    await app.lobby() // a server that is away is told before anything is asked
    const asked = typed ?? (await forms.text({ message: 'Username:', validate: checkName }))
    const username = parseUsername(userArgument(asked.trim()))
    const recoveryCode = await forms.text({
      message: 'Recovery code (six groups of five):',
      validate: checkCode,
    })
    app.front.row('*', 'A new password takes the place of the forgotten one.')
    const newOne = await newPassword(app, forms, [username])
    const lock = app.lock ? ({ lock: 'password' } as const) : {}
    const lobby = await app.lobby()
    signedIn(app, await lobby.recover({ username, recoveryCode, newPassword: newOne, ...lock }))
    app.front.row('*', 'Your password is changed. The recovery code stays valid: keep it.')
  })
}

export async function rename(app: App, args: readonly string[]): Promise<void> {
  const [name = '', more] = args
  if (isGroupName(name)) return renameGroup(app, args)
  if (more !== undefined) fail('E_USAGE', 'Usage: !rename NAME, or !rename #GROUP NAME')
  const session = app.requireSession()
  const before = session.me.user
  const next = parseUsername(userArgument(name)) // before the password is asked
  if (next === before) fail('E_USAGE', 'That is your name already.')
  return withPassword(app, async (password) => {
    await session.account.rename(next, password)
    app.enterName()
    app.front.row(
      '*',
      `You are ${session.me.user} now, the same identity. @${before} is never given to anybody else; your contacts follow.`,
    )
  })
}

export async function nick(app: App, words: readonly string[]): Promise<void> {
  const session = app.requireSession()
  const typed = words.join(' ')
  if (typed === '') {
    const { displayName } = session.me
    app.front.row(
      '*',
      displayName === ''
        ? 'You have no full name. !nick TEXT sets one.'
        : `Your contacts see ${isolate(safeName(displayName))} beside your username. !nick TEXT changes it, !nick off takes it away.`,
    )
    return
  }
  const text = typed.toLowerCase() === 'off' ? '' : typed
  await session.account.setDisplayName(text)
  app.front.row(
    '*',
    text === ''
      ? 'Your full name is taken away.'
      : `Your contacts see ${isolate(safeName(text))} beside your username. The server does not.`,
  )
}

export async function profile(app: App): Promise<void> {
  const session = app.requireSession()
  const p = await session.account.profile()
  const former = p.formerNames.map((name) => `@${name}`).join(', ')
  app.front.rows('*', [
    `Username:  ${p.user}${former === '' ? '' : ` (formerly ${former})`}`,
    `Full name: ${p.displayName === '' ? 'none (!nick TEXT)' : isolate(safeName(p.displayName))}`,
    `E-mail:    ${p.email === undefined ? 'unknown while offline' : p.email === null ? 'none' : isolate(safeInline(p.email))}`,
    `Devices:   ${String(p.devices)}, login keys: ${String(p.loginKeys)}`,
    `Others are told when you read their messages: ${p.readReceipts ? 'yes' : 'no'}`,
    `Your link: ${session.me.uri}`,
  ])
}

export async function privacy(app: App, [verb, what]: readonly string[]): Promise<void> {
  const { account } = app.requireSession()
  if (verb === undefined) {
    const items = await account.stored()
    app.front.rows('*', [
      'What the server stores about you (sealed: it cannot read it):',
      ...items.map(({ what: name, how, detail, purge }) => {
        const hint = purge === undefined ? '' : `   !privacy purge ${purge}`
        return `  ${how.padEnd(7)}${name}: ${detail}${hint}`
      }),
      '!deleteaccount removes all of it but your names, which stay reserved.',
    ])
    return
  }
  if (verb !== 'purge' || (what !== 'email' && what !== 'files')) {
    fail('E_USAGE', 'Usage: !privacy purge email, or !privacy purge files')
  }
  const purged: Purgeable = what
  const count = await account.purge(purged)
  app.front.row(
    '*',
    count === 0 ? 'There was nothing to take back.' : `Taken back: ${String(count)}.`,
  )
}

export async function loginKey(app: App, [first, second]: readonly string[]): Promise<void> {
  const { account } = app.requireSession()
  if (first === undefined) {
    const keys = account.loginKeys()
    app.front.rows('*', [
      keys.length === 0 ? 'There is no login key. !loginkey FILE makes one.' : 'Login keys:',
      ...keys.map(({ number, id }) => `  [${String(number)}] ${id.slice(0, 16)}`),
    ])
    return
  }
  if (first === 'remove') {
    const number = numberOf(second, '!loginkey remove NUMBER')
    await withPassword(app, async (password) => {
      await account.removeLoginKey(number, password)
      app.front.row('*', 'That key opens nothing any more.')
    })
    return
  }
  if (second !== undefined) fail('E_USAGE', 'Usage: !loginkey FILE')
  await withPassword(app, async (password) => {
    const file = await createLoginKey(first)
    try {
      await file.write(await account.makeLoginKey(password))
    } catch (error) {
      await rm(first, { force: true })
      throw error
    } finally {
      await file.close()
    }
    app.front.row(
      '*',
      `${isolate(safeInline(first))} logs in without the password: !login --key FILE. Whoever has it has your account.`,
    )
  })
}

export function deleteAccount(app: App): Promise<void> {
  const session = app.requireSession()
  const { user } = session.me
  return app.front.form(async () => {
    const forms = formsOf(app, INSTEAD)
    app.front.rows('!', [
      `This deletes the account ${user} on the server, for all devices, and everything of it on this one.`,
      'Nobody can bring it back. Nobody will ever get its name, you neither.',
    ])
    if (!(await forms.confirm('Delete the account?', false))) fail('E_CANCELLED')
    await forms.text({
      message: `Type ${user} to delete it for good:`,
      validate: (typed) => (typed.trim() === user ? true : `That is not ${user}. Ctrl-C keeps it.`),
    })
    const password = await forms.password({ message: 'Your password:' })
    await session.account.delete(password)
    app.leave(session)
    app.front.row('*', `The account ${user} is deleted.`)
  })
}
