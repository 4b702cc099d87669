// Which conversation a person means: by a name, by the short number of a chat, or one's own notes.
import { parseUsername } from '../../protocol/names.ts'
import { fail } from '../../util/errors.ts'
import type { ChatState } from '../life-api.ts'
import type { Peer } from '../people/peer.ts'
import { MUTED_FOR_EVER } from '../people/chats.ts'
import type { Core } from './core.ts'

/** Reserved as usernames (PROTOCOL 5.1), so nobody else is meant. */
const NOTES: readonly string[] = ['me', 'notes']

/** @throws E_NOT_FOUND, E_FORMAT; E_CONNECT for somebody never met, when offline */
export async function chatOf(core: Core, typed: string): Promise<Peer> {
  const name = typed.replace(/^@/, '').toLowerCase()
  if (NOTES.includes(name)) return core.me
  if (/^\d{1,9}$/.test(name)) {
    const chat = core.chats.byNumber(Number(name))
    const peer = chat === undefined ? undefined : core.peers.byConv(chat.conv)
    return peer ?? fail('E_NOT_FOUND', `There is no chat number ${name}. !chats lists them.`)
  }
  const user = parseUsername(name)
  return core.peers.byName(user) ?? core.meet(user)
}

export function chatState(core: Core, peer: Peer): ChatState {
  const { conv, number, mutedUntil, timer } = core.chats.of(peer.conv)
  const isMuted = core.chats.isMuted(conv, core.clock.now())
  return {
    conv,
    number,
    user: peer.pin.user,
    notes: core.isMe(peer.acct),
    mutedUntil: !isMuted ? 0 : mutedUntil === MUTED_FOR_EVER ? Infinity : mutedUntil,
    timerSeconds: timer.seconds,
  }
}
