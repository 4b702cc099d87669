// Who is in a group and who decides about it: the full state each time, signed by a device of an admin, chained by hashes
// (PROTOCOL 8). Bytes, signatures and the rule from one state to the next; which of two states counts is group-chain.ts.
//
//   b = CBOR{ k:"group", conv, n, prev, mode:1, name, ?topic, mem:[[acct, "admin" or "member"]...], by:[acct,dev], ts }
import { ctx } from '../crypto/ctx.ts'
import { sha256 } from '../crypto/hash.ts'
import type { RsaPrivateKey } from '../crypto/rsa.ts'
import type { DeviceList } from '../identity/device-list-body.ts'
import { decodeCanonical, decodeStrict, encode } from '../protocol/cbor.ts'
import type { From } from '../protocol/composites.ts'
import { LIMITS } from '../protocol/limits.ts'
import { b, c, check, exact, list, lit, opt, tuple, u } from '../protocol/shape.ts'
import { type Bytes, compare, equal } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'

export interface Membership {
  readonly acct: Bytes
  readonly admin: boolean
}

export interface GroupState {
  readonly conv: Bytes
  /** 1 for the first, then +1 each. */
  readonly n: number
  /** H(b) of state n-1; zeros for the first. */
  readonly prev: Bytes
  readonly name: string
  /** Empty: none. */
  readonly topic: string
  /** Strictly ascending by account. */
  readonly mem: readonly Membership[]
  readonly by: { readonly acct: Bytes; readonly dev: Bytes }
  readonly ts: number
}

/** As it travels in the payload `group`. */
export interface SignedGroupState {
  readonly by: From
  readonly b: Bytes
  readonly s: Bytes
}

/** Parsed; whether its signature is good is another question. */
export interface SeenGroupState {
  readonly state: GroupState
  /** H(b): the `gs` of streams that rest on it. */
  readonly h: Bytes
  readonly signed: SignedGroupState
}

const Z32 = Buffer.alloc(32)

const STATE = exact({
  k: lit('group'),
  conv: b(16),
  n: u,
  prev: b(32),
  mode: lit(1),
  name: c(LIMITS.groupNameCharacters),
  topic: opt(c(LIMITS.groupTopicCharacters)),
  mem: list(tuple(b(32), lit('admin', 'member')), LIMITS.members),
  by: tuple(b(32), b(8)),
  ts: u,
})

/** What every state must be, whatever came before it. @throws E_FORMAT */
function checkState({ n, prev, name, mem }: GroupState): void {
  if (n < 1 || (n === 1) !== equal(prev, Z32)) fail('E_FORMAT', 'a group state out of its chain')
  if (name === '') fail('E_FORMAT', 'a group without a name')
  const isAscending = mem.every(({ acct }, i) => {
    const before = mem[i - 1]
    return before === undefined || compare(before.acct, acct) < 0
  })
  if (!isAscending) fail('E_FORMAT', 'the members of a group are not in order')
  // the last one has left: the end of the group, never its beginning
  if (mem.length === 0 && n > 1) return
  if (!mem.some(({ admin }) => admin)) fail('E_FORMAT', 'a group without an admin')
}

/** @throws E_FORMAT for a state that no member would accept */
export function encodeGroupState(state: GroupState): Buffer {
  const { conv, n, prev, name, topic, mem, by, ts } = state
  const value = {
    ...{ k: 'group', conv, n, prev, mode: 1, name, by: [by.acct, by.dev], ts },
    ...(topic === '' ? {} : { topic }),
    mem: mem.map(({ acct, admin }) => [acct, admin ? 'admin' : 'member']),
  }
  check(STATE, value, 'group state')
  checkState(state)
  return encode(value)
}

/** @throws E_FORMAT; E_BINDING when it names another signer than its wrapper */
export function parseGroupState(signed: SignedGroupState): SeenGroupState {
  return seenState(decodeCanonical(signed.b), signed)
}

