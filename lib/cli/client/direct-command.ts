// !direct: asks somebody for a direct connection, answers, ends one, remembers a decision. What the other side will learn is
// shown before anything is told; the words for what happens by itself are here, too.
import type { Session } from '../../client/api.ts'
import type { DirectRule, DirectView } from '../../client/direct-api.ts'
import { fail } from '../../util/errors.ts'
import { safeInline } from '../sanitise.ts'
import type { App } from './app.ts'
import { personArgument } from './chat-target.ts'
import { chatWord } from './chat-words.ts'
import type { Command } from './command.ts'

const USAGE =
  'Usage: !direct NAME [ok|yes|no|always|never|ask] [--leave], !direct off [NAME], or !direct for the list.'
const RULES: readonly string[] = ['ask', 'always', 'never'] satisfies DirectRule[]
/** For whoever completes words. */
export const DIRECT_WORDS: readonly string[] = ['ok', 'yes', 'no', ...RULES, '--leave']
/** What `--leave` goes with, besides nothing. */
const LEAVING: readonly string[] = ['ok', 'yes']

export const DIRECT_COMMAND: Command = {
  name: 'direct',
  group: 'People',
  usage: '[NAME|off] [always|never|ask] [--leave]',
  summary:
    'Talks to somebody without the server in between, after both agree; !direct off ends it.',
  example: '!direct alice',
  needs: 'login',
  args: [0, 3],
  run: direct,
}

async function direct(app: App, args: readonly string[]): Promise<void> {
  const session = app.requireSession()
  const leave = args.includes('--leave')
  const [first, second, third] = args.filter((arg) => arg !== '--leave')
  const word = second?.toLowerCase()
  const isOff = first?.toLowerCase() === 'off'
  const mayLeave = first !== undefined && !isOff && (word === undefined || LEAVING.includes(word))
  if (third !== undefined || (leave && !mayLeave)) fail('E_USAGE', USAGE)
  if (first === undefined) {
    list(app, session)
    return
  }
  if (isOff) return off(app, session, second)
  const user = personArgument(first, 'A direct connection has two ends.')
  if (word === undefined) return propose(app, session, user, leave)
  if (word === 'ok') await session.direct.offer(user, { leave })
  else if (word === 'yes' || word === 'no') {
    const { number, state } = await session.direct.answer(user, word === 'yes', { leave })
    if (state !== 'asked') app.withdrawQuestion(number)
    if (word === 'no') app.front.row('*', `Declined. @${user} learns nothing else.`)
  } else if (isRule(word)) await setRule(app, session, user, word)
  else fail('E_USAGE', USAGE)
}

function isRule(word: string): word is DirectRule {
  return RULES.includes(word)
}

function list(app: App, session: Session): void {
  const all = session.direct.list()
  if (all.length === 0) app.front.row('*', 'Everything goes over the server. !direct NAME asks.')
  else
    app.front.rows(
      '*',
      all.map((view) => `@${view.user}: ${STATES[view.state]}`),
    )
}

const STATES: Readonly<Record<DirectView['state'], string>> = {
  asked: 'asks you for a direct connection',
  offered: 'is asked for a direct connection',
  declined: 'declined',
  trying: 'is being connected',
  failed: 'could not be connected',
  up: 'is connected directly',
  down: 'is reached over the server',
}

async function off(app: App, session: Session, name: string | undefined): Promise<void> {
  const user = name === undefined ? undefined : personArgument(name, USAGE)
  const ended = await session.direct.off(user)
  if (ended.length === 0) app.front.row('*', 'There is no direct connection.')
  for (const { number } of ended) app.withdrawQuestion(number)
}

async function setRule(app: App, session: Session, user: string, rule: DirectRule): Promise<void> {
  const waiting = session.direct.list().find((v) => v.user === user && v.state === 'asked')
  await session.direct.setRule(user, rule)
  if (rule === 'never' && waiting !== undefined) app.withdrawQuestion(waiting.number)
  const words: Readonly<Record<DirectRule, string>> = {
    ask: `You are asked when @${user} wants a direct connection.`,
    always: `@${user} gets a direct connection without a question, and so your addresses. !direct ${user} ask takes it back.`,
    never: `@${user} gets no direct connection and you no question. !direct ${user} ask takes it back.`,
  }
  app.front.row('*', words[rule])
}

async function propose(app: App, session: Session, user: string, leave: boolean): Promise<void> {
  const own = await session.direct.addresses(user)
  const option = leave ? ' --leave' : ''
  app.front.question(
    `This tells @${user} ${addresses(own)}. Ask for a direct connection?`,
    `(y/n, or !direct ${user} ok${option})`,
    (yes) => {
      if (!yes) return
      session.direct.offer(user, { leave }).catch((error: unknown) => {
        app.showError(error)
      })
    },
  )
}

function addresses(own: readonly string[]): string {
  if (own.length === 0) return 'no address of yours before it can be reached itself'
  return `your ${own.length === 1 ? 'address' : 'addresses'} ${own.join(', ')}`
}

function told({ own }: DirectView): string {
  if (own !== null) return `A yes tells them ${addresses(own)}.`
  return 'What a yes tells them is not known now, so you will be asked once more.'
}

/** What has become of an introduction. */
export function directEvent(view: DirectView, app: App): void {
  const { front } = app
  const { user, number } = view
  const who = chatWord(user)
  if (view.state !== 'asked') app.withdrawQuestion(number)
  switch (view.state) {
    case 'asked':
      if (view.reason !== undefined) front.row('!', `Nothing was told: ${reason(view)}`)
      app.question(
        number,
        `${who} wants to talk to you directly${from(view)}. ${told(view)} Agree?`,
        `(y/n, or !direct ${user} yes, !direct ${user} no)`,
        (yes) => app.requireSession().direct.answer(user, yes, { number }),
      )
      break
    case 'offered':
      front.row('*', `${who} is asked for a direct connection (two minutes to answer).`)
      break
    case 'declined':
      front.row('*', `${who} does not connect directly now. You go on over the server.`)
      break
    case 'trying':
      if (view.attempt === 0) front.row('*', `Connecting to ${who} directly${from(view)}.`)
      else front.row('*', "Couldn't reach the host, trying again...")
      break
    case 'failed':
      front.row('!', `No direct connection with ${who}: ${reason(view)} You go on over the server.`)
      break
    case 'up':
      front.row('*', `You and ${who} talk directly now. !direct off ${user} ends it.`)
      break
    case 'down':
      front.row('!', `The direct connection with ${who} is over. You go on over the server.`)
      break
  }
}

function from({ theirs }: DirectView): string {
  return theirs.length === 0 ? '' : ` (${theirs.map(safeInline).join(', ')})`
}

function reason(view: DirectView): string {
  return safeInline(view.reason ?? '')
}

/** For whoever looks at one message. */
export function pathRow(app: App, chat: string): string {
  return `  this chat goes ${app.isDirect(chat) ? 'over a direct connection' : 'over the server'} now`
}
