// One introduction, from the first word to the end of the connection that came of it: its state, and whether there may be one.
import type { Address } from '../../protocol/composites.ts'
import { type Bytes, equal } from '../../util/bytes.ts'
import type { Timer } from '../../util/clock.ts'
import { codeOf, fail } from '../../util/errors.ts'
import type { DirectState, DirectView } from '../direct-api.ts'
import type { Peer } from '../people/peer.ts'
import { addressWords } from './addresses.ts'
import type { Door } from './doors.ts'
import type { LinkInbox } from './link-inbox.ts'
import type { Meeting } from './meeting.ts'
import type { Path } from './path.ts'

export interface Talk {
  readonly peer: Peer
  /** For the question that a front asks. */
  readonly number: number
  /** On the monotonic clock. */
  readonly since: number
  readonly sess: Bytes
  /** We have asked. */
  readonly isOurs: boolean
  /** Whether the one who asked listens first. */
  readonly who: 'o' | 'a'
  state: DirectState
  /** What a yes may tell them; null: nothing was shown. */
  shown: readonly string[] | null
  own: readonly Address[]
  theirs: readonly Address[]
  /** Our half; theirs when it is known. */
  readonly psk: Bytes
  theirPsk: Bytes | null
  /** The other device. */
  dev: Bytes | null
  /** This side leaves the server while it lasts. */
  leave: boolean
  door: Door | null
  timer: Timer | null
  meeting: Meeting | null
  inbox: LinkInbox | null
  path: Path | null
  /** How often the other side said that it sends over the link; with the second time all of it does. */
  ups: number
  readonly heardUp: { readonly promise: Promise<void>; readonly resolve: () => void }
  hasLeft: boolean
}

export function viewOf(
  talk: Talk,
  more: { readonly attempt?: number; readonly reason?: string } = {},
): DirectView {
  const { peer, state, number, own, shown, theirs } = talk
  return {
    ...{ user: peer.pin.user, conv: peer.conv, state, number },
    own: state === 'asked' ? shown : own.map(addressWords), // no port is open yet
    theirs: theirs.map(addressWords),
    ...more,
  }
}

/** No alarm, and no key that the person has not confirmed. */
export function isTrusted({ alarm, pin }: Peer): boolean {
  return alarm === undefined && !pin.unconfirmed
}

/** @throws E_USAGE E_STATE E_UNTRUSTED: nothing about us is told to that account */
export function contactFor(peer: Peer, me: Bytes): Peer {
  const name = `@${peer.pin.user}`
  if (equal(peer.acct, me)) fail('E_USAGE', 'That is you.')
  if (!peer.accepted || peer.blocked) {
    fail('E_STATE', `${name} and you have not accepted each other: write first.`)
  }
  if (!isTrusted(peer)) {
    fail('E_UNTRUSTED', `The keys of ${name} have changed: !trust ${peer.pin.user} first.`)
  }
  return peer
}

/** One at a time. @throws E_STATE */
export function refuseSecond({ state, peer }: Talk): never {
  const { user } = peer.pin
  if (state === 'up') fail('E_STATE', `You and @${user} are connected directly.`)
  return fail(
    'E_STATE',
    state === 'asked'
      ? `@${user} asks already: !direct ${user} yes, or !direct ${user} no`
      : `That is under way already. !direct off ${user} ends it.`,
  )
}

export function sentence(error: unknown): string {
  return error instanceof Error && codeOf(error) !== 'E_INTERNAL'
    ? error.message
    : 'It did not work.'
}
