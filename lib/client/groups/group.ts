// One group as this profile keeps it besides its signed states: where we stand in it, what people call it here, how far it
// was read (PROTOCOL 7.3, 8). One record in the sealed local store; the table of all of them is in group-table.ts.
import type { GroupState } from '../../envelope/group-state.ts'
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { LIMITS } from '../../protocol/limits.ts'
import { b, check, list, lit, map, opt, s, tuple, u } from '../../protocol/shape.ts'
import { type Bytes, fromHex, hex } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'
import type { GroupStanding } from '../group-api.ts'

/** What is kept unseen of a group that waits for an answer (PROTOCOL 8). */
export const PENDING_ITEMS = 64

/** Somebody whom we do not know made us a member. */
export interface GroupRequest {
  readonly number: number
  /** Who brought it. */
  readonly acct: Bytes
  readonly at: number
}

export interface Group {
  /** hex */
  readonly conv: string
  /** What is typed behind `#`; unique in this profile. */
  readonly name: string
  readonly standing: GroupStanding
  /** H(b) of the current state, and what it says. */
  readonly h: Bytes
  readonly state: GroupState
  readonly readTo: number
  /** Others' messages up to this number are covered by an accepted receipt: of everybody, and of each author (hex). */
  readonly receiptedFrom: number
  readonly receipted: ReadonlyMap<string, number>
  readonly request?: GroupRequest
  /** Items kept unseen. */
  readonly held: number
}

const STANDINGS = ['member', 'pending', 'left', 'removed'] as const

const GROUP = map({
  c: s(32),
  n: s(400),
  s: lit(...STANDINGS),
  rd: u,
  rf: u,
  rt: opt(list(tuple(b(32), u), LIMITS.members)),
  qn: opt(u),
  qa: opt(b(32)),
  qt: opt(u),
  he: opt(u),
})

export type StoredGroup = Omit<Group, 'h' | 'state'>

export function encodeGroup(group: StoredGroup): Buffer {
  const { conv, name, standing, readTo, receiptedFrom, receipted, request, held } = group
  return encode({
    ...{ c: conv, n: name, s: standing, rd: readTo, rf: receiptedFrom },
    rt: receipted.size === 0 ? undefined : receiptedPairs(receipted),
    qn: request?.number,
    qa: request?.acct,
    qt: request?.at,
    he: held === 0 ? undefined : held,
  })
}

export function decodeGroup(body: Bytes): StoredGroup {
  const f = check(GROUP, decodeStrict(body), 'group')
  return {
    conv: f.c,
    name: f.n,
    standing: f.s,
    readTo: f.rd,
    receiptedFrom: f.rf,
    receipted: new Map((f.rt ?? []).map(([acct, number]) => [hex(acct), number])),
    ...(f.qn === undefined || f.qa === undefined
      ? {}
      : { request: { number: f.qn, acct: f.qa, at: f.qt ?? 0 } }),
    held: f.he ?? 0,
  }
}

/** The newest of them: who left long ago may be told again. */
function receiptedPairs(receipted: ReadonlyMap<string, number>): (readonly [Bytes, number])[] {
  return [...receipted]
    .sort(([, p], [, q]) => q - p)
    .slice(0, LIMITS.members)
    .map(([acct, number]) => [fromHex(acct), number] as const)
}

export function receiptedTo(group: Group, acct: string): number {
  return Math.max(group.receiptedFrom, group.receipted.get(acct) ?? 0)
}

/** Something can be said there. @throws E_STATE */
export function checkStanding({ standing, name, request }: Group): void {
  if (standing === 'pending') {
    fail('E_STATE', `You have not accepted #${name}. First: !accept ${request?.number ?? ''}`)
  }
  if (standing !== 'member') fail('E_STATE', `You are not a member of #${name} any more.`)
}
