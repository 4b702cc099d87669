// The words around a message, the same in every front: what it is when it is no text, what belongs to it, and what was done
// to it later. Everything that comes from others is cleaned here.
import type { ClientEvent, MessageBody, MessageView } from '../../client/events.ts'
import { isolate, safeInline } from '../sanitise.ts'
import { chatWord, deliveryWords, groupChanges, isGroupName, listed } from './chat-words.ts'
import { clockTime } from './format.ts'
import { formatBytes } from './progress-row.ts'
import { spanWords } from './when.ts'

const PREVIEW_CHARS = 40

function cutInline(text: string, chars: number): string {
  const all = Array.from(safeInline(text))
  return isolate(all.slice(0, chars).join('') + (all.length > chars ? '..' : ''))
}

/** One line that says what a body is, fit for a terminal. */
export function bodyWords(body: MessageBody, chars: number = PREVIEW_CHARS): string {
  switch (body.kind) {
    case 'text':
      return cutInline(body.text, chars)
    case 'file': {
      const caption = body.caption === undefined ? '' : `: ${cutInline(body.caption, chars)}`
      return `[file] ${isolate(safeInline(body.name))}, ${formatBytes(body.size)}${caption}`
    }
    case 'request':
      return `asks to write: ${isolate(safeInline(body.note))}`
    case 'placeholder':
      return '[a message that could not be read yet]'
    case 'deleted':
      return body.admin === true ? `[removed by admin @${body.by}]` : '[deleted]'
    case 'timer':
      return body.seconds === 0
        ? '[messages stay from now on]'
        : `[messages vanish ${spanWords(body.seconds)} after they were read]`
    case 'group':
      return `[${groupChanges(body.changes, body.by, '')}]`
    case 'unsupported':
      return '[unsupported: a newer version wrote this]'
  }
}

/** One line that says what a message is and whose. */
export function preview(view: MessageView): string {
  if (view.own && view.body.kind === 'request') {
    return `you asked to write: ${isolate(safeInline(view.body.note))}`
  }
  if (view.body.kind === 'group') return groupChanges(view.body.changes, view.body.by, '')
  const isGroup = isGroupName(view.chat)
  return (view.own ? 'you: ' : isGroup ? `${view.from}: ` : '') + bodyWords(view.body)
}

/** `(edited) [👍 bob]`: behind a message; empty when there is nothing to say. */
export function notesOf(view: MessageView, fills: boolean): string {
  const reactions = (view.reactions ?? []).map(
    ({ emoji, from }) => `[${safeInline(emoji)} ${from.join(', ')}]`,
  )
  const reached = view.delivery === undefined ? '' : deliveryWords(view.delivery)
  return [
    view.timeDoubtful ? '(unverified time)' : '',
    fills ? `(was missing, written ${clockTime(view.saidAt)})` : view.resent ? '(resent)' : '',
    view.edited === true ? '(edited)' : '',
    view.pinned === true ? '(pinned)' : '',
    view.ttlMs !== undefined || view.expires !== undefined ? '(vanishes)' : '',
    reached === '' ? '' : `(${reached})`,
    missedWords(view),
    ...reactions,
  ]
    .filter((note) => note !== '')
    .join(' ')
}

/** `(not sent to @carol)`: members of the group who do not get it (PROTOCOL 6.5); empty when all do. */
export function missedWords({ notTo = [] }: MessageView): string {
  return notTo.length === 0 ? '' : `(not sent to ${listed(notTo, chatWord)})`
}

/** `re 12 alice: lunch?`; null when it answers nothing. */
export function answerWords(view: MessageView): string | null {
  const { answers } = view
  if (answers === undefined) return null
  if (answers === 'unknown') return 're: a message that is not here'
  return `re ${String(answers.number)} ${answers.from}: ${bodyWords(answers.body)}`
}

const CHANGED_CHARS = 2000

/** `12 alice edited: see you at seven`, to stand behind a `~`. */
export function changeWords(event: Extract<ClientEvent, { type: 'message-change' }>): string {
  const { change, message, by, own } = event
  const who = `${String(message.number)} ${own ? 'you' : by}`
  const emoji = safeInline(event.emoji ?? '')
  switch (change) {
    case 'edited':
      return `${who} edited: ${bodyWords(message.body, CHANGED_CHARS)}`
    case 'deleted':
      return message.body.kind === 'deleted' && message.body.admin === true
        ? `${who} removed it, as an admin`
        : `${who} deleted it`
    case 'reacted':
      return `${who} reacted: ${emoji}`
    case 'unreacted':
      return `${who} took back: ${emoji}`
    case 'pinned':
      return `${who} pinned: ${bodyWords(message.body)}`
    case 'unpinned':
      return `${who} unpinned: ${bodyWords(message.body)}`
  }
}

/** `#team carol`, `alice`, `me #team`, `me @bob`: whose line it is, before its colon; not cleaned. */
export function speaker(view: MessageView): string {
  const isGroup = isGroupName(view.chat)
  if (view.own) return `me ${isGroup ? '' : '@'}${view.chat}`
  return isGroup ? `${view.chat} ${view.from}` : view.from
}

/** `#team: alice added carol.`; null for anything else than a change of a group. */
export function groupLine(view: MessageView): string | null {
  const { body } = view
  if (body.kind !== 'group') return null
  return `${chatWord(view.chat)}: ${groupChanges(body.changes, body.by, '')}.`
}
