// Commands about files and about what waits for an answer.
import { homedir } from 'node:os'
import { join } from 'node:path'

import type { Session } from '../../client/api.ts'
import type { ContactInfo, Offer } from '../../client/events.ts'
import { isUsername } from '../../protocol/names.ts'
import { fail } from '../../util/errors.ts'
import { isolate, safeInline } from '../sanitise.ts'
import type { App } from './app.ts'
import { groupOf } from './chat-target.ts'
import { chatWord, isGroupName } from './chat-words.ts'
import { dropRecording } from './media/recordings.ts'
import { userArgument } from './parse.ts'
import { formatBytes } from './progress-row.ts'

/** The name and size of a transfer, fit for a terminal. */
export function what(offer: Offer): string {
  return `${isolate(safeInline(offer.name))} (${formatBytes(offer.size)})`
}

export async function file(app: App, [name = '', path = '']: readonly string[]): Promise<void> {
  const session = app.requireSession()
  const full = path.startsWith('~/') ? join(homedir(), path.slice(2)) : path
  const to = isGroupName(name) ? groupOf(session, name).chat : userArgument(name)
  const offer = await session.offerFile(to, full)
  app.front.row(
    '*',
    `[${String(offer.number)}] Offered ${what(offer)} to ${chatWord(offer.peer)}. !cancel ${String(offer.number)} takes it back.`,
  )
}

export async function files(app: App): Promise<void> {
  const list = await app.requireSession().files()
  if (list.length === 0) {
    app.front.row('*', 'No files offered or moving.')
    return
  }
  app.front.rows(
    '*',
    list.map((offer) => {
      const arrow = offer.direction === 'in' ? 'from' : 'to'
      const done = offer.size === 0 ? 100 : Math.floor((100 * offer.bytes) / offer.size)
      const moving =
        offer.state === 'running' || offer.state === 'waiting' || offer.state === 'paused'
      return `[${String(offer.number)}] ${what(offer)} ${arrow} ${chatWord(offer.peer)}: ${stateWord(offer)}${moving ? ` at ${String(done)} %` : ''}`
    }),
  )
}

/** Of an own file `done` means that the server has it; what became of it there is what people want to know. */
function stateWord({ direction, state, receiver, peer }: Offer): string {
  if (direction === 'in' || state !== 'done') return state
  if (receiver === 'received' || receiver === 'declined') return receiver
  const who = isGroupName(peer) ? 'its members' : chatWord(peer)
  return receiver === 'accepted' ? `${who} takes it` : `on the server, for ${who} to answer`
}

export function transferNumber(typed: string): number {
  const n = /^\[?(\d{1,9})\]?$/.exec(typed)?.[1]
  return n === undefined ? fail('E_USAGE', 'Which number? !files lists them.') : Number(n)
}

/** Who has written without asking first, and has had no answer yet. */
export async function unanswered(session: Session): Promise<readonly ContactInfo[]> {
  const asked = new Set(session.requests().map(({ user }) => user))
  return (await session.chats()).flatMap(({ contact, last }) => {
    const waits = contact?.waitsFor === 'us' && !contact.blockedByMe && last !== null
    return waits && !asked.has(contact.user) ? [contact] : []
  })
}

/** Without an argument: the only thing that waits for an answer. */
async function onlyWaiting(app: App): Promise<number> {
  const session = app.requireSession()
  const offers = (await session.files()).filter(
    (o) => o.direction === 'in' && o.state === 'offered',
  )
  const waiting = [...offers.map((o) => o.number), ...session.requests().map((r) => r.number)]
  const [first] = waiting
  if (first === undefined) {
    const [stranger] = await unanswered(session)
    if (stranger === undefined) fail('E_NOT_FOUND', 'Nothing waits for an answer.')
    const { user } = stranger
    fail('E_USAGE', `@${user} wrote without asking first: !accept ${user}, or !block ${user}.`)
  }
  if (waiting.length > 1) {
    fail(
      'E_USAGE',
      `Which one? ${waiting.map(String).join(', ')} wait. !files and !requests list them.`,
    )
  }
  return first
}

