// What happened -> what is said about it: the one place for the wording of events. Every remote string is cleaned here,
// but for message bodies, which the front cleans and wraps.
import type {
  ClientEvent,
  ContactChange,
  MessageView,
  Offer,
  RestoreProgress,
} from '../../client/events.ts'
import { isolate, nameInBrackets, safeInline } from '../sanitise.ts'
import type { App } from './app.ts'
import { acceptNumber, declineNumber, isWaiting, what } from './file-commands.ts'
import { chatWord, isGroupName } from './chat-words.ts'
import { directEvent } from './direct-command.ts'
import type { Mark } from './front.ts'
import { transferred } from './media/media-commands.ts'
import { changeWords } from './message-text.ts'
import { groupEvent } from './present-group.ts'
import { restoring } from './restore-row.ts'

/** Extensions that start something when opened; a wrong guess only changes one word of the question. */
const PROGRAM =
  /\.(apk|appimage|bat|cmd|com|deb|dmg|exe|hta|jar|js|lnk|msi|pif|pkg|ps1|py|rpm|run|scr|sh|vbs)$/i

export function present(event: ClientEvent, app: App): void {
  const { front } = app
  switch (event.type) {
    case 'message':
      message(event, app)
      return
    case 'message-state':
      front.messageState(event.number, event.state)
      if (event.state === 'held') front.row('!', heldRow(event.chat, event.reason))
      if (event.state === 'failed') {
        front.row('!', `Not sent to ${chatWord(event.chat)}: ${event.reason ?? 'given up'}`)
      }
      return
    case 'message-change':
      // an offer that was taken back is told as a file
      if (event.change === 'deleted' && event.was.kind === 'file' && !event.own) return
      if (!event.own && isSilent(event.message, app)) return
      front.row('~', changeWords(event))
      return
    case 'message-expired':
      return // it is gone from the store; what stands on the screen is the terminal's
    case 'file-offer':
      fileOffer(event.offer, app)
      return
    case 'file-progress':
      front.progress({
        offer: event.offer,
        bytesPerSecond: event.bytesPerSecond,
        etaMs: event.etaMs,
      })
      return
    case 'file-done':
      front.progressEnd(event.offer)
      front.row('*', doneRow(event.offer))
      transferred(app, event.offer)
      return
    case 'file-failed':
      app.withdrawQuestion(event.offer.number)
      front.progressEnd(event.offer)
      front.row('!', `[${String(event.offer.number)}] ${what(event.offer)}: ${event.reason}`)
      transferred(app, event.offer)
      return
    case 'file-answer':
      fileAnswer(event.offer, app)
      return
    case 'contact':
      for (const [mark, text] of contactRows(event, app.session?.me.acct)) front.row(mark, text)
      return
    case 'group':
      groupEvent(event, app)
      return
    case 'direct':
      directEvent(event.direct, app)
      return
    case 'connection':
      front.connection(event.connection)
      return
    case 'notice':
      front.row(event.level === 'info' ? '*' : '!', safeInline(event.text))
      return
    case 'restore':
      restored(event.progress, app)
      return
    case 'keys':
      if (event.why !== 'asked') app.deps.log.debug('keys', { why: event.why, n: event.n })
      return
    case 'forced-logout':
      front.row('!', event.text)
      return
    case 'closed':
      return
  }
}

function restored(progress: RestoreProgress, app: App): void {
  const { front } = app
  if (!progress.done) front.row('*', `${restoring(progress)} You can write meanwhile.`)
  else front.row('*', `Your history is back: ${String(progress.restored)} messages.`)
}

function message(event: Extract<ClientEvent, { type: 'message' }>, app: App): void {
  const view = event.message
  // The offer of a received file is a question; the row of an own one is what the command prints.
  if (view.body.kind === 'file') return
  if (!view.own && isSilent(view, app)) return
  const life = app.session?.life
  // what a new state of a group did is told by the event of its own
  if (view.body.kind !== 'group') {
    app.front.message(view, event.fills, life?.choice('bell') === 'off')
  }
  if (view.ttlMs !== undefined && !view.own) {
    life?.shown([view.number]).catch((error: unknown) => {
      app.showError(error)
    })
  }
  if (view.body.kind === 'request') {
    if (view.own) asked(view.chat, app)
    else request(view.body.request, view.from, app)
  }
  const session = app.session
  if (session !== null && !view.own && app.chat === view.chat) void session.markRead(view.chat)
}

/** Also when it was typed as a message: whoever wants to be asked first gets a request instead. */
function asked(user: string, app: App): void {
  app.front.row('*', `@${user} is asked first: nothing else goes there before they accept.`)
}

/** Muted, and not what one looks at. */
function isSilent({ chat, conv }: MessageView, app: App): boolean {
  return app.chat !== chat && app.session?.life.isMuted(conv) === true
}

/** Where one decides, one sees whether it is certain who asks. */
function whoAsks(app: App, user: string): string {
  const contact = app.session?.contacts().find((each) => each.user === user)
  return contact?.trust === 'verified' ? `@${user} (verified)` : `@${user}`
}

function request(number: number, from: string, app: App): void {
  app.question(
    number,
    `@${from} asks to write to you. Accept?`,
    hint(number),
    (yes) => (yes ? acceptNumber(app, number) : declineNumber(app, number)),
    () => isWaiting(app, number),
  )
}

function hint(number: number): string {
  return `(y/n, or !accept ${String(number)}, !decline ${String(number)})`
}

