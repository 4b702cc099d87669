// !who: the own contacts first, with who of them is online; then, with a beginning, names of the server. What the operator does
// not allow is one clear sentence.
import type { ContactInfo } from '../../client/events.ts'
import type { FoundNames, NoAnswer, OnlineContacts } from '../../client/who-api.ts'
import { isolate, nameInBrackets, safeInline } from '../sanitise.ts'
import type { App } from './app.ts'
import { personArgument } from './chat-target.ts'
import { chatWord, waitsForWords } from './chat-words.ts'

export async function who(app: App, [typed = '']: readonly string[]): Promise<void> {
  const wanted = personArgument(typed, `!members ${chatWord(typed)} lists who is in it.`)
  const session = app.requireSession()
  const asked = session.who.online()
  const found = wanted === '' ? null : await session.who.find(wanted)
  const online = await asked
  const all = session.contacts()
  const contacts = all.filter(({ user, formerNames }) =>
    [user, ...formerNames].some((name) => name.startsWith(wanted)),
  )
  const known = new Set(all.map(({ user }) => user))
  app.front.rows('*', [
    ...contactRows(contacts, wanted, online),
    ...(found === null ? [] : foundRows(found, wanted, known)),
  ])
}

export function isOnline(online: OnlineContacts, { acct }: ContactInfo): boolean {
  return online.known && online.accts.has(acct)
}

function contactRows(
  contacts: readonly ContactInfo[],
  wanted: string,
  online: OnlineContacts,
): string[] {
  if (contacts.length === 0) {
    return wanted === ''
      ? ['You have no contacts yet. @NAME and a message starts a chat.']
      : [`None of your contacts has a name that begins with ${quoted(wanted)}.`]
  }
  const unknown = online.known ? '' : ONLINE_UNKNOWN[online.why]
  return [
    'Your contacts:',
    ...contacts.map((contact) => contactRow(contact, isOnline(online, contact))),
    ...(unknown === '' ? [] : [unknown]),
  ]
}

function contactRow(c: ContactInfo, online: boolean): string {
  const state = [
    online ? 'online' : '',
    c.trust === 'verified' ? 'verified' : '',
    c.trust === 'changed' || c.trust === 'blocked' ? 'keys changed' : '',
    c.blockedByMe ? 'blocked' : '',
    c.deleted === true ? 'deleted' : waitsForWords(c),
  ].filter((word) => word !== '')
  return `  @${c.user}${nameInBrackets(c.displayName)}${state.length === 0 ? '' : `   ${state.join(', ')}`}`
}

function foundRows(found: FoundNames, wanted: string, known: ReadonlySet<string>): string[] {
  if (!found.known) return [NAMES_UNKNOWN[found.why]]
  const others = found.users.filter((user) => !known.has(user))
  const more = found.more ? ['There are more: type more of the name.'] : []
  if (others.length === 0) {
    const said = `No other name on this server begins with ${quoted(wanted)}.`
    return found.more ? more : [said]
  }
  return [
    'On this server, not your contacts (@NAME and a message starts a chat):',
    ...others.map((user) => `  @${user}`),
    ...more,
  ]
}

function quoted(typed: string): string {
  return `"${isolate(safeInline(typed))}"`
}

export const ONLINE_UNKNOWN: Readonly<Record<NoAnswer, string>> = {
  offline: 'You are offline: nobody can say who is online.',
  'not-offered': 'This server tells nobody who is online: its operator does not allow it.',
  hidden: 'To see who is online, let yourself be seen: !set presence on',
  'no-beginning': '',
  later: 'Who is online cannot be said just now: try again in a minute.',
}

const NAMES_UNKNOWN: Readonly<Record<NoAnswer, string>> = {
  offline: 'You are offline: other names cannot be looked for.',
  'not-offered':
    'The operator of this server does not allow searching for names: @NAME asks for one exact name.',
  hidden: '',
  'no-beginning':
    'The server looks for names by two letters or more, as names are written: a-z 0-9 _ . -',
  later: 'Other names cannot be looked for just now: try again in a minute.',
}
