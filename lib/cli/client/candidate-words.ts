// What Tab may complete besides names and paths: numbers of messages, offers, requests and transfers, and the fixed words of
// commands. The newest come last, nearest to the prompt.
import type { App } from './app.ts'
import { COMMANDS } from './commands.ts'
import { DIRECT_WORDS } from './direct-command.ts'
import { TOPICS } from './help-command.ts'
import { settable } from './set-command.ts'

const NEWEST = 12
const ABOUT_MESSAGE: readonly string[] = ['reply', 'react', 'pin', 'info', 'del', 'edit']
const OWN_ONLY: readonly string[] = ['edit', 'del']
const MOVING: readonly string[] = ['running', 'waiting', 'offered']

/** Words for argument number `words.length` of a command; null: it takes something else there. */
export async function wordsFor(
  app: App,
  command: string,
  words: readonly string[],
): Promise<readonly string[] | null> {
  const [first, ...more] = words
  if (more.length > 0) return null
  if (first === undefined) return firstWord(app, command)
  switch (command) {
    case 'set':
      return settable(first.toLowerCase())
    case 'verify':
      return ['ok']
    case 'devices':
      return first === 'revoke' ? deviceNumbers(app) : []
    case 'privacy':
      return first === 'purge' ? ['email', 'files'] : []
    case 'direct':
      return first.toLowerCase() === 'off' ? introduced(app) : DIRECT_WORDS
    case 'mute':
    case 'admin':
    case 'disappear':
      return ['off']
    default:
      return null
  }
}

async function firstWord(app: App, command: string): Promise<readonly string[] | null> {
  if (ABOUT_MESSAGE.includes(command)) return messageNumbers(app, OWN_ONLY.includes(command))
  switch (command) {
    case 'help':
      return [...COMMANDS.map(({ name }) => name), ...Object.values(TOPICS), 'all']
    case 'set':
      return settable()
    case 'devices':
      return ['revoke']
    case 'privacy':
      return ['purge']
    case 'accept':
    case 'decline':
      return waiting(app)
    case 'cancel':
      return transfers(app, (state) => MOVING.includes(state) || state === 'paused')
    case 'pause':
      return transfers(app, (state) => MOVING.includes(state))
    case 'resume':
      return transfers(app, (state) => state === 'paused')
    default:
      return null
  }
}

/** Those of whom a direct connection can be ended. */
function introduced(app: App): string[] {
  return (app.session?.direct.list() ?? []).map(({ user }) => user)
}

/** Of the open chat; without one, the last message of each of the newest chats. */
async function messageNumbers(app: App, own: boolean): Promise<string[]> {
  const { session, chat } = app
  if (session === null) return []
  const views =
    chat !== null
      ? await session.history(chat, { limit: 5 * NEWEST })
      : (await session.chats()).flatMap(({ last }) => last ?? [])
  const numbers = views.filter((view) => !own || view.own).map(({ number }) => number)
  return numbers
    .sort((a, b) => a - b)
    .slice(-NEWEST)
    .map(String)
}

async function transfers(app: App, isMeant: (state: string) => boolean): Promise<string[]> {
  const all = (await app.session?.files()) ?? []
  return all.filter(({ state }) => isMeant(state)).map(({ number }) => String(number))
}

async function waiting(app: App): Promise<string[]> {
  const { session } = app
  if (session === null) return []
  const offers = (await session.files()).filter(
    ({ direction, state }) => direction === 'in' && state === 'offered',
  )
  const numbers = [...offers, ...session.requests()].map(({ number }) => number)
  return numbers.sort((a, b) => a - b).map(String)
}

function deviceNumbers(app: App): string[] {
  const devices = app.session?.account.devices() ?? []
  return devices.filter(({ isThis }) => !isThis).map(({ number }) => String(number))
}
