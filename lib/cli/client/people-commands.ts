// Commands about other people: block, verify, trust.
import type { ContactInfo } from '../../client/events.ts'
import { safetyWords } from '../../identity/safety-words.ts'
import { fail } from '../../util/errors.ts'
import type { App } from './app.ts'
import { personArgument } from './chat-target.ts'
import { chatWord } from './chat-words.ts'

const GROUPS_PER_ROW = 4
const WORDS_PER_ROW = 3
const WORD_COLS = 12

function membersHint(typed: string): string {
  return `!members ${chatWord(typed)} lists who is in it.`
}

export async function block(app: App, [name]: readonly string[]): Promise<void> {
  if (name === undefined) {
    blocked(app)
    return
  }
  const session = app.requireSession()
  const user = personArgument(
    name,
    `!mute ${chatWord(name)} makes it silent, !leave ${chatWord(name)} leaves it.`,
  )
  const before = session.blocked().some((c) => c.user === user)
  if (before) fail('E_STATE', `@${user} is blocked already. !unblock ${user} takes it back.`)
  await session.block(user)
  app.front.row(
    '*',
    `Blocked @${user}: nothing from them arrives any more, and they cannot tell. !unblock ${user} takes it back.`,
  )
}

export async function unblock(app: App, [name = '']: readonly string[]): Promise<void> {
  const session = app.requireSession()
  const user = personArgument(name, membersHint(name))
  if (!session.blocked().some((c) => c.user === user || c.formerNames.includes(user))) {
    fail('E_STATE', `@${user} is not blocked.`)
  }
  await session.unblock(user)
  app.front.row('*', `@${user} is not blocked any more. What they wrote meanwhile stays unread.`)
}

export function blocked(app: App): void {
  const list = app.requireSession().blocked()
  if (list.length === 0) app.front.row('*', 'Nobody is blocked.')
  else app.front.rows('*', ['Blocked:', ...list.map((c) => `  @${c.user}`)])
}

export async function verify(app: App, [name = '', answer]: readonly string[]): Promise<void> {
  const session = app.requireSession()
  const user = personArgument(name, membersHint(name))
  if (answer !== undefined) {
    if (answer.toLowerCase() !== 'ok') fail('E_USAGE', `Usage: !verify ${user} ok`)
    const contact: ContactInfo = await session.setVerified(user, true)
    app.front.row('*', `@${contact.user} is verified: you have compared the number with them.`)
    return
  }
  if (user === session.me.user) fail('E_USAGE', 'That is you: there is nothing to compare.')
  const { groups, verified } = await session.safetyNumber(user)
  app.front.rows('*', [
    `Safety number with @${user}${verified ? ' (verified)' : ''}. Meet, or call each other: both type !verify,`,
    'and compare all twelve groups, or all words; a scanner reads the digits.',
  ])
  app.front.qr(groups.join(''), [
    ...inRows(groups, GROUPS_PER_ROW).map((row) => row.join(' ')),
    '',
    ...inRows(safetyWords(groups), WORDS_PER_ROW).map((row) =>
      row.map((word) => word.padEnd(WORD_COLS)).join(''),
    ),
  ])
  app.front.rows('*', [
    `They are the same? !verify ${user} ok`,
    'One differs? Write nothing secret here, and talk to them another way.',
  ])
}

function inRows(all: readonly string[], count: number): string[][] {
  return Array.from({ length: Math.ceil(all.length / count) }, (_, i) =>
    all.slice(i * count, (i + 1) * count),
  )
}

export async function trust(app: App, [name = '']: readonly string[]): Promise<void> {
  const session = app.requireSession()
  const user = personArgument(name, membersHint(name))
  const known = session.contacts().find((c) => c.user === user || c.formerNames.includes(user))
  if (known?.trust === 'unverified' || known?.trust === 'verified') {
    fail('E_STATE', `The keys of @${known.user} have not changed: there is nothing to decide.`)
  }
  const contact = await session.trust(user)
  app.front.row(
    '*',
    `Going on with @${contact.user}, not verified. !verify ${contact.user} compares the new number.`,
  )
}
