// The lines typed at the prompt, from one launch to the next: sealed in the local store, each with the conversation whose
// words it holds, so that it goes when that goes. Never a line with a secret, never what was said to vanish.
import type { Session } from '../../client/api.ts'
import type { App } from './app.ts'
import { findGroup } from './chat-target.ts'
import { COMMANDS } from './commands.ts'
import { parseLine, splitArguments, userArgument } from './parse.ts'

/** They ask for secrets: how many arguments they take that are none. */
const ASKS_SECRET: Readonly<Record<string, number>> = {
  ...{ login: 1, register: 1, recover: 1, rename: 2, loginkey: 2, devices: 2 },
  ...{ passwd: 0, lock: 0, logout: 0, deleteaccount: 0 },
}
/** Their first argument is the number of a message, behind it stand words for the same conversation. */
const ABOUT_MESSAGE: readonly string[] = ['reply', 'edit']

/** Whether a password may have been typed where it does not belong. */
export function isSecretLine(line: string): boolean {
  const parsed = parseLine(line, COMMANDS)
  if (parsed.kind === 'command') {
    const most = ASKS_SECRET[parsed.name]
    return most !== undefined && (splitArguments(parsed.rest)?.length ?? Infinity) > most
  }
  if (parsed.kind !== 'unknown' && parsed.kind !== 'ambiguous') return false
  const names = parsed.kind === 'unknown' ? parsed.suggestions : parsed.candidates
  return names.some((name) => name in ASKS_SECRET) && /^\S+\s+\S/u.test(line.trim())
}

/** What the line was about: a conversation, nothing, or what nobody is to find later. */
async function conversation(
  session: Session,
  line: string,
  openChat: string | null,
): Promise<{ readonly conv: string } | 'vanishing'> {
  const chat = await chatOf(session, line, openChat)
  if (chat === null) return { conv: '' }
  const { conv, timerSeconds } = await session.life.chatOf(chat)
  return timerSeconds > 0 ? 'vanishing' : { conv }
}

async function chatOf(
  session: Session,
  line: string,
  openChat: string | null,
): Promise<string | null> {
  const parsed = parseLine(line, COMMANDS)
  switch (parsed.kind) {
    case 'text':
      return openChat
    case 'to':
      return personOf(session, parsed.user)
    case 'group':
      return findGroup(session, parsed.group)?.chat ?? null
    case 'command': {
      const [first = ''] = parsed.rest.split(/\s/u, 1)
      if (ABOUT_MESSAGE.includes(parsed.name)) {
        return (await session.message(Number(first)))?.chat ?? null
      }
      return first.startsWith('#')
        ? (findGroup(session, first)?.chat ?? null)
        : personOf(session, first)
    }
    case 'empty':
    case 'unknown':
    case 'ambiguous':
      return null
  }
}

function personOf(session: Session, typed: string): string | null {
  const user = userArgument(typed)
  return session.contacts().find((each) => each.user === user)?.user ?? null
}

/** Keeps a line that was dealt with; `openChat` is the chat that was open when it was entered. */
export async function keepLine(app: App, line: string, openChat: string | null): Promise<void> {
  const { session } = app
  if (session === null || line.trim() === '' || isSecretLine(line)) return
  const about = await conversation(session, line, openChat)
  if (about !== 'vanishing') await session.notebook.addLine(line, about.conv)
}
