// Commands about conversations: list, open, page back, requests.
import type { MessageView } from '../../client/events.ts'
import { fail } from '../../util/errors.ts'
import { isolate, safeInline } from '../sanitise.ts'
import type { App } from './app.ts'
import { userArgument } from './parse.ts'
import { formatBytes } from './progress-row.ts'
import { clockTime, longDate, sameDay } from './format.ts'
import { restoring } from './restore-row.ts'

const PAGE = 20
const MAX_PAGE = 1000
const PREVIEW_CHARS = 40

/** One line that says what a message is, fit for a terminal. */
export function preview(view: MessageView): string {
  const { body } = view
  const mine = view.own ? 'you: ' : ''
  switch (body.kind) {
    case 'text': {
      const chars = Array.from(safeInline(body.text))
      const cut = chars.length > PREVIEW_CHARS
      return mine + isolate(chars.slice(0, PREVIEW_CHARS).join('') + (cut ? '..' : ''))
    }
    case 'file':
      return `${mine}[file] ${isolate(safeInline(body.name))}, ${formatBytes(body.size)}`
    case 'request':
      return `asks to write to you: ${isolate(safeInline(body.note))}`
    case 'placeholder':
      return '[a message that could not be read yet]'
    case 'unsupported':
      return '[unsupported: a newer version wrote this]'
  }
}

export async function chats(app: App): Promise<void> {
  const list = await app.requireSession().chats()
  if (list.length === 0) {
    app.front.row('*', 'No chats yet. @name and a message starts one.')
    return
  }
  const now = app.deps.clock.now()
  const rows = list.map((c, i) => {
    const when =
      c.last === null ? '' : sameDay(c.last.at, now) ? clockTime(c.last.at) : longDate(c.last.at)
    const state = [
      c.unread > 0 ? `${String(c.unread)} unread` : '',
      c.contact.trust === 'verified' ? 'verified' : '',
      c.contact.trust === 'changed' || c.contact.trust === 'blocked' ? 'keys changed' : '',
      c.contact.blockedByMe ? 'blocked' : '',
      c.contact.accepted ? '' : 'pending',
    ].filter((s) => s !== '')
    const name = c.notes ? `${c.contact.user} (notes)` : c.contact.user
    return [
      String(i + 1).padStart(3),
      name.padEnd(18),
      c.last === null ? '' : preview(c.last),
      when,
      state.join(', '),
    ]
      .filter((s) => s !== '')
      .join('  ')
  })
  app.front.rows('*', rows)
}

/** A username, or the number that !chats shows. */
export async function chatName(app: App, typed: string): Promise<string> {
  if (!/^\d+$/.test(typed)) return userArgument(typed)
  const list = await app.requireSession().chats()
  return (
    list[Number(typed) - 1]?.contact.user ??
    fail('E_NOT_FOUND', `There is no chat number ${typed}. !chats lists them.`)
  )
}

export async function chat(app: App, [typed]: readonly string[]): Promise<void> {
  if (typed === undefined) {
    await chats(app)
    return
  }
  const session = app.requireSession()
  const contact = await session.whois(await chatName(app, typed))
  app.openChat(contact.user)
  const trust = contact.trust === 'verified' ? 'verified' : `not verified (!verify ${contact.user})`
  app.front.row('-', `${contact.user}, ${trust}`)
  await page(app, contact.user, PAGE)
  await session.markRead(contact.user)
}

export async function history(app: App, [typed, n]: readonly string[]): Promise<void> {
  const session = app.requireSession()
  const limit = n === undefined ? PAGE : /^\d{1,4}$/.test(n) ? Number(n) : 0
  if (limit < 1 || limit > MAX_PAGE) {
    fail('E_USAGE', `COUNT is a whole number from 1 to ${MAX_PAGE}.`)
  }
  const user =
    typed === undefined
      ? (app.chat ?? fail('E_USAGE', 'Usage: !history NAME [COUNT]   Example: !history alice 100'))
      : (await session.whois(await chatName(app, typed))).user
  await page(app, user, limit)
}

async function page(app: App, user: string, limit: number): Promise<void> {
  const session = app.requireSession()
  const { restore } = session.archive.status()
  if (!restore.done) app.front.row('*', `${restoring(restore)} Older lines follow by themselves.`)
  const views = await session.history(user, { limit })
  if (views.length === 0) app.front.row('*', `Nothing written with @${user} yet.`)
  for (const view of views) app.front.message(view, false)
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
