// Commands about what was said: page back, search.
import type { Session } from '../../client/api.ts'
import type { MessageView } from '../../client/events.ts'
import type { SearchHit } from '../../client/life-api.ts'
import { fail } from '../../util/errors.ts'
import { isolate, safeInline } from '../sanitise.ts'
import type { App } from './app.ts'
import { chatArgument, conversationOf, findGroup } from './chat-target.ts'
import { bareChat, chatWord, isGroupName } from './chat-words.ts'
import { longDate } from './format.ts'
import { printPast } from './life-commands.ts'
import { restoring } from './restore-row.ts'
import { parseDate } from './when.ts'

export const PAGE = 20
const MAX_PAGE = 1000
const SEARCH_HITS = 20
const SEARCH_CONTEXT = 1
/** A server that gives nothing for so long keeps nobody from what is here. */
const PATIENCE_MS = 20_000

const HISTORY_USAGE =
  'Usage: !history CHAT [COUNT] [--since DATE] [--until DATE]   Example: !history alice 100'

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
  if (range.since !== undefined && range.until !== undefined && range.since >= range.until) {
    fail('E_USAGE', 'That time ends before it begins: --since comes before --until.')
  }
  const { chat } = await conversationOf(session, typed)
  await fetchRest(app)
  const shown = await page(app, chat, { limit, ...range })
  if (n === undefined && hasRange && shown.length === limit) {
    app.front.row(
      '*',
      `Only the newest ${String(limit)}: an earlier --until DATE shows older ones.`,
    )
  }
}

/** What the server has and this device has not yet comes first, as long as the connection lasts and something comes. */
async function fetchRest(app: App): Promise<void> {
  const session = app.requireSession()
  const { restore } = session.archive.status()
  if (restore.done || session.status().connection.state !== 'online') return
  app.front.row('*', `${restoring(restore)} The rest is fetched first.`)
  const { clock } = app.deps
  let [stop, timer] = [(): void => undefined, clock.after(PATIENCE_MS, () => undefined)]
  const ended = new Promise<void>((resolve) => {
    const wait = (): void => {
      timer.cancel()
      timer = clock.after(PATIENCE_MS, resolve)
    }
    wait()
    stop = session.on((event) => {
      if (event.type === 'restore') wait()
      if (event.type === 'connection' && event.connection.state !== 'online') resolve()
    })
  })
  await Promise.race([session.archive.restored(), ended])
  timer.cancel()
  stop()
}

export async function page(
  app: App,
  name: string,
  query: { readonly limit: number; readonly since?: number; readonly until?: number },
): Promise<readonly MessageView[]> {
  const session = app.requireSession()
  const { restore } = session.archive.status()
  if (!restore.done) app.front.row('*', `${restoring(restore)} Older lines follow by themselves.`)
  const views = await session.history(name, query)
  const isWhole = query.since === undefined && query.until === undefined
  if (views.length === 0) {
    const isNotes = name === session.me.user
    const where = isNotes ? 'to yourself' : `${isGroupName(name) ? 'in' : 'with'} ${chatWord(name)}`
    app.front.row('*', isWhole ? `Nothing written ${where} yet.` : 'Nothing in that time.')
  }
  printPast(app, views)
  return views
}

/** `!search TEXT`, `!search TEXT @alice`, `!search TEXT #team`, `!search TEXT in:3` */
export async function search(app: App, [typed = '']: readonly string[]): Promise<void> {
  const session = app.requireSession()
  const { text, where } = searchWords(session, typed)
  const hits = await session.life.search(text, {
    limit: SEARCH_HITS,
    context: SEARCH_CONTEXT,
    ...(where === undefined ? {} : { chat: where }),
  })
  if (hits.length === 0) {
    app.front.row('*', `Nothing found for "${isolate(safeInline(text))}".`)
    return
  }
  for (const { at, lines } of passages(hits)) {
    app.front.row('-', `${bareChat(at.chat)}, ${longDate(at.saidAt)}`)
    printPast(app, lines)
  }
  app.front.row(
    '*',
    hits.length < SEARCH_HITS
      ? `Found ${String(hits.length)}, the newest last.`
      : `The newest ${String(SEARCH_HITS)}; more words find fewer.`,
  )
}

interface Passage {
  /** The first of the messages that were found there. */
  readonly at: MessageView
  readonly lines: MessageView[]
}

/** What was found with the lines around it, the newest last; what overlaps is one. */
function passages(hits: readonly SearchHit[]): readonly Passage[] {
  const all: Passage[] = []
  const latest = new Map<string, Passage>()
  for (const { message, before, after } of hits.toReversed()) {
    const lines = [...before, message, ...after]
    const known = latest.get(message.conv)
    const fresh = lines.filter(({ number }) => !known?.lines.some((each) => each.number === number))
    if (known !== undefined && fresh.length < lines.length) {
      known.lines.push(...fresh)
      continue
    }
    const passage = { at: message, lines }
    all.push(passage)
    latest.set(message.conv, passage)
  }
  return all
}

/** `issue #42` looks for just that, unless there is a group of that name. */
function searchWords(
  session: Session,
  typed: string,
): { readonly text: string; readonly where: string | undefined } {
  const [, text = typed, end, id] = /^([\s\S]+?)\s+(?:([@#]\S+)|in:(\S+))$/.exec(typed) ?? []
  if (end !== undefined && isGroupName(end)) {
    const group = findGroup(session, end)
    return group === undefined ? { text: typed, where: undefined } : { text, where: group.chat }
  }
  return { text, where: end ?? (id === undefined ? undefined : chatArgument(session, id)) }
}
