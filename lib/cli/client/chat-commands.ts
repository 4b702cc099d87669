// Commands about conversations: list, open, mute, delete, timers, requests.
import type { ChatInfo } from '../../client/api.ts'
import type { ContactInfo } from '../../client/events.ts'
import type { GroupInfo } from '../../client/group-api.ts'
import type { OnlineContacts } from '../../client/who-api.ts'
import { fail } from '../../util/errors.ts'
import { parseSpan } from '../../util/span.ts'
import { isolate, safeInline } from '../sanitise.ts'
import type { App } from './app.ts'
import { chatArgument, conversationOf } from './chat-target.ts'
import {
  bareChat,
  chatWord,
  isGroupName,
  peopleCount,
  standingWords,
  topicWords,
  waitsForWords,
} from './chat-words.ts'
import { clockTime, longDate, sameDay } from './format.ts'
import { printPast } from './life-commands.ts'
import { preview } from './message-text.ts'
import { unanswered } from './file-commands.ts'
import { page, PAGE } from './past-commands.ts'
import { unreadOf } from './unread.ts'
import { spanWords } from './when.ts'
import { isOnline } from './who-command.ts'
import { width } from './width.ts'

const NAME_COLS = 18

export async function chats(app: App): Promise<void> {
  const session = app.requireSession()
  const list = await session.chats()
  if (list.length === 0) {
    app.front.row('*', 'No chats yet. @name and a message starts one.')
    return
  }
  const online = await session.who.online()
  app.front.rows(
    '*',
    list.map((each) => chatRow(app, each, online)),
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

export async function next(app: App): Promise<void> {
  const [first] = unreadOf(await app.requireSession().chats(), app.chat)
  if (first === undefined) app.front.row('*', 'Nothing else is unread.')
  else await chat(app, [String(first.number)])
}

function chatRow(app: App, info: ChatInfo, online?: OnlineContacts): string {
  const { contact, group, unread: count, last, state } = info
  const now = app.deps.clock.now()
  const when =
    last === null
      ? ''
      : sameDay(last.at, now)
        ? clockTime(last.at, app.preferences.now.time)
        : longDate(last.at)
  const words = [
    contact !== null && online !== undefined && isOnline(online, contact) ? 'online' : '',
    count > 0 ? `${count > 998 ? '999+' : String(count)} unread` : '',
    state.mutedUntil > 0 ? 'muted' : '',
    state.timerSeconds > 0 ? `vanishing after ${spanWords(state.timerSeconds)}` : '',
    ...(group === undefined ? personWords(contact, info.notes) : groupWords(group)),
  ].filter((s) => s !== '')
  const name = bareChat(group?.chat ?? contact?.user ?? state.user)
  const title = info.notes ? `${name} (notes)` : name
  return [
    String(state.number).padStart(3),
    title + ' '.repeat(Math.max(0, NAME_COLS - width(title))),
    last === null || group?.standing === 'pending' ? '' : preview(last),
    when,
    words.join(', '),
  ]
    .filter((s) => s !== '')
    .join('  ')
}

function personWords(contact: ContactInfo | null, notes: boolean): string[] {
  if (contact === null) return []
  return [
    contact.trust === 'verified' ? 'verified' : '',
    contact.trust === 'changed' || contact.trust === 'blocked' ? 'keys changed' : '',
    contact.blockedByMe ? 'blocked' : '',
    contact.deleted === true ? 'deleted' : notes ? '' : waitsForWords(contact),
  ]
}

function groupWords(group: GroupInfo): string[] {
  return [peopleCount(group), standingWords(group).replace(/^, /, '')]
}

export async function chat(app: App, [typed]: readonly string[]): Promise<void> {
  if (typed === undefined) {
    await chats(app)
    return
  }
  const session = app.requireSession()
  const { group, contact } = await conversationOf(session, typed)
  if (group !== null) await openGroup(app, group)
  if (contact === null) return
  app.openChat(contact.user, contact.conv)
  const isMe = contact.user === session.me.user
  app.front.row('-', isMe ? `${contact.user}, notes to yourself` : chatTitle(contact))
  await readPage(app, contact.user)
}

/** The newest page of a chat. All of it counts as read then, so what is unread and not on that page is shown or told. */
async function readPage(app: App, name: string): Promise<void> {
  const session = app.requireSession()
  const unread = await session.unread(name)
  const shown = new Set((await page(app, name, { limit: PAGE })).map(({ number }) => number))
  const above = unread.filter(({ number }) => !shown.has(number))
  // where it stands nobody would look for it
  const elsewhere = above.filter(({ before }) => before !== undefined).slice(-PAGE)
  if (elsewhere.length > 0) {
    app.front.row('*', 'Unread, and further up because of when it was written:')
    printPast(app, elsewhere)
  }
  const left = above.length - elsewhere.length
  if (left > 0) {
    app.front.row('*', `${String(left)} more unread further up: !history ${bareChat(name)} COUNT`)
  }
  await session.markRead(name)
}

/** What stands above a chat: whom one talks to, and how sure that is. */
export function chatTitle({ user, trust }: ContactInfo): string {
  switch (trust) {
    case 'verified':
      return `${user}, verified`
    case 'unverified':
      return `${user}, not verified (!verify ${user})`
    case 'changed':
    case 'blocked':
      return `${user}, KEYS CHANGED (!verify ${user})`
  }
}

async function openGroup(app: App, group: GroupInfo): Promise<void> {
  const name = chatWord(group.chat)
  if (group.standing === 'pending') {
    fail('E_STATE', `You are invited to ${name}: !accept ${name} or !decline ${name} first.`)
  }
  app.openChat(group.chat, group.conv)
  const about = topicWords(group.topic)
  const words = `${name}, ${peopleCount(group)}${standingWords(group)}`
  app.front.row('-', about === '' ? words : `${words}: ${about}`)
  await readPage(app, group.chat)
}

export async function mute(app: App, [typed = '', span]: readonly string[]): Promise<void> {
  const session = app.requireSession()
  const isOff = span?.toLowerCase() === 'off'
  const seconds = span === undefined || isOff ? null : parseSpan(span)
  if (span !== undefined && !isOff && (seconds === null || seconds === 0)) {
    fail('E_USAGE', 'Usage: !mute CHAT [1h|off]   Example: !mute alice 8h')
  }
  const chat = chatArgument(session, typed)
  if (isOff) {
    const { user, mutedUntil } = await session.life.chatOf(chat)
    if (mutedUntil === 0) fail('E_STATE', `${chatWord(user)} is not muted.`)
  }
  const until = isOff ? 0 : seconds === null ? Infinity : app.deps.clock.now() + seconds * 1000
  const state = await session.life.mute(chat, until)
  const length = seconds === null ? '' : ` for ${spanWords(seconds)}`
  app.front.row(
    '*',
    isOff
      ? `${chatWord(state.user)} is not muted any more.`
      : `${chatWord(state.user)} is muted${length}: new messages are counted, not shown. !mute ${bareChat(state.user)} off ends it.`,
  )
}

export async function deleteChat(app: App, [typed = '', yes]: readonly string[]): Promise<void> {
  const session = app.requireSession()
  if (yes !== undefined && yes.toLowerCase() !== 'yes') {
    fail('E_USAGE', 'Usage: !delete CHAT [yes]   Example: !delete alice')
  }
  const { user, group, conv } = await session.life.chatOf(chatArgument(session, typed))
  const isSure = yes !== undefined || (await confirmed(app, user))
  if (!isSure) {
    app.front.row('*', 'Nothing was deleted.')
    return
  }
  await session.life.deleteChat(user)
  await session.notebook.forgetLines(conv)
  if (app.chat === user) app.openChat(null)
  const isIn = group?.standing === 'member'
  app.front.row(
    '*',
    isGroupName(user)
      ? `The chat of ${chatWord(user)} is deleted here, not for the others.${isIn ? ` You are still in it: !leave ${chatWord(user)} leaves it.` : ''}`
      : `The chat with @${user} is deleted here. Theirs is not.`,
  )
}

function confirmed(app: App, user: string): Promise<boolean> {
  return app.front.form(() => {
    const forms =
      app.front.forms ??
      fail('E_USAGE', `There is no terminal to ask on. To be sure: !delete ${bareChat(user)} yes`)
    return forms.confirm(
      `Delete the chat with ${chatWord(user)} from your devices, for good?`,
      false,
    )
  })
}

export async function newChat(app: App, [typed = '', note = '']: readonly string[]): Promise<void> {
  if (isGroupName(typed)) {
    fail('E_USAGE', '!new asks one person. !group NAME USER... makes a group: !group team alice')
  }
  await app.requireSession().life.request(typed, note) // the line that comes of it says so
}

export async function disappear(
  app: App,
  [typed = '', span = '']: readonly string[],
): Promise<void> {
  const seconds = span.toLowerCase() === 'off' ? 0 : parseSpan(span)
  if (seconds === null) {
    fail('E_USAGE', 'Usage: !disappear CHAT 1h|off   Example: !disappear alice 1d')
  }
  const session = app.requireSession()
  const { user } = await session.life.chatOf(chatArgument(session, typed))
  await session.life.disappear(user, seconds)
}

export async function requests(app: App): Promise<void> {
  const session = app.requireSession()
  const list = session.requests()
  const strangers = await unanswered(session)
  if (list.length + strangers.length === 0) {
    app.front.row('*', 'No chat requests.')
    return
  }
  app.front.rows('*', [
    ...list.map((r) => {
      const number = String(r.number).padStart(3)
      return r.group === undefined
        ? `${number}  @${r.user}  ${isolate(safeInline(r.note))}`
        : `${number}  ${chatWord(r.group.chat)}, ${peopleCount(r.group)}: @${r.user} invites you`
    }),
    ...strangers.map(
      ({ user }) =>
        `     @${user} has written: an answer or !accept ${user} accepts, !block ${user} ends it`,
    ),
  ])
}
