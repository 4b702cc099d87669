// Lines that are probably a command with its mark missing or mistyped: said before they go to somebody as a message.
import { COMMANDS } from './commands.ts'
import { parseLine } from './parse.ts'

/** Words of a conversation as well: nobody wants to be asked about them. */
const EVERYDAY: readonly string[] = [
  'file',
  'files',
  'who',
  'new',
  'next',
  'wait',
  'info',
  'set',
  'pin',
]
const MIN_CHARS = 4

/** What to say before the line is sent to `chat`, the open one; null: nothing. */
export function doubtAbout(line: string, chat: string | null): string | null {
  if (chat === null) return null
  const parsed = parseLine(line, COMMANDS)
  if (parsed.kind !== 'text') return null
  // 1 is the key of ! with the shift missed
  const [, shifted = '', word = ''] = /^(1?)([a-z]+)$/iu.exec(parsed.text) ?? []
  const name = word.toLowerCase()
  if (name.length < MIN_CHARS || (shifted === '' && EVERYDAY.includes(name))) return null
  const isCommand = COMMANDS.some((c) => c.name === name || c.aliases?.includes(name) === true)
  return isCommand
    ? `Did you mean !${name}? Enter again sends it as a message, Ctrl-C drops it`
    : null
}
