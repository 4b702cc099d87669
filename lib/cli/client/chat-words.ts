// How chats, groups and what happens in groups are called in a sentence of ours. Names and topics come from others: they
// are cleaned here.
import type { ContactInfo } from '../../client/events.ts'
import type { GroupChange, GroupDelivery, GroupInfo } from '../../client/group-api.ts'
import { isolate, safeInline } from '../sanitise.ts'

/** Longer words of somebody else are cut in the middle of our own sentence. */
const TOPIC_CHARS = 280
const LISTED = 12

/** Whose answer is missing in a chat between two; empty when none is. */
export function waitsForWords({ accepted, blockedByMe, waitsFor }: ContactInfo): string {
  if (accepted || blockedByMe) return ''
  if (waitsFor === undefined) return 'not accepted'
  return { us: 'waits for your answer', them: 'waits for an answer', nobody: 'declined' }[waitsFor]
}

export function isGroupName(typed: string): boolean {
  return typed.startsWith('#')
}

/** `@alice`, `#team`. */
export function chatWord(chat: string): string {
  return isolate(safeInline(isGroupName(chat) ? chat : `@${chat}`))
}

/** `alice`, `#team`: where people stand without their mark. */
export function bareChat(chat: string): string {
  return isGroupName(chat) ? chatWord(chat) : chat
}

/** `1 person`, `5 people` */
export function peopleCount(group: GroupInfo): string {
  const count = group.members.length
  return count === 1 ? '1 person' : `${String(count)} people`
}

/** `, you left`: what stands behind the name of a group where we cannot write. */
export function standingWords(group: GroupInfo): string {
  switch (group.standing) {
    case 'member':
      return ''
    case 'pending':
      return ', you are invited'
    case 'left':
      return ', you left'
    case 'removed':
      return ', you were removed'
  }
}

export function topicWords(topic: string): string {
  const all = Array.from(safeInline(topic).trim())
  return isolate(all.slice(0, TOPIC_CHARS).join('') + (all.length > TOPIC_CHARS ? '..' : ''))
}

/** What happened, without the full stop: `alice added carol, renamed it to crew`. `me` is called "you". */
export function groupChanges(changes: readonly GroupChange[], by: string, me: string): string {
  const name = (user: string): string => (user === me ? 'you' : isolate(safeInline(user)))
  if (changes.length === 0) return `${name(by)} changed something`
  let subject = ''
  const clauses: string[] = []
  for (const change of changes) {
    const who = name(change.what === 'left' ? change.user : by)
    const words = changeWords(change, name)
    clauses.push(who === subject ? words : `${who} ${words}`)
    subject = who
  }
  return clauses.join(', ')
}

function changeWords(change: GroupChange, name: (user: string) => string): string {
  switch (change.what) {
    case 'created':
      return change.users.length === 0
        ? 'made this group'
        : `made this group with ${listed(change.users, name)}`
    case 'added':
      return `added ${listed(change.users, name)}`
    case 'removed':
      return `removed ${listed(change.users, name)}`
    case 'left':
      return 'left'
    case 'named':
      return `renamed it to ${isolate(safeInline(change.name))}`
    case 'topic':
      return change.topic.trim() === ''
        ? 'took the topic away'
        : `set the topic: ${topicWords(change.topic)}`
    case 'admin':
      return change.on
        ? `made ${name(change.user)} an admin`
        : `took the admin's rights from ${name(change.user)}`
  }
}

/** The first of them, and how many more there are. */
export function listed(users: readonly string[], name: (user: string) => string): string {
  const shown = users.slice(0, LISTED).map(name).join(', ')
  return users.length > LISTED ? `${shown} and ${String(users.length - LISTED)} more` : shown
}

/** `delivered 3/5, read 2`; empty while nobody has it. */
export function deliveryWords({ delivered, read, of }: GroupDelivery): string {
  if (delivered === 0 && read === 0) return ''
  if (of > 0 && read >= of) return `read ${String(read)}/${String(of)}`
  const reached = `delivered ${String(Math.max(delivered, read))}/${String(of)}`
  return read === 0 ? reached : `${reached}, read ${String(read)}`
}
