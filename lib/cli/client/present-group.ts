// What a new state of a group is said with: a line for members, a question for who is invited.
import type { ClientEvent } from '../../client/events.ts'
import type { GroupInfo } from '../../client/group-api.ts'
import type { App } from './app.ts'
import { chatWord, groupChanges, peopleCount } from './chat-words.ts'
import { acceptNumber, declineNumber, isWaiting } from './file-commands.ts'

type GroupEvent = Extract<ClientEvent, { type: 'group' }>

export function groupEvent(event: GroupEvent, app: App): void {
  const { group, changes, by, own } = event
  if (group.standing === 'pending') {
    invitation(group, by, app)
    return
  }
  const isOpen = app.chat === group.chat
  if (!own && !isOpen && app.session?.life.isMuted(group.conv) === true) return
  const me = app.session?.me.user ?? by
  const chat = chatWord(group.chat)
  const isNew = changes.some(
    (change) =>
      !own && (change.what === 'created' || change.what === 'added') && change.users.includes(me),
  )
  const isNamed = changes.some((change) => change.what === 'named')
  const hints = [
    isNew ? ` ${chat} TEXT writes to it; !leave ${chat} leaves it.` : '',
    isNamed ? ` It is chat ${String(group.number)}, as before.` : '',
  ]
  app.front.row('*', `${chat}: ${groupChanges(changes, own ? me : by, me)}.${hints.join('')}`)
}

/** Asked once: what strangers do in their group meanwhile is not our matter. */
function invitation(group: GroupInfo, by: string, app: App): void {
  const number = app.session?.requests().find((each) => each.group?.conv === group.conv)?.number
  if (number === undefined || app.isAsking(number)) return
  const n = String(number)
  app.question(
    number,
    `${chatWord(by)} invites you to the group ${chatWord(group.chat)} (${peopleCount(group)}). Accept?`,
    `(y/n, or !accept ${n}, !decline ${n})`,
    (yes) => (yes ? acceptNumber(app, number) : declineNumber(app, number)),
    () => isWaiting(app, number),
  )
}
