// A change of a group by its admin, apart from the state it was made on: so that it can be made again on another one, when
// somebody else's state won (PROTOCOL 8). Pure.
import type { GroupState, Membership } from '../../envelope/group-state.ts'
import { isAdmin, memberOf } from '../../envelope/group-state.ts'
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { LIMITS } from '../../protocol/limits.ts'
import { b, check, flag, list, lit, map, opt, s } from '../../protocol/shape.ts'
import { type Bytes, compare, equal } from '../../util/bytes.ts'

export type Change =
  | { readonly what: 'add'; readonly accts: readonly Bytes[] }
  | { readonly what: 'remove'; readonly acct: Bytes }
  | { readonly what: 'leave' }
  | { readonly what: 'admin'; readonly acct: Bytes; readonly on: boolean }
  | { readonly what: 'name'; readonly text: string }
  | { readonly what: 'topic'; readonly text: string }
  /** The device that signed is gone: the same content under a signature that can be checked. */
  | { readonly what: 'sign' }

export type Content = Pick<GroupState, 'name' | 'topic' | 'mem'>

/** What the state says after the change by this account; null when that is nothing new, or not for this account to decide. */
export function changed(state: GroupState, change: Change, by: Bytes): Content | null {
  const { name, topic, mem } = state
  if (change.what === 'leave') {
    const rest = mem.filter(({ acct }) => !equal(acct, by))
    const mayGo = rest.length === 0 || hasAdmin(rest)
    return rest.length < mem.length && mayGo ? { name, topic, mem: rest } : null
  }
  if (!isAdmin(state, by)) return null
  switch (change.what) {
    case 'add': {
      const fresh = change.accts.filter((acct) => memberOf(state, acct) === undefined)
      const next = [...mem, ...fresh.map((acct) => ({ acct, admin: false }))]
      if (fresh.length === 0 || next.length > LIMITS.members) return null
      return { name, topic, mem: next.sort((p, q) => compare(p.acct, q.acct)) }
    }
    case 'remove': {
      const rest = mem.filter(({ acct }) => !equal(acct, change.acct))
      return rest.length < mem.length && hasAdmin(rest) ? { name, topic, mem: rest } : null
    }
    case 'admin': {
      const before = memberOf(state, change.acct)
      if (before === undefined || before.admin === change.on) return null
      const next = mem.map((each) => (each === before ? { ...each, admin: change.on } : each))
      return hasAdmin(next) ? { name, topic, mem: next } : null
    }
    case 'name':
      return change.text === name ? null : { name: change.text, topic, mem }
    case 'topic':
      return change.text === topic ? null : { name, topic: change.text, mem }
    case 'sign':
      return { name, topic, mem }
  }
}

function hasAdmin(mem: readonly Membership[]): boolean {
  return mem.some(({ admin }) => admin)
}

const STORED = map({
  w: lit('add', 'remove', 'leave', 'admin', 'name', 'topic', 'sign'),
  a: opt(list(b(32), LIMITS.members)),
  t: opt(s(2048)),
  o: opt(flag),
})

export function encodeChange(change: Change): Buffer {
  const { what } = change
  if (what === 'add') return encode({ w: what, a: change.accts })
  if (what === 'remove') return encode({ w: what, a: [change.acct] })
  if (what === 'admin') {
    return encode({ w: what, a: [change.acct], o: change.on ? true : undefined })
  }
  if (what === 'name' || what === 'topic') return encode({ w: what, t: change.text })
  return encode({ w: what })
}

export function decodeChange(bytes: Bytes): Change {
  const { w: what, a = [], t = '', o } = check(STORED, decodeStrict(bytes), 'group change')
  const acct = a[0] ?? new Uint8Array(32)
  if (what === 'add') return { what, accts: a }
  if (what === 'remove') return { what, acct }
  if (what === 'admin') return { what, acct, on: o === true }
  if (what === 'name' || what === 'topic') return { what, text: t }
  return { what }
}
