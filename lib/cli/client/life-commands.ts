// Commands about one message by its number: answer, edit, delete, react, pin, look at it.
import type { MessageState, MessageView } from '../../client/events.ts'
import type { MemberDelivery } from '../../client/group-api.ts'
import { fail } from '../../util/errors.ts'
import { isolate, safeInline } from '../sanitise.ts'
import type { App } from './app.ts'
import { chatArgument } from './chat-target.ts'
import { chatWord, isGroupName } from './chat-words.ts'
import { pathRow } from './direct-command.ts'
import { emojiOf } from './emoji.ts'
import { clockTime, longDate } from './format.ts'
import { answerWords, bodyWords } from './message-text.ts'

/** The number that stands on the line; `~12` and `#12` do as well. */
export function messageNumber(typed: string): number {
  const n = /^[~#]?(\d{1,9})$/.exec(typed)?.[1]
  return n === undefined
    ? fail('E_USAGE', 'Which message? Its number stands on its line; !history shows it again.')
    : Number(n)
}

export async function reply(app: App, [typed = '', text = '']: readonly string[]): Promise<void> {
  const sent = await app.requireSession().life.reply(messageNumber(typed), text)
  await app.answered(sent.chat)
}

export async function edit(app: App, [typed = '', text = '']: readonly string[]): Promise<void> {
  await app.requireSession().life.edit(messageNumber(typed), text)
}

export async function del(app: App, [typed = '']: readonly string[]): Promise<void> {
  await app.requireSession().life.remove(messageNumber(typed))
}

export async function react(app: App, args: readonly string[]): Promise<void> {
  const [typed = '', emoji = '', off] = args
  if (off !== undefined && off.toLowerCase() !== 'off') {
    fail('E_USAGE', 'Usage: !react N EMOJI [off]   Example: !react 12 :+1:')
  }
  const { life } = app.requireSession()
  await life.react(messageNumber(typed), emojiOf(emoji), off === undefined)
}

export async function pin(app: App, [typed, off]: readonly string[]): Promise<void> {
  const { life } = app.requireSession()
  if (off !== undefined && off.toLowerCase() !== 'off') {
    fail('E_USAGE', 'Usage: !pin N [off]   Example: !pin 12')
  }
  if (typed !== undefined && /^[~#]?\d+$/.test(typed)) {
    await life.pin(messageNumber(typed), off === undefined)
    return
  }
  const chat = typed ?? app.chat ?? fail('E_USAGE', 'Usage: !pin N, or !pin NAME for the list.')
  const pins = await life.pins(chatArgument(app.requireSession(), chat))
  if (pins.length === 0) app.front.row('*', 'Nothing is pinned there.')
  for (const view of pins) app.front.past(view)
}

export async function info(app: App, [typed = '']: readonly string[]): Promise<void> {
  const { message, versions, state, members } = await app
    .requireSession()
    .life.info(messageNumber(typed))
  const { time } = app.preferences.now
  const where = isGroupName(message.chat) ? ` in ${chatWord(message.chat)}` : ''
  const who = message.own ? `you to ${chatWord(message.chat)}` : `@${message.from}${where}`
  const answer = answerWords(message)
  const rows = [
    `Message ${String(message.number)} from ${who}: ${bodyWords(message.body)}`,
    `  written ${when(message.ts, time)}, here since ${when(message.at, time)}`,
    ...(answer === null ? [] : [`  ${answer}`]),
    ...(state === undefined ? [] : [`  state: ${stateWords(state, message)}`]),
    ...memberRows(members ?? []),
    ...(message.notTo === undefined
      ? []
      : [`  not sent to: ${message.notTo.map(chatWord).join(', ')}`]),
    ...(message.resent ? ['  it came a second time, because the first could not be read'] : []),
    ...(message.expires === undefined ? [] : [`  vanishes ${when(message.expires, time)}`]),
    ...(message.reactions ?? []).map(
      ({ emoji, from }) => `  ${safeInline(emoji)}  ${from.map((user) => `@${user}`).join(', ')}`,
    ),
    ...versionRows(versions, time),
    ...(isGroupName(message.chat) ? [] : [pathRow(app, message.chat)]),
    ...(message.mid === '' ? [] : [`  id ${message.mid}`]),
  ]
  app.front.rows('*', rows)
}

function stateWords(state: MessageState, { delivery }: MessageView): string {
  if (delivery === undefined) return state
  const of = String(delivery.of)
  return `${state}; delivered to ${String(delivery.delivered)} of ${of}, read by ${String(delivery.read)}`
}

/** Who has it, farthest first. */
function memberRows(members: readonly MemberDelivery[]): string[] {
  return (['read', 'delivered', 'accepted'] as const).flatMap((state) => {
    const users = members.filter((m) => m.state === state).map((m) => chatWord(m.user))
    return users.length === 0 ? [] : [`  ${REACHED[state]}: ${users.join(', ')}`]
  })
}

const REACHED = {
  read: 'read by',
  delivered: 'delivered to',
  accepted: 'on the server for',
} as const

function versionRows(
  versions: readonly { readonly text: string; readonly at: number }[],
  hours: '24' | '12',
): string[] {
  if (versions.length < 2) return []
  return versions.map(
    ({ text, at }, i) =>
      `  ${i === 0 ? 'first' : `edit ${String(i)}`}, ${when(at, hours)}: ${isolate(safeInline(text))}`,
  )
}

function when(ms: number, hours: '24' | '12'): string {
  return `${longDate(ms)} ${clockTime(ms, hours)}`
}

/** Prints lines of the past, and counts them as seen. */
export function printPast(app: App, views: readonly MessageView[]): void {
  for (const view of views) app.front.past(view)
  countShown(app, views)
}

/** A person has seen these: the time of those that vanish begins to run. */
export function countShown(app: App, views: readonly MessageView[]): void {
  const timed = views.filter((view) => view.ttlMs !== undefined && !view.own)
  if (timed.length === 0) return
  app.session?.life.shown(timed.map((view) => view.number)).catch((error: unknown) => {
    app.showError(error)
  })
}
