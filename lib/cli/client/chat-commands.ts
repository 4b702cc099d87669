// Commands about conversations: list, open, page back, search, mute, timers, requests.
import type { ChatInfo } from '../../client/api.ts'
import { CHOICES, type ChoiceName } from '../../client/life-api.ts'
import { fail } from '../../util/errors.ts'
import { isolate, safeInline } from '../sanitise.ts'
import type { App } from './app.ts'
import { clockTime, longDate, sameDay } from './format.ts'
import { printPast } from './life-commands.ts'
import { preview } from './message-text.ts'
import { restoring } from './restore-row.ts'
import { parseDate, parseSpan, spanWords } from './when.ts'

const PAGE = 20
const MAX_PAGE = 1000
const SEARCH_HITS = 20
const SEARCH_CONTEXT = 1

export async function chats(app: App): Promise<void> {
  const list = await app.requireSession().chats()
  if (list.length === 0) {
    app.front.row('*', 'No chats yet. @name and a message starts one.')
    return
  }
  app.front.rows(
    '*',
    list.map((each) => chatRow(app, each)),
  )
}

export async function unread(app: App): Promise<void> {
  const list = (await app.requireSession().chats()).filter((each) => each.unread > 0)
  if (list.length === 0) {
    app.front.row('*', 'Nothing is unread.')
    return
  }
  app.front.rows('*', [
    ...list.map((each) => chatRow(app, each)),
    `!chat ${String(list[0]?.state.number ?? '')} opens the first.`,
  ])
}

function chatRow(app: App, { contact, notes, unread: count, last, state }: ChatInfo): string {
  const now = app.deps.clock.now()
  const when = last === null ? '' : sameDay(last.at, now) ? clockTime(last.at) : longDate(last.at)
  const words = [
    count > 0 ? `${count > 998 ? '999+' : String(count)} unread` : '',
    state.mutedUntil > 0 ? 'muted' : '',
    state.timerSeconds > 0 ? `vanishing after ${spanWords(state.timerSeconds)}` : '',
    contact.trust === 'verified' ? 'verified' : '',
    contact.trust === 'changed' || contact.trust === 'blocked' ? 'keys changed' : '',
    contact.blockedByMe ? 'blocked' : '',
    contact.accepted || notes ? '' : 'pending',
  ].filter((s) => s !== '')
  const name = notes ? `${contact.user} (notes)` : contact.user
  return [
    String(state.number).padStart(3),
    name.padEnd(18),
    last === null ? '' : preview(last),
    when,
    words.join(', '),
  ]
    .filter((s) => s !== '')
    .join('  ')
}

export async function chat(app: App, [typed]: readonly string[]): Promise<void> {
  if (typed === undefined) {
    await chats(app)
    return
  }
  const session = app.requireSession()
  const contact = await session.life.contactOf(typed)
  app.openChat(contact.user)
  const isMe = contact.user === session.me.user
  const trust = contact.trust === 'verified' ? 'verified' : `not verified (!verify ${contact.user})`
  app.front.row('-', isMe ? `${contact.user}, notes to yourself` : `${contact.user}, ${trust}`)
  await page(app, contact.user, { limit: PAGE })
  await session.markRead(contact.user)
}

const HISTORY_USAGE =
  'Usage: !history NAME [COUNT] [--since DATE] [--until DATE]   Example: !history alice 100'

export async function history(app: App, args: readonly string[]): Promise<void> {
  const session = app.requireSession()
  const now = app.deps.clock.now()
  const words: string[] = []
  let range: { readonly since?: number; readonly until?: number } = {}
  for (let i = 0; i < args.length; i++) {
    const word = args[i] ?? ''
    if (word !== '--since' && word !== '--until') {
      words.push(word)
      continue
    }
    const date = args[++i] ?? fail('E_USAGE', HISTORY_USAGE)
    range =
      word === '--since'
        ? { ...range, since: parseDate(date, now) }
        : { ...range, until: parseDate(date, now, true) }
  }
  // in an open chat a lone number is a count
  if (app.chat !== null && words.length < 2 && /^\d*$/.test(words[0] ?? '')) words.unshift(app.chat)
  const [typed = fail('E_USAGE', HISTORY_USAGE), n, more] = words
  if (more !== undefined) fail('E_USAGE', HISTORY_USAGE)
  const hasRange = range.since !== undefined || range.until !== undefined
  const limit = n === undefined ? (hasRange ? MAX_PAGE : PAGE) : /^\d{1,4}$/.test(n) ? Number(n) : 0
  if (limit < 1 || limit > MAX_PAGE) {
    fail('E_USAGE', `COUNT is a whole number from 1 to ${MAX_PAGE}.`)
  }
  await page(app, (await session.life.contactOf(typed)).user, { limit, ...range })
}