function invitationTo(session: Session, typed: string): number {
  const { chat, conv } = groupOf(session, typed)
  const request = session.requests().find((each) => each.group?.conv === conv)
  return (
    request?.number ??
    fail('E_NOT_FOUND', `You are not invited to ${chatWord(chat)}. !requests lists what waits.`)
  )
}

async function requestOf(session: Session, user: string): Promise<number> {
  const request = session.requests().find((each) => each.user === user)
  if (request !== undefined) return request.number
  if ((await unanswered(session)).some((each) => each.user === user)) {
    fail(
      'E_STATE',
      `@${user} wrote without asking first: no answer is a no they cannot see, !block ${user} ends it.`,
    )
  }
  return fail('E_NOT_FOUND', `@${user} has asked for nothing. !requests lists who has.`)
}

export async function accept(app: App, [typed]: readonly string[]): Promise<void> {
  const session = app.requireSession()
  if (typed !== undefined && isGroupName(typed)) {
    await acceptNumber(app, invitationTo(session, typed))
    return
  }
  if (typed !== undefined && isUsername(userArgument(typed))) {
    const user = userArgument(typed)
    const known = session.contacts().find((each) => each.user === user)
    if (known?.accepted === true) fail('E_STATE', `@${user} may write to you already.`)
    await session.acceptContact(user) // its event says so
    return
  }
  await acceptNumber(app, typed === undefined ? await onlyWaiting(app) : transferNumber(typed))
}

export async function acceptNumber(app: App, number: number): Promise<void> {
  const taken = await app.requireSession().accept(number)
  app.withdrawQuestion(number)
  if ('direction' in taken)
    app.front.row('*', `Receiving ${what(taken)} from ${chatWord(taken.peer)}.`)
  else if (taken.group !== undefined) {
    const chat = chatWord(taken.group.chat)
    app.front.row('*', `You are in ${chat} now. ${chat} TEXT writes to it, !chat ${chat} opens it.`)
  }
}

export async function decline(app: App, [typed]: readonly string[]): Promise<void> {
  if (typed !== undefined && isGroupName(typed)) {
    await declineNumber(app, invitationTo(app.requireSession(), typed))
    return
  }
  if (typed !== undefined && isUsername(userArgument(typed))) {
    await declineNumber(app, await requestOf(app.requireSession(), userArgument(typed)))
    return
  }
  await declineNumber(app, typed === undefined ? await onlyWaiting(app) : transferNumber(typed))
}

export async function declineNumber(app: App, number: number): Promise<void> {
  const declined = await app.requireSession().decline(number)
  app.withdrawQuestion(number)
  if ('direction' in declined)
    app.front.row('*', `Declined ${what(declined)} from ${chatWord(declined.peer)}.`)
  else if (declined.group === undefined) {
    await app.requireSession().markRead(declined.user) // whoever decides has seen it
    app.front.row('*', `Declined the request of @${declined.user}.`)
  } else app.front.row('*', `You are not in ${chatWord(declined.group.chat)}: declined.`)
}

/** A request that nobody has answered yet, here or on another device. */
export function isWaiting(app: App, number: number): boolean {
  const requests = app.session?.requests() ?? []
  return requests.some((each) => each.number === number)
}

export async function cancel(app: App, [typed = '']: readonly string[]): Promise<void> {
  const offer = await app.requireSession().cancel(transferNumber(typed))
  app.withdrawQuestion(offer.number)
  app.front.progressEnd(offer)
  await dropRecording(offer.path)
  app.front.row('*', `Cancelled ${what(offer)}. Nothing half done is left behind.`)
}

export async function pause(app: App, [typed = '']: readonly string[]): Promise<void> {
  const offer = await app.requireSession().pause(transferNumber(typed))
  app.front.progressEnd(offer)
  app.front.row('*', `Paused ${what(offer)}. !resume ${String(offer.number)} goes on.`)
}

export async function resume(app: App, [typed = '']: readonly string[]): Promise<void> {
  const offer = await app.requireSession().unpause(transferNumber(typed))
  app.front.row('*', `Going on with ${what(offer)}.`)
}