function fileOffer(offer: Offer, app: App): void {
  if (offer.direction === 'out') return
  if (isTakenUnasked(offer, app)) {
    void takeUnasked(offer, app)
    return
  }
  askFile(offer, app)
  if (app.preferences.isReady) return
  // the session has just begun: what was chosen is being read
  void app.preferences.ready.then(() => {
    if (!app.isAsking(offer.number) || !isTakenUnasked(offer, app)) return
    app.withdrawQuestion(offer.number)
    void takeUnasked(offer, app)
  })
}

/** Small, no program, and from somebody who was accepted with unchanged keys. */
function isTakenUnasked({ peer, size, name }: Offer, app: App): boolean {
  const { acceptBytes } = app.preferences.now
  if (size > acceptBytes || PROGRAM.test(name)) return false
  const contact = app.session?.contacts().find(({ user }) => user === peer)
  const isTrusted = contact?.trust === 'unverified' || contact?.trust === 'verified'
  return isTrusted && contact.accepted && !contact.blockedByMe
}

async function takeUnasked(offer: Offer, app: App): Promise<void> {
  try {
    app.front.row('*', `@${offer.peer} sends you ${what(offer)}: taken (!set autoaccept).`)
    await acceptNumber(app, offer.number)
  } catch (error) {
    app.showError(error)
  }
}

function askFile(offer: Offer, app: App): void {
  const { number } = offer
  const warning = PROGRAM.test(offer.name) ? ' It is a PROGRAM.' : ''
  app.question(
    number,
    `${whoAsks(app, offer.peer)} wants to send you ${what(offer)}.${warning} Accept?`,
    hint(number),
    (yes) => (yes ? acceptNumber(app, number) : declineNumber(app, number)),
  )
}

function fileAnswer(offer: Offer, app: App): void {
  const file = what(offer)
  const who = isGroupName(offer.peer) ? `Somebody in ${chatWord(offer.peer)}` : chatWord(offer.peer)
  if (offer.receiver === 'declined') {
    app.front.progressEnd(offer)
    transferred(app, offer)
    app.front.row('*', `${who} declined ${file}.`)
  } else if (offer.receiver === 'received') {
    app.front.row('*', `${who} has received ${file}, complete and unaltered.`)
  } else if (offer.receiver === 'accepted') {
    app.front.row('*', `${who} takes ${file}.`)
  }
}

function doneRow(offer: Offer): string {
  const n = String(offer.number)
  return offer.direction === 'in'
    ? `[${n}] ${what(offer)} from @${offer.peer}, complete and unaltered: ${isolate(safeInline(offer.path ?? ''))}`
    : `[${n}] ${what(offer)} is on the server, sealed for ${chatWord(offer.peer)}.`
}

function heldRow(chat: string, reason: string | undefined): string {
  return `Your message to ${chatWord(chat)} waits here: ${reason ?? 'it cannot be sent yet'}`
}

type ContactEvent = Extract<ClientEvent, { type: 'contact' }>
type Rows = readonly (readonly [Mark, string])[]

function contactRows({ change, contact, other, own }: ContactEvent, me: string | undefined): Rows {
  if (contact.acct === me && change !== 'identity-alarm') return ownRows(change)
  const who = `@${contact.user}`
  const user = contact.user
  switch (change) {
    case 'new': {
      const name = nameInBrackets(contact.displayName)
      return [
        [
          '*',
          `New contact ${who}${name}. Answering accepts; !block ${user} ends it; !verify ${user} compares keys.`,
        ],
      ]
    }
    case 'accepted':
      return [['*', `${acceptedBy(own, who)} you can write to each other.`]]
    case 'declined':
      return own === true ? [] : [['*', `${who} declined your request.`]]
    case 'renamed':
      return [['!', `@${other ?? '?'} is now ${who}, the same identity.`]]
    case 'new-device':
      return [['*', `${who} has a new device.`]]
    case 'removed-device':
      return [['*', `${who} has removed a device.`]]
    case 'key-changed':
      return [
        [
          '!',
          `${who}'s account key has changed, signed by the old one. They renewed it - or someone stole it.`,
        ],
        ['!', `Your messages to ${who} wait here until you decide:`],
        ['!', `  !verify ${user}    compare the new number with them    (recommended)`],
        ['!', `  !trust ${user}     send anyway; ${who} becomes "not verified"`],
        ['!', `  !block ${user}     send nothing, receive nothing`],
      ]
    case 'identity-alarm':
      return [
        [
          '!',
          `THE SERVER SHOWS KEYS FOR ${who} THAT CONTRADICT WHAT YOU HAVE SEEN (${contact.alarm ?? 'E_IDENTITY'}).`,
        ],
        ['!', `Nothing is sent to ${who}. Talk to them another way; the server may be lying.`],
      ]
    case 'trusted':
      return [['*', `${who} is trusted again.`]]
    case 'lookalike':
      return [['!', `${who} looks like @${other ?? '?'}, whom you know, and is somebody else.`]]
    case 'verified':
    case 'profile':
    case 'blocked':
    case 'unblocked':
      return []
  }
}

function acceptedBy(own: boolean | undefined, who: string): string {
  if (own === undefined) return `${who} is accepted:`
  return own ? `You accepted ${who}:` : `${who} accepted:`
}

/** Of the own account: whoever gets into it is a device more. The rest the command has said. */
function ownRows(change: ContactChange): Rows {
  if (change === 'removed-device') {
    return [['!', 'A device was removed from your account. !devices lists those that are left.']]
  }
  if (change !== 'new-device') return []
  return [
    ['!', 'Your account is signed in on a new device: !devices lists them.'],
    ['!', 'It is not yours? !devices revoke NUMBER cuts it off; then change the password: !passwd'],
  ]
}