async function page(
  app: App,
  user: string,
  query: { readonly limit: number; readonly since?: number; readonly until?: number },
): Promise<void> {
  const session = app.requireSession()
  const { restore } = session.archive.status()
  if (!restore.done) app.front.row('*', `${restoring(restore)} Older lines follow by themselves.`)
  const views = await session.history(user, query)
  const isWhole = query.since === undefined && query.until === undefined
  if (views.length === 0) {
    app.front.row('*', isWhole ? `Nothing written with @${user} yet.` : 'Nothing in that time.')
  }
  printPast(app, views)
}

/** `!search TEXT`, `!search TEXT @alice`, `!search TEXT in:3` */
export async function search(app: App, [typed = '']: readonly string[]): Promise<void> {
  const [, text = typed, at, id] = /^([\s\S]+?)\s+(?:(@\S+)|in:(\S+))$/.exec(typed) ?? []
  const where = at ?? id
  const hits = await app.requireSession().life.search(text, {
    limit: SEARCH_HITS,
    context: SEARCH_CONTEXT,
    ...(where === undefined ? {} : { chat: where }),
  })
  if (hits.length === 0) {
    app.front.row('*', `Nothing found for "${isolate(safeInline(text))}".`)
    return
  }
  for (const { message, before, after } of hits.toReversed()) {
    app.front.row('-', `${message.chat}, ${longDate(message.at)}`)
    printPast(app, [...before, message, ...after])
  }
  app.front.row(
    '*',
    hits.length < SEARCH_HITS
      ? `Found ${String(hits.length)}, the newest last.`
      : `The newest ${String(SEARCH_HITS)}; more words find fewer.`,
  )
}

export async function mute(app: App, [typed = '', span]: readonly string[]): Promise<void> {
  const { life } = app.requireSession()
  const isOff = span?.toLowerCase() === 'off'
  const seconds = span === undefined || isOff ? null : parseSpan(span)
  if (span !== undefined && !isOff && (seconds === null || seconds === 0)) {
    fail('E_USAGE', 'Usage: !mute CHAT [1h|off]   Example: !mute alice 8h')
  }
  const until = isOff ? 0 : seconds === null ? Infinity : app.deps.clock.now() + seconds * 1000
  const state = await life.mute(typed, until)
  const length = seconds === null ? '' : ` for ${spanWords(seconds)}`
  app.front.row(
    '*',
    isOff
      ? `@${state.user} is not muted any more.`
      : `@${state.user} is muted${length}: new messages are counted, not shown. !mute ${state.user} off ends it.`,
  )
}

export async function deleteChat(app: App, [typed = '', yes]: readonly string[]): Promise<void> {
  const session = app.requireSession()
  if (yes !== undefined && yes.toLowerCase() !== 'yes') {
    fail('E_USAGE', 'Usage: !delete CHAT [yes]   Example: !delete alice')
  }
  const { user } = await session.life.chatOf(typed)
  const isSure = yes !== undefined || (await confirmed(app, user))
  if (!isSure) {
    app.front.row('*', 'Nothing was deleted.')
    return
  }
  await session.life.deleteChat(user)
  if (app.chat === user) app.openChat(null)
  app.front.row('*', `The chat with @${user} is deleted here. Theirs is not.`)
}

function confirmed(app: App, user: string): Promise<boolean> {
  return app.front.form(() => {
    const forms =
      app.front.forms ??
      fail('E_USAGE', `There is no terminal to ask on. To be sure: !delete ${user} yes`)
    return forms.confirm(`Delete the chat with @${user} from your devices, for good?`, false)
  })
}

export async function newChat(app: App, [typed = '', note = '']: readonly string[]): Promise<void> {
  const sent = await app.requireSession().life.request(typed, note)
  app.front.row(
    '*',
    `Asked @${sent.chat}. Nothing else can be written there before @${sent.chat} accepts.`,
  )
}

export async function disappear(
  app: App,
  [typed = '', span = '']: readonly string[],
): Promise<void> {
  const seconds = span.toLowerCase() === 'off' ? 0 : parseSpan(span)
  if (seconds === null) {
    fail('E_USAGE', 'Usage: !disappear CHAT 1h|off   Example: !disappear alice 1d')
  }
  const { life } = app.requireSession()
  const { user } = await life.chatOf(typed)
  await life.disappear(user, seconds)
}

export async function set(app: App, [name, value]: readonly string[]): Promise<void> {
  const { life } = app.requireSession()
  if (name === undefined) {
    app.front.rows(
      '*',
      CHOICES.map((each) => `${each.padEnd(10)}${life.choice(each)}`),
    )
    return
  }
  const known: ChoiceName =
    CHOICES.find((each) => each === name.toLowerCase()) ??
    fail('E_USAGE', `There is no "${safeInline(name)}" to set. Known: ${CHOICES.join(', ')}.`)
  if (value !== undefined) await life.choose(known, value)
  app.front.row('*', `${known} is ${life.choice(known)}.`)
}

export function requests(app: App): void {
  const list = app.requireSession().requests()
  if (list.length === 0) {
    app.front.row('*', 'No chat requests.')
    return
  }
  app.front.rows(
    '*',
    list.map((r) => `${String(r.number).padStart(3)}  @${r.user}  ${isolate(safeInline(r.note))}`),
  )
}
