// A chat as a document: Markdown for people, JSON lines for programs. Pure, one message at a time, the same bytes on every
// device that has the same messages: nothing of the device (numbers, arrival times, ticks) is in it.
import type { MessageView } from '../../client/events.ts'
import { safeBody, safeInline, safeJson } from '../sanitise.ts'
import { isGroupName } from './chat-words.ts'
import { bodyWords } from './message-text.ts'

export type ExportFormat = 'markdown' | 'json'

/** Fields that mean something on one device only. */
const LOCAL: ReadonlySet<string> = new Set([
  ...[
    'number',
    'before',
    'at',
    'saidAt',
    'state',
    'offer',
    'request',
    'pinned',
    'ttlMs',
    'expires',
    'delivery',
  ],
])
/** What begins a construct of Markdown inside a line, and at its beginning. */
const INLINE = /[\\`*_[\]<>#|~&]/g
const LEADING = /^(?:[-+=]|\d+(?=[.)]))/
const LEADING_BLANKS = /^ +/
const NO_BREAK_SPACE = '\u00A0'

export async function* exportLines(
  format: ExportFormat,
  chat: string,
  messages: AsyncIterable<MessageView>,
): AsyncGenerator<string> {
  if (format === 'json') {
    for await (const view of messages) yield `${jsonLine(view)}\n`
    return
  }
  const title = isGroupName(chat) ? `in ${safeInline(chat)}` : `with @${chat}`
  yield `# Conversation ${markdown(title)}\n`
  let day = ''
  for await (const view of messages) {
    const [date = '', time = ''] = isoTime(view.ts).split(/[T.]/)
    if (date !== day) yield `\n## ${date}\n\n`
    day = date
    yield `${entry(view, time)}\n`
  }
}

/** One message, its fields in alphabetical order. */
export function jsonLine(view: MessageView): string {
  const { ts, ...rest } = view
  return safeJson(portable({ ...rest, time: isoTime(ts) }))
}

/** `- **12:04:33 alice:** text`, further lines indented; times are UTC, as the author's device gave them. */
function entry(view: MessageView, time: string): string {
  const { body } = view
  const text = body.kind === 'text' ? body.text : bodyWords(body)
  const [first = '', ...more] = [
    ...answered(view),
    ...safeBody(text).split('\n'),
    ...notes(view),
  ].map(markdown)
  const head = `- **${time} ${markdown(safeInline(view.from))}:** ${first}`
  return [head, ...more.map((line) => `  ${line === '' ? NO_BREAK_SPACE : line}`)].join('\\\n')
}

/** Without its number, which is this device's own. */
function answered({ answers }: MessageView): string[] {
  if (answers === undefined) return []
  if (answers === 'unknown') return ['(re: a message that is not here)']
  return [`(re ${safeInline(answers.from)}: ${bodyWords(answers.body)})`]
}

/** What happened to it later. */
function notes({ edited, reactions = [] }: MessageView): string[] {
  const all = [
    ...(edited === true ? ['(edited)'] : []),
    ...reactions.map(({ emoji, from }) => `[${safeInline(emoji)} ${from.join(', ')}]`),
  ]
  return all.length === 0 ? [] : [all.join(' ')]
}

function markdown(line: string): string {
  return line
    .replace(INLINE, '\\$&')
    .replace(LEADING, (start) => (/^\d/.test(start) ? `${start}\\` : `\\${start}`))
    .replace(LEADING_BLANKS, (blanks) => NO_BREAK_SPACE.repeat(blanks.length))
}

/** Years beyond four digits and nonsense become the ends of what can be written. */
function isoTime(ms: number): string {
  return new Date(Math.min(ms, Date.UTC(9999, 11, 31, 23, 59, 59, 999))).toISOString()
}

function portable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(portable)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
    .filter(([name]) => !LOCAL.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([name, each]) => [name, portable(each)]))
}