/** From the own sealed store: it was parsed before it was kept, and a start reads all of them. @throws as parseGroupState */
export function rereadGroupState(signed: SignedGroupState): SeenGroupState {
  return seenState(decodeStrict(signed.b), signed)
}

function seenState(body: unknown, signed: SignedGroupState): SeenGroupState {
  const f = check(STATE, body, 'group state')
  if (f.topic === '') fail('E_FORMAT', 'an empty topic is left out')
  const [acct, dev] = f.by
  if (!equal(acct, signed.by[0]) || !equal(dev, signed.by[1])) {
    fail('E_BINDING', 'The group state names another signer than its wrapper.')
  }
  const state = {
    ...{ conv: f.conv, n: f.n, prev: f.prev, name: f.name, topic: f.topic ?? '', ts: f.ts },
    mem: f.mem.map(([member, role]) => ({ acct: member, admin: role === 'admin' })),
    by: { acct, dev },
  }
  checkState(state)
  return { state, h: sha256(signed.b), signed }
}

/** @throws E_FORMAT for a state that no member would accept */
export async function signGroupState(
  dsk: RsaPrivateKey,
  state: GroupState,
): Promise<SeenGroupState> {
  const bytes = encodeGroupState(state)
  const s = await dsk.signAsync(ctx('group', bytes))
  const signed = { by: [state.by.acct, state.by.dev] as const, b: bytes, s }
  return { state, h: sha256(bytes), signed }
}

/**
 * `list`: the newest verified list of the account that signed.
 *
 * @throws E_SIG; E_NO_DEVICE: the device was one of theirs and is removed; E_GHOST_DEVICE: it is none of theirs
 */
export async function verifyGroupState(
  { state, signed }: SeenGroupState,
  list: DeviceList,
): Promise<void> {
  const { by } = state
  if (!equal(by.acct, list.acct)) throw new RangeError('the list of another account')
  const device = list.devs.find(({ id }) => equal(id, by.dev))
  if (device === undefined) {
    return list.gone.some(([id]) => equal(id, by.dev))
      ? fail('E_NO_DEVICE', `A group was changed by a removed device of @${list.user}.`)
      : fail(
          'E_GHOST_DEVICE',
          `A group was changed by a device that is not one of @${list.user}'s.`,
        )
  }
  if (!(await device.dsk.verifyAsync(ctx('group', signed.b), signed.s))) {
    fail('E_SIG', `A change of a group is not signed by @${list.user}.`)
  }
}

export function memberOf(state: GroupState, acct: Bytes): Membership | undefined {
  return state.mem.find((member) => equal(member.acct, acct))
}

export function isAdmin(state: GroupState, acct: Bytes): boolean {
  return memberOf(state, acct)?.admin === true
}

/** The only change is that `by` is not a member any more. */
function isLeaving(before: GroupState, next: GroupState): boolean {
  const rest = before.mem.filter(({ acct }) => !equal(acct, next.by.acct))
  return (
    rest.length === before.mem.length - 1 &&
    rest.length === next.mem.length &&
    rest.every(({ acct, admin }, i) => {
      const same = next.mem[i]
      return same !== undefined && equal(same.acct, acct) && same.admin === admin
    }) &&
    before.name === next.name &&
    before.topic === next.topic
  )
}

/**
 * Whether `next` may follow `before`. That its signature is good is checked elsewhere.
 *
 * @throws E_GROUP: it does not link; E_NOT_ADMIN: its signer may not do that
 */
export function checkFollows(before: SeenGroupState, { state: next }: SeenGroupState): void {
  const { state } = before
  if (!equal(state.conv, next.conv)) fail('E_GROUP', 'A state of another group.')
  if (next.n !== state.n + 1 || !equal(next.prev, before.h)) {
    fail('E_GROUP', 'A state of a group that does not follow the one that is known.')
  }
  const mayDecide = isAdmin(state, next.by.acct) && next.mem.length > 0
  if (!mayDecide && !isLeaving(state, next)) {
    fail('E_NOT_ADMIN', 'A group was changed by somebody who is not its admin.')
  }
}
