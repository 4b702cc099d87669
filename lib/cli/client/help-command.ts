// `!help`: one page that fits a small window, a table for each topic, all of them, or one command. Made from the command
// table, so that it cannot fall behind it.
import { fail } from '../../util/errors.ts'
import type { App } from './app.ts'
import { type Command, GROUPS } from './command.ts'

type Group = (typeof GROUPS)[number]

const HELP_COLUMN = 24
const TOPIC_COLUMN = 13

/** What is typed behind `!help`; none of them is a command. */
export const TOPICS: Readonly<Record<Group, string>> = {
  Write: 'writing',
  People: 'people',
  Groups: 'groups',
  Files: 'transfers',
  Safety: 'safety',
  You: 'account',
  'This window': 'window',
}

export function help(app: App, [wanted]: readonly string[], commands: readonly Command[]): void {
  app.front.rows('*', wanted === undefined ? page(commands) : about(wanted, commands))
}

/** One row for each topic, as far as the window is wide enough for it. */
function page(commands: readonly Command[]): string[] {
  const topics = GROUPS.map((group) => {
    const names = commands.filter((c) => c.group === group).map((c) => `!${c.name}`)
    return capital(TOPICS[group]).padEnd(TOPIC_COLUMN) + names.join(' ')
  })
  return [
    `${'@NAME TEXT'.padEnd(TOPIC_COLUMN)}writes to somebody, #GROUP TEXT to a group: @alice hello`,
    ...topics,
    `${'!help WORD'.padEnd(TOPIC_COLUMN)}explains a command, or a topic (a word at the left); !help all explains all`,
    'Tab completes. A unique beginning of a command is enough; / works like !; !!, //, @@ and ## are literal.',
  ]
}

function about(wanted: string, commands: readonly Command[]): string[] {
  const word = wanted.replace(/^[!/]/, '').toLowerCase()
  if (word === 'all') {
    return GROUPS.flatMap((group) => [`${capital(TOPICS[group])}:`, ...table(group, commands)])
  }
  const group = GROUPS.find((each) => TOPICS[each] === word)
  if (group !== undefined) return table(group, commands)
  const command =
    commands.find((c) => c.name === word) ??
    commands.find((c) => c.aliases?.includes(word)) ??
    fail('E_USAGE', 'No such command. !help lists them.')
  return [title(command), `  ${command.summary}`, `  Example: ${command.example}`]
}

function table(group: Group, commands: readonly Command[]): string[] {
  return commands.filter((c) => c.group === group).flatMap((c) => entry(title(c), c.summary))
}

function title(command: Command): string {
  return command.usage === '' ? `!${command.name}` : `!${command.name} ${command.usage}`
}

/** Two columns; a long left one has a row of its own. */
function entry(left: string, right: string): string[] {
  return left.length + 2 <= HELP_COLUMN
    ? [left.padEnd(HELP_COLUMN) + right]
    : [left, ' '.repeat(HELP_COLUMN) + right]
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}
