// From a command line to a session: which server, is it the right one, who is it. With a terminal it asks; without one
// every answer is an option, and a missing one is named.
import type { Target, Unauthenticated } from '../../client/api.ts'
import { lastServer } from '../../client/account/home-index.ts'
import type { ServerCheck } from '../../client/ports.ts'
import { decodeLoginKeyFile } from '../../identity/login-key-file.ts'
import { isUri, parseContactUri, parseServerUri } from '../../identity/uri.ts'
import { codeOf, fail } from '../../util/errors.ts'
import {
  finishRegistration,
  login,
  loginWithKey,
  register,
  requireGoodPassword,
  signedIn,
} from './account-commands.ts'
import type { App } from './app.ts'
import type { ClientOptions } from './args.ts'
import type { Forms, Front } from './front.ts'
import { readLoginKey } from './key-file.ts'
import { recovery } from './own-commands.ts'
import { passwordFrom } from './password-source.ts'
import { openPerson } from './person-link.ts'

export const DEFAULT_PORT = 7700

const ADDRESS = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::(\d{1,5}))?$/i
const IPV6 = /^[0-9a-f]*:[0-9a-f:.]*$/i

/** An invite link, `host:port`, `[::1]:port` or a host. @throws E_USAGE, E_FORMAT */
export function parseTarget(text: string): Target {
  const typed = text.trim()
  if (isUri(typed)) return typed.includes('/@') ? parseContactUri(typed) : parseServerUri(typed)
  if (IPV6.test(typed) && (typed.match(/:/g)?.length ?? 0) > 1) {
    return { host: typed, port: DEFAULT_PORT }
  }
  const match = ADDRESS.exec(typed)
  const port = Number(match?.[3] ?? DEFAULT_PORT)
  if (match === null || port < 1 || port > 65535) {
    fail('E_USAGE', `Not a server: "${typed.slice(0, 60)}". Example: chat.example.org:7700`)
  }
  return { host: (match[1] ?? match[2] ?? '').toLowerCase(), port }
}

async function chooseTarget(app: App, options: ClientOptions): Promise<Target> {
  const given = options.target ?? options.host
  if (given !== undefined) {
    const port = options.port === undefined ? {} : { port: options.port }
    return { ...parseTarget(given), ...port }
  }
  if (options.key !== undefined) {
    const { host, port, srv } = decodeLoginKeyFile(await readLoginKey(options.key))
    return { host, port, srv }
  }
  const last = await lastServer(app.deps.home)
  if (last !== undefined) return { host: last.host, port: last.port }
  const { forms } = app.front
  if (forms === null) {
    fail('E_USAGE', 'Which server? Give its invite link or host:port as the first argument.')
  }
  return askTarget(forms)
}

/** Asks until it is one. */
async function askTarget(forms: Forms): Promise<Target> {
  const typed = await forms.text({
    message: 'Server (host, host:port or an invite link):',
    validate: (text) => {
      try {
        parseTarget(text)
        return true
      } catch (error) {
        return error instanceof Error ? error.message : 'Not a server.'
      }
    },
  })
  return parseTarget(typed)
}

/** Shown once per unknown server, before anything is sent to it. */
export async function confirmServer(
  front: Front,
  assumeYes: boolean,
  server: ServerCheck,
): Promise<boolean> {
  const { forms } = front
  const rows = ['First contact. The identity of this server is', `      ${server.fingerprint}`]
  if (assumeYes || forms !== null) front.rows('*', rows)
  if (assumeYes) return true
  if (forms === null) {
    fail(
      'E_UNTRUSTED',
      `${server.host}:${String(server.port)} is new here; its identity is ${server.fingerprint}. ` +
        'Start with its invite link, or with --yes to trust it on first use.',
    )
  }
  const answer = await forms.choose('Compare it with what the owner of the server gave you:', [
    { value: 'same', name: 'It matches' },
    { value: 'unknown', name: 'I have nothing to compare with - go on, and warn me if it changes' },
    { value: 'different', name: 'It is different - stop' },
  ])
  return answer !== 'different'
}

