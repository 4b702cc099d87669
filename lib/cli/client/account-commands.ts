// Commands about one's own account: sign up, log in, log out, keys, status. The forms are here, not what they do.
import type { Session, Unauthenticated } from '../../client/api.ts'
import { isUsername } from '../../protocol/names.ts'
import { codeOf, fail, SecureChatError } from '../../util/errors.ts'
import { nameInBrackets } from '../sanitise.ts'
import type { App } from './app.ts'
import { firstSteps } from './first-steps.ts'
import type { Forms } from './front.ts'
import { readLoginKey } from './key-file.ts'
import { userArgument } from './parse.ts'
import { passwordStrength } from './password-strength.ts'
import { age, duration } from './format.ts'

const NAME_RULE = '3 to 32 of a-z 0-9 . _ -, beginning with a letter, and not a reserved word'

export function formsOf(app: App, instead: string): Forms {
  return (
    app.front.forms ??
    fail('E_USAGE', `There is no terminal to ask on. Start with ${instead} --password-file FILE.`)
  )
}

export function checkName(name: string): true | string {
  return isUsername(name.trim().toLowerCase()) ? true : `A username has ${NAME_RULE}.`
}

/** Asks until two equal, good passwords were typed. */
export async function newPassword(
  app: App,
  forms: Forms,
  context: readonly string[],
): Promise<string> {
  for (;;) {
    const password = await forms.password({
      message: 'Password (12 characters or more):',
      validate: async (typed) => {
        const strength = await passwordStrength(typed, context)
        return strength.ok ? true : strength.reason
      },
    })
    const strength = await passwordStrength(password, context)
    if (strength.ok) app.front.row('*', `Strength: ${strength.word}.`)
    if ((await forms.password({ message: 'The same password again:' })) === password) {
      return password
    }
    app.front.row('!', 'The two passwords differ. Once more.')
  }
}

/** What `!register` and the start page do. */
export function register(app: App, [typed]: readonly string[]): Promise<void> {
  return app.front.form(() => registerForm(app, typed))
}

async function registerForm(app: App, typed: string | undefined): Promise<void> {
  const forms = formsOf(app, '--register --username NAME')
  const lobby = await app.lobby()
  const { registration, email } = lobby.server
  if (registration === 'closed') fail('E_STATE', 'This server does not take new accounts.')
  const invite =
    registration === 'invite' ? (await forms.text({ message: 'Invitation code:' })).trim() : ''
  const username = await freeName(app, typed, invite)
  const displayName = (await forms.text({ message: 'Full name (optional, Enter skips):' })).trim()
  const contact =
    email === 'required'
      ? (
          await forms.text({ message: 'E-mail (this server asks for one; its operator sees it):' })
        ).trim()
      : ''
  const password = await newPassword(app, forms, [username, displayName])
  await finishRegistration(app, {
    username,
    password,
    displayName,
    invite,
    email: contact,
    confirmCode: (code) => confirmRecoveryCode(app, forms, code),
  })
}

/** Asks until it is a name that nobody has: before a person thinks of a password for it. */
async function freeName(app: App, typed: string | undefined, invite: string): Promise<string> {
  const forms = formsOf(app, '--register --username NAME')
  for (;;) {
    const asked =
      typed ??
      (await forms.text({ message: 'Username (3 to 32 of a-z 0-9 . _ -):', validate: checkName }))
    const username = userArgument(asked.trim())
    if (checkName(username) !== true) fail('E_USAGE', `A username has ${NAME_RULE}.`)
    try {
      const lobby = await app.lobby()
      await lobby.checkName(username, invite === '' ? undefined : invite)
      return username
    } catch (error) {
      if (typed !== undefined || codeOf(error) !== 'E_TAKEN') throw error
      app.showError(error)
    }
  }
}

export interface NewAccount {
  readonly username: string
  readonly password: string
  readonly displayName: string
  readonly invite: string
  readonly email: string
  /** Shows the recovery code, once. */
  readonly confirmCode: (code: string) => Promise<void> | void
}

/** Shared by the form and by `--register`. */
export async function finishRegistration(app: App, account: NewAccount): Promise<void> {
  const lobby = await app.lobby()
  const { session } = await lobby.register({
    username: account.username,
    password: account.password,
    lock: app.lock ? 'password' : 'device',
    onRecoveryCode: account.confirmCode,
    ...(account.displayName === '' ? {} : { displayName: account.displayName }),
    ...(account.invite === '' ? {} : { invite: account.invite }),
    ...(account.email === '' ? {} : { email: account.email }),
  })
  app.front.row('*', `Welcome, ${session.me.user}. Type !help, or @name and a message.`)
  firstSteps(app, lobby.server, session.me.user)
  app.enter(session)
}

export async function confirmRecoveryCode(app: App, forms: Forms, code: string): Promise<void> {
  app.front.rows('*', [
    'Recovery code. It is shown once, and nobody else has it: write it down.',
    'With it you get in when the password is forgotten; no server can help then.',
    '',
    `      ${code}`,
    '',
  ])
  const groups = code.split(/[\s-]+/)
  const second = groups[1] ?? code
  await forms.text({
    message: 'Type the second group to show that you have it:',
    validate: (typed) =>
      typed.trim().toLowerCase() === second.toLowerCase() ? true : 'That is not the second group.',
  })
}

