// Messages that vanish (PROTOCOL 7.2 ttl): which times are allowed, when one begins to run, and the latest end. Pure.
import type { Payload, PayloadOf, UnsupportedPayload } from '../../protocol/payloads.ts'
import { without } from '../without.ts'
import type { MessageRow } from './row.ts'

const SECOND_MS = 1000
const DAY_MS = 24 * 3_600_000
export const TTL_MIN_SECONDS = 5
export const TTL_MAX_SECONDS = 31 * 24 * 3600
/** A clock that is further ahead is not believed (PROTOCOL 6.5, rule 7). */
export const AHEAD_MS: number = DAY_MS
/** Nor is one that is so far behind. */
const BEHIND_MS = 31 * DAY_MS
const AT_LATEST_MS = 31 * DAY_MS
/** What others said is followed so far ahead: less than is believed, clocks differ. */
const FOLLOWED_MS = AHEAD_MS - 3_600_000

type Times = Pick<MessageRow, 'ts' | 'at'>

/** Whether it can have been written then. */
export function isBelieved({ ts, at }: Times): boolean {
  return ts - at <= AHEAD_MS && at - ts <= BEHIND_MS
}

/** When a message was said, as far as that is believed: nothing arrives before it was written. */
export function saidAt(times: Times): number {
  return isBelieved(times) ? Math.min(times.ts, times.at) : times.at
}

/**
 * The time of a new message: behind everything it may be an answer to (PROTOCOL 9.2), even if that came from a clock ahead.
 * What is further ahead than is followed must not put it above the rest: as far as is followed it goes all the same, and above
 * what was said on this device itself. `last` of a clock that was wrong itself is not gone by.
 */
export function nextTime(now: number, last: number, own = 0): number {
  const [behindLast, behindOwn] = [last, own].map((ts) => (ts - now <= AHEAD_MS ? ts + 1 : now))
  return Math.max(now, Math.min(behindLast ?? now, now + FOLLOWED_MS), behindOwn ?? now)
}

/** 0 turns it off. */
export function isTimer(seconds: number): boolean {
  return seconds === 0 || (seconds >= TTL_MIN_SECONDS && seconds <= TTL_MAX_SECONDS)
}

/** One that somebody else set: with a time of setting that cannot be, it would be the last one for ever (PROTOCOL 7.2). */
export function counts({ sec, ts }: PayloadOf<'timer'>, now: number): boolean {
  return isTimer(sec) && ts - now <= AHEAD_MS
}

/** The time that a message asks for, cut to what is allowed; null: it stays. */
export function ttlMsOf(payload: Payload | UnsupportedPayload): number | null {
  if (payload.k !== 'text' && payload.k !== 'file') return null
  if (payload.ttl === undefined || payload.ttl === 0) return null
  const seconds = Math.min(TTL_MAX_SECONDS, Math.max(TTL_MIN_SECONDS, payload.ttl))
  return seconds * SECOND_MS
}

/** What a new row needs: the latest end, and the time that does not run yet. A clock that is wrong does not keep it longer. */
export function timed<R extends Omit<MessageRow, 'number'>>(
  row: R,
  payload: Payload | UnsupportedPayload,
): R {
  const ttl = ttlMsOf(payload)
  if (ttl === null) return row
  return { ...row, ttl, expires: Math.min(row.ts, row.at) + AT_LATEST_MS }
}

/** It was shown to a person (own: accepted by the server): the time runs from now on. Null: it does already, or there is none. */
export function started<R extends Omit<MessageRow, 'number'>>(row: R, now: number): R | null {
  const { ttl } = row
  if (ttl === undefined) return null
  return { ...without(row, 'ttl'), expires: Math.min(row.expires ?? Infinity, now + ttl) } as R
}
