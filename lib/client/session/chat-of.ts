// Which conversation a person means: by a name, by the `#name` of a group, by the short number of a chat, or one's own notes.
import { parseUsername, type Username } from '../../protocol/names.ts'
import { fail } from '../../util/errors.ts'
import type { GroupInfo } from '../group-api.ts'
import type { Group } from '../groups/group.ts'
import { nameOf, type Parties, type Party } from '../groups/parties.ts'
import type { ChatState } from '../life-api.ts'
import type { GroupTable } from '../groups/group-table.ts'
import type { Clock } from '../../util/clock.ts'
import type { Bytes } from '../../util/bytes.ts'
import type { Peer } from '../people/peer.ts'
import type { Peers } from '../people/peers.ts'
import { type Chats, MUTED_FOR_EVER } from '../people/chats.ts'

/** What it needs of the session. */
export interface ChatHolder {
  readonly me: Peer
  readonly peers: Peers
  readonly groups: GroupTable
  readonly parties: Parties
  readonly chats: Chats
  readonly clock: Clock
  isMe(acct: Bytes): boolean
  groupInfo(group: Group): GroupInfo
  meet(user: Username): Promise<Peer>
}

/** Reserved as usernames (PROTOCOL 5.1), so nobody else is meant. */
const NOTES: readonly string[] = ['me', 'notes']
const NUMBER = /^\d{1,9}$/

/** @throws E_NOT_FOUND, E_FORMAT; E_CONNECT for somebody never met, when offline */
export async function chatOf(core: ChatHolder, typed: string): Promise<Party> {
  const found = knownChat(core, typed)
  if (found !== undefined) return found
  return partyOf(core, await core.meet(parseUsername(plain(typed))))
}

/** As chatOf, of what is here already; undefined: a name never met. */
export function knownChat(core: ChatHolder, typed: string): Party | undefined {
  const name = plain(typed)
  if (name.startsWith('#')) return partyOfGroup(core, groupOf(core, name))
  if (NOTES.includes(name)) return partyOf(core, core.me)
  if (NUMBER.test(name)) {
    const chat = core.chats.byNumber(Number(name))
    const party = chat === undefined ? undefined : core.parties.find(chat.conv)
    return party ?? fail('E_NOT_FOUND', `There is no chat number ${name}. !chats lists them.`)
  }
  const peer = core.peers.byName(parseUsername(name))
  return peer === undefined ? undefined : partyOf(core, peer)
}

/** @throws E_NOT_FOUND; E_USAGE for something that is no group */
export function groupOf(core: ChatHolder, typed: string): Group {
  const name = plain(typed)
  if (NUMBER.test(name)) {
    const party = knownChat(core, name)
    return party?.is === 'group' ? party.group : fail('E_USAGE', `Chat ${name} is no group.`)
  }
  const bare = name.replace(/^#/, '')
  return core.groups.byName(bare) ?? fail('E_NOT_FOUND', `There is no group called #${bare}.`)
}

function plain(typed: string): string {
  return typed.replace(/^@/, '').toLowerCase()
}

function partyOf(core: ChatHolder, { conv }: Peer): Party {
  return core.parties.find(conv) ?? fail('E_NOT_FOUND')
}

function partyOfGroup(core: ChatHolder, { conv }: Group): Party {
  return core.parties.find(conv) ?? fail('E_NOT_FOUND')
}

export function chatState(core: ChatHolder, party: Party): ChatState {
  const { conv, number, mutedUntil, timer } = core.chats.of(party.conv)
  const isMuted = core.chats.isMuted(conv, core.clock.now())
  return {
    conv,
    number,
    user: nameOf(party),
    ...(party.is === 'group' ? { group: core.groupInfo(party.group) } : {}),
    notes: party.is === 'peer' && core.isMe(party.peer.acct),
    mutedUntil: !isMuted ? 0 : mutedUntil === MUTED_FOR_EVER ? Infinity : mutedUntil,
    timerSeconds: timer.seconds,
  }
}
