// Commands about groups and who is in them. What a change did is told by the event that follows it, to everybody alike;
// here are the questions before and the hints behind.
import type { GroupInfo, GroupMember } from '../../client/group-api.ts'
import { fail } from '../../util/errors.ts'
import type { App } from './app.ts'
import { findGroup, groupFirst, groupOf, personArgument } from './chat-target.ts'
import { chatWord, peopleCount, standingWords, topicWords } from './chat-words.ts'
import { splitText } from './parse.ts'

const MEMBER = '!members shows who is in it.'
const ONE_BY_ONE = 'A group cannot be a member of a group.'

export async function createGroup(
  app: App,
  [typed = '', ...users]: readonly string[],
): Promise<void> {
  const session = app.requireSession()
  const name = typed.replace(/^#/, '')
  if (name === '' || name.startsWith('@')) {
    fail('E_USAGE', 'A group needs a name. Example: !group team alice bob')
  }
  const known = findGroup(session, `#${name}`)
  if (known?.standing === 'member' || known?.standing === 'pending') {
    const chat = chatWord(known.chat)
    fail('E_TAKEN', `You have a group ${chat} already. !invite ${chat} USER adds somebody to it.`)
  }
  const others = people(users).filter((user) => user !== session.me.user)
  if (others.length === 0) fail('E_USAGE', 'You are in it anyway: who else? !group team alice bob')
  const group = await session.groups.create(name, others)
  const chat = chatWord(group.chat)
  app.front.row(
    '*',
    `${chat} TEXT writes to it, !chat ${chat} opens it, !members ${chat} lists it.`,
  )
}

const INVITE = '!invite #GROUP USER...   Example: !invite #team carol'

export async function invite(app: App, args: readonly string[]): Promise<void> {
  const { group, rest } = groupFirst(app, args, INVITE)
  if (rest.length === 0) fail('E_USAGE', `Whom? Usage: ${INVITE}`)
  requireAdmin(group)
  await app.requireSession().groups.invite(group.chat, people(rest))
}

const KICK = '!kick #GROUP USER [yes]   Example: !kick #team carol'

export async function kick(app: App, args: readonly string[]): Promise<void> {
  const { group, rest } = groupFirst(app, args, KICK)
  const [typed = fail('E_USAGE', `Whom? Usage: ${KICK}`), yes, ...more] = rest
  const user = personArgument(typed, MEMBER)
  const chat = chatWord(group.chat)
  if (!isYes(yes) || more.length > 0) fail('E_USAGE', `Usage: ${KICK}`)
  requireAdmin(group)
  if (memberOf(group, user).me) fail('E_USAGE', `That is you. !leave ${chat} leaves it.`)
  const question = `Remove @${user} from ${chat}? They can read nothing that is written later.`
  if (yes === undefined && !(await confirmed(app, question, `!kick ${chat} ${user} yes`))) {
    app.front.row('*', 'Nobody was removed.')
    return
  }
  await app.requireSession().groups.kick(group.chat, user)
  app.front.row('*', `!invite ${chat} ${user} takes @${user} in again.`)
}

const LEAVE = '!leave #GROUP [yes]   Example: !leave #team'

export async function leave(app: App, args: readonly string[]): Promise<void> {
  const { group, rest } = groupFirst(app, args, LEAVE)
  const [yes, ...more] = rest
  if (!isYes(yes) || more.length > 0) fail('E_USAGE', `Usage: ${LEAVE}`)
  const chat = chatWord(group.chat)
  if (group.standing === 'pending') {
    fail('E_STATE', `You are only invited to ${chat}: !decline ${chat} says no.`)
  }
  requireMember(group)
  const question = `Leave ${chat}? Only an admin of it can take you in again.`
  if (yes === undefined && !(await confirmed(app, question, `!leave ${chat} yes`))) {
    app.front.row('*', 'You are still in it.')
    return
  }
  await app.requireSession().groups.leave(group.chat)
  if (app.chat === group.chat) app.openChat(null)
  app.front.row(
    '*',
    `What was said stays here: !history ${chat} shows it, !delete ${chat} takes it away.`,
  )
}

const TOPIC = '!topic #GROUP [TEXT|off]   Example: !topic #team release on Friday'

/** Without a text: shows it. */
export async function topic(app: App, [typed = '']: readonly string[]): Promise<void> {
  const words = splitText(typed, 2)
  const { group, rest } = groupFirst(app, words, TOPIC)
  // all of it, as it was typed, when the group was left out
  const text = rest.length === words.length ? typed : (rest[0] ?? '')
  const chat = chatWord(group.chat)
  if (text === '') {
    const now = topicWords(group.topic)
    app.front.row(
      '*',
      now === '' ? `${chat} has no topic. !topic ${chat} TEXT sets one.` : `${chat}: ${now}`,
    )
    return
  }
  requireAdmin(group)
  const isOff = /^(off|""|'')$/i.test(text)
  await app.requireSession().groups.topic(group.chat, isOff ? '' : text)
}

const ADMIN = '!admin #GROUP USER [off]   Example: !admin #team carol'

export async function admin(app: App, args: readonly string[]): Promise<void> {
  const { group, rest } = groupFirst(app, args, ADMIN)
  const [typed = fail('E_USAGE', `Whom? Usage: ${ADMIN}`), off, ...more] = rest
  if ((off !== undefined && off.toLowerCase() !== 'off') || more.length > 0) {
    fail('E_USAGE', `Usage: ${ADMIN}`)
  }
  const user = personArgument(typed, MEMBER)
  requireAdmin(group)
  const member = memberOf(group, user)
  const on = off === undefined
  if (member.admin === on) {
    fail(
      'E_STATE',
      `@${user} is ${on ? 'an admin already' : 'no admin'} of ${chatWord(group.chat)}.`,
    )
  }
  await app.requireSession().groups.admin(group.chat, user, on)
}

/** `!rename #team crew`; without a group the name is one's own. */
export async function renameGroup(app: App, [typed = '', name]: readonly string[]): Promise<void> {
  const session = app.requireSession()
  const usage = 'Usage: !rename #GROUP NAME   Example: !rename #team crew'
  if (name === undefined) fail('E_USAGE', usage)
  await session.groups.rename(groupOf(session, typed).chat, name.replace(/^#/, ''))
}

export function members(app: App, args: readonly string[]): void {
  const usage = '!members #GROUP   Example: !members #team'
  const { group, rest } = groupFirst(app, args, usage)
  if (rest.length > 0) fail('E_USAGE', `Usage: ${usage}`)
  const about = topicWords(group.topic)
  app.front.rows('*', [
    `${chatWord(group.chat)}, ${peopleCount(group)}${standingWords(group)}${about === '' ? '' : `: ${about}`}`,
    ...group.members.map(memberRow),
  ])
}

function memberRow({ user, admin: isAdmin, me, trust }: GroupMember): string {
  const marks = [
    me ? 'you' : '',
    isAdmin ? 'admin' : '',
    me ? '' : trust === 'verified' ? 'verified' : '',
    !me && (trust === 'changed' || trust === 'blocked') ? 'keys changed' : '',
  ].filter((mark) => mark !== '')
  return `  ${chatWord(user).padEnd(20)}${marks.join(', ')}`
}

function people(typed: readonly string[]): string[] {
  return [...new Set(typed.map((word) => personArgument(word.replace(/,$/, ''), ONE_BY_ONE)))]
}

function isYes(word: string | undefined): boolean {
  return word === undefined || word.toLowerCase() === 'yes'
}

function requireMember(group: GroupInfo): void {
  if (group.standing === 'member') return
  fail('E_STATE', `You are not in ${chatWord(group.chat)}${standingWords(group)}.`)
}

/** Before anything is asked; the session checks it again. */
function requireAdmin(group: GroupInfo): void {
  requireMember(group)
  if (group.admin) return
  const admins = group.members.filter((m) => m.admin).map((m) => chatWord(m.user))
  fail(
    'E_NOT_ADMIN',
    `Only admins of ${chatWord(group.chat)} can do that: ${admins.slice(0, 5).join(', ')}.`,
  )
}

function memberOf(group: GroupInfo, user: string): GroupMember {
  return (
    group.members.find((m) => m.user === user) ??
    fail('E_NOT_FOUND', `@${user} is not in ${chatWord(group.chat)}. ${MEMBER}`)
  )
}

function confirmed(app: App, question: string, sure: string): Promise<boolean> {
  return app.front.form(() => {
    const forms =
      app.front.forms ?? fail('E_USAGE', `There is no terminal to ask on. To be sure: ${sure}`)
    return forms.confirm(question, false)
  })
}