/** `password`: given with the start of the program; else it is looked up there, else asked for. */
export function login(
  app: App,
  [typed, path]: readonly string[],
  password?: string,
): Promise<void> {
  if (typed === '--key') {
    return loginWithKey(app, path ?? fail('E_USAGE', 'Usage: !login --key FILE'))
  }
  if (path !== undefined) fail('E_USAGE', 'Usage: !login NAME, or !login --key FILE')
  return app.front.form(() => loginForm(app, typed, password))
}

async function loginForm(
  app: App,
  typed: string | undefined,
  given: string | undefined,
): Promise<void> {
  const lobby = await app.lobby()
  const username = userArgument((typed ?? (await askName(app, lobby))).trim())
  const known = lobby.accounts.find((account) => account.username === username)
  if (known?.resumable === true) {
    signedIn(app, await (await app.lobby()).resume(username))
    return
  }
  const password =
    given ??
    (await app.givenPassword()) ??
    (await formsOf(app, '--username NAME').password({ message: 'Password:' }))
  const lock = app.lock ? ({ lock: 'password' } as const) : {}
  // the server does not wait for people who think: this may be another connection than before
  const open = await app.lobby()
  signedIn(app, await open.login({ username, password, ...lock }))
}

/** `!login --key FILE` and `--key FILE`. */
export async function loginWithKey(app: App, path: string): Promise<void> {
  const keyFile = await readLoginKey(path)
  const lobby = await app.lobby()
  const lock = app.lock ? ({ lock: 'password' } as const) : {}
  signedIn(app, await lobby.loginWithKey({ keyFile, ...lock }))
}

function askName(app: App, lobby: Unauthenticated): Promise<string> {
  const last = lobby.accounts[0]?.username
  return formsOf(app, '--username NAME').text({
    message: 'Username:',
    ...(last === undefined ? {} : { initial: last }),
  })
}

export function signedIn(app: App, session: Session): void {
  // first: what comes with the session is told right behind it
  app.front.row('*', `Signed in as ${session.me.user}. Type !help, or @name and a message.`)
  app.enter(session)
}

export async function logout(app: App): Promise<void> {
  const session = app.requireSession()
  const { user } = session.me
  await app.hangUp(() => session.logout())
  app.leave(session)
  app.front.row('*', `Logged out ${user}. Messages for you wait on the server. !login comes back.`)
}

export async function resetKeys(app: App): Promise<void> {
  const { n } = await app.requireSession().resetKeys()
  app.front.row(
    '*',
    `New launch keys (number ${String(n)}) are in use; people use them from their next message. Nothing old is lost.`,
  )
}

export function whoami(app: App): void {
  const { me } = app.requireSession()
  const name = nameInBrackets(me.displayName)
  app.front.rows('*', [
    `You are ${me.user}${name}, device ${me.dev.slice(0, 8)}.`,
    `Your link for others: ${me.uri}`,
    `Server fingerprint:   ${me.fingerprint}`,
    'Others start securechat with that link, pasted or scanned: it leads to you and to nobody else.',
  ])
  app.front.qr(me.uri)
}

export function status(app: App): void {
  const session = app.requireSession()
  const s = session.status()
  const { connection } = s
  const direct = session.direct.list().filter(({ state }) => state === 'up')
  const rows = [
    connection.state === 'online'
      ? `Online at ${s.host}:${String(s.port)} as ${s.user}` +
        (s.latencyMs === null ? '' : `, ${String(Math.round(s.latencyMs))} ms away`)
      : connection.state === 'connecting'
        ? `Connecting to ${s.host}:${String(s.port)}, try ${String(connection.attempt)}`
        : `Offline: ${connection.reason}` +
          (connection.nextTryMs === undefined
            ? ''
            : ` Next try in ${duration(connection.nextTryMs)}.`),
    `Server fingerprint ${s.fingerprint}`,
    s.queued === 0
      ? `Everything you wrote is on the server${direct.length === 0 ? '' : ', or where you are connected directly'}.`
      : `${count(s.queued, 'message')} of yours not on the server yet` +
        (s.held > 0 ? `, ${String(s.held)} held (!chats says what each waits for)` : ''),
    ...direct.map(({ user }) => `Connected directly: @${user} (!direct off ${user} ends it)`),
    `${count(s.transfers, 'file')} on the way. ${count(s.devices, 'device')} in your account (!devices).`,
    `Others write to you with key number ${String(s.keyNumber)}, made ${age(s.keyAgeMs)} (!resetkeys makes another).`,
  ]
  app.front.rows('*', rows)
}

function count(n: number, what: string): string {
  return `${n === 0 ? 'No' : String(n)} ${what}${n === 1 ? '' : 's'}`
}

/** For `--register` and `--username` with a password from a file: the same rule as in the form. */
export async function requireGoodPassword(
  password: string,
  context: readonly string[],
): Promise<void> {
  const strength = await passwordStrength(password, context)
  if (!strength.ok) throw new SecureChatError('E_USAGE', `Password: ${strength.reason}`)
}
