// Which conversation a typed word means: `alice`, `@alice`, the short number of a chat, `#team`. Groups are looked up here, so
// that a mistyped one is a sentence with the nearest name and never a new place to write to.
import type { Session } from '../../client/api.ts'
import type { ContactInfo } from '../../client/events.ts'
import type { GroupInfo } from '../../client/group-api.ts'
import { fail } from '../../util/errors.ts'
import { nearest } from '../nearest.ts'
import { isolate, safeInline } from '../sanitise.ts'
import type { App } from './app.ts'
import { chatWord, isGroupName } from './chat-words.ts'

export interface Conversation {
  /** What the session calls it. */
  readonly chat: string
  readonly contact: ContactInfo | null
  readonly group: GroupInfo | null
}

/** A group by its `#name`, in any case. */
export function findGroup(session: Session, typed: string): GroupInfo | undefined {
  const name = typed.normalize('NFC')
  const list = session.groups.list()
  return (
    list.find((group) => group.chat === name) ??
    list.find((group) => group.chat.toLowerCase() === name.toLowerCase())
  )
}

/** @throws E_USAGE for a lone `#`, E_NOT_FOUND with the nearest name */
export function groupOf(session: Session, typed: string): GroupInfo {
  if (typed === '#')
    fail('E_USAGE', 'Which group? Example: #team hello   (## begins a line with a #)')
  const found = findGroup(session, typed)
  if (found !== undefined) return found
  const names = session.groups.list().map((group) => group.chat)
  const near = nearest(typed, names)
  const shown = isolate(safeInline(typed))
  return fail(
    'E_NOT_FOUND',
    near === undefined
      ? `No group called ${shown}. !chats lists yours; ## begins a line with a #.`
      : `No group called ${shown}. Did you mean ${chatWord(near)}?`,
  )
}

/** The word for the session: groups by their true name, people and numbers as they were typed. */
export function chatArgument(session: Session, typed: string): string {
  return isGroupName(typed) ? groupOf(session, typed).chat : typed
}

export async function conversationOf(session: Session, typed: string): Promise<Conversation> {
  const named = isGroupName(typed) ? groupOf(session, typed) : undefined
  const group =
    named ?? (/^\d+$/.test(typed) ? (await session.life.chatOf(typed)).group : undefined)
  if (group !== undefined) return { chat: group.chat, contact: null, group }
  const contact = await session.life.contactOf(typed)
  return { chat: contact.user, contact, group: null }
}

/** What a command about one person was given. @throws E_USAGE for a group, with what to do instead */
export function personArgument(typed: string, instead: string): string {
  if (!isGroupName(typed)) return typed.replace(/^@/, '').toLowerCase()
  return fail('E_USAGE', `${chatWord(typed)} is a group, and this is about one person. ${instead}`)
}

/**
 * The group that a command is about, and what is left of its arguments: `#team` or, outside of any group, the number of a
 * chat; in the open chat of a group it may be left out.
 */
export function groupFirst(
  app: App,
  args: readonly string[],
  usage: string,
): { readonly group: GroupInfo; readonly rest: readonly string[] } {
  const session = app.requireSession()
  const [first = '', ...rest] = args
  if (isGroupName(first)) return { group: groupOf(session, first), rest }
  if (app.chat !== null && isGroupName(app.chat)) {
    return { group: groupOf(session, app.chat), rest: args }
  }
  const byNumber = session.groups.list().find((group) => String(group.number) === first)
  if (byNumber !== undefined) return { group: byNumber, rest }
  return fail('E_USAGE', `Which group? Usage: ${usage}`)
}