/** Connects; with a terminal, an unreachable server can be tried again or replaced. */
async function reach(app: App, options: ClientOptions): Promise<Unauthenticated> {
  let target = await chooseTarget(app, options)
  for (;;) {
    try {
      return await app.connect(target)
    } catch (error) {
      const { forms } = app.front
      const unreachable = ['E_CONNECT', 'E_TIMEOUT', 'E_CLOSED'].includes(codeOf(error))
      if (forms === null || !unreachable) throw error
      app.showError(error)
      const answer = await forms.choose('What now?', [
        { value: 'again', name: 'Try again' },
        { value: 'other', name: 'Another server' },
        { value: 'quit', name: 'Quit' },
      ])
      if (answer === 'quit') throw error
      if (answer === 'other') target = await askTarget(forms)
    }
  }
}

/** Ends with a session, or with a person who chose to quit (then app.ended). */
export function start(app: App, options: ClientOptions): Promise<void> {
  return app.front.form(async () => {
    await startForm(app, options)
    try {
      await openPerson(app, options)
    } catch (error) {
      // a script must not go on with somebody else; a person is told
      if (app.front.forms === null) throw error
      app.showError(error)
    }
  })
}

async function startForm(app: App, options: ClientOptions): Promise<void> {
  const password = await passwordFrom(options)
  const lobby = await reach(app, options)
  if (options.register) return signUp(app, options, password)
  if (options.key !== undefined) return loginWithKey(app, options.key)
  const username = options.username?.toLowerCase()
  if (username !== undefined) return login(app, [username], password)
  if (lobby.accounts.some((account) => account.last && account.resumable)) {
    try {
      signedIn(app, await lobby.resume())
      return
    } catch (error) {
      // Somebody else's window has this account: a person may want another one.
      if (app.front.forms === null || codeOf(error) !== 'E_LOCKED') throw error
      app.showError(error)
    }
  }
  return ask(app, lobby)
}

async function signUp(
  app: App,
  options: ClientOptions,
  password: string | undefined,
): Promise<void> {
  const username = options.username?.toLowerCase() ?? ''
  if (password === undefined) return register(app, [username])
  await requireGoodPassword(password, [username, options.name ?? ''])
  await finishRegistration(app, {
    username,
    password,
    displayName: options.name ?? '',
    invite: options.invite ?? '',
    email: '',
    confirmCode: (code) => {
      app.front.rows('*', [
        'Recovery code, shown once. It opens the account when the password is forgotten:',
        `      ${code}`,
      ])
    },
  })
}

/** The start page. A wrong password is asked again until the server ends it. */
async function ask(app: App, lobby: Unauthenticated): Promise<void> {
  const { forms } = app.front
  if (forms === null) {
    fail('E_USAGE', 'Who are you? Add --username NAME, or --register --username NAME to sign up.')
  }
  for (;;) {
    const known = lobby.accounts[0]
    const answer = await forms.choose('What do you want to do?', [
      ...(known === undefined
        ? []
        : [{ value: 'known' as const, name: `Log in as ${known.username}` }]),
      { value: 'register', name: 'Create an account' },
      { value: 'login', name: known === undefined ? 'Log in' : 'Log in as somebody else' },
      { value: 'recover', name: 'I forgot my password, and have the recovery code' },
      { value: 'quit', name: 'Quit' },
    ])
    if (answer === 'quit') {
      app.quit()
      return
    }
    try {
      if (answer === 'register') await register(app, [])
      else if (answer === 'recover') await recovery(app, [])
      else await login(app, answer === 'known' && known !== undefined ? [known.username] : [])
      return
    } catch (error) {
      if (app.ended) return
      if (codeOf(error) === 'E_CANCELLED') throw error // the form is over, with all its questions
      app.showError(error)
    }
  }
}
