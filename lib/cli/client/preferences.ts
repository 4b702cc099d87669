// What a person chose for the window on this device, as words: what `!set` shows and takes besides the choices of the account.
// Pure; where it is kept is the notebook of the session.
import { fail } from '../../util/errors.ts'
import { parseSpan } from '../../util/span.ts'
import { formatBytes } from './progress-row.ts'
import { spanWords } from './when.ts'

export const PREFERENCES = ['time', 'notify', 'autoaccept', 'lock'] as const
export type PreferenceName = (typeof PREFERENCES)[number]

export interface Preferences {
  /** Clock of 24 hours or of 12. */
  readonly time: '24' | '12'
  /** Desktop notifications: none, who wrote, or also what. */
  readonly notify: 'off' | 'on' | 'content'
  /** Files of accepted contacts up to this size are taken without a question; 0: none. */
  readonly acceptBytes: number
  /** The window locks itself after so long without a key; 0: never. */
  readonly lockSeconds: number
}

export const DEFAULT_PREFERENCES: Preferences = {
  time: '24',
  notify: 'off',
  acceptBytes: 0,
  lockSeconds: 0,
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1000, m: 1_000_000, g: 1_000_000_000 }
const LOCK_SECONDS_MIN = 10
const LOCK_SECONDS_MAX = 7 * 86_400

export function isPreference(name: string): name is PreferenceName {
  return (PREFERENCES as readonly string[]).includes(name)
}

export function preferenceWords(p: Preferences, name: PreferenceName): string {
  switch (name) {
    case 'time':
      return `${p.time} hours`
    case 'notify':
      return p.notify
    case 'autoaccept':
      return p.acceptBytes === 0 ? 'off' : `files of contacts up to ${formatBytes(p.acceptBytes)}`
    case 'lock':
      return p.lockSeconds === 0 ? 'off' : `after ${spanWords(p.lockSeconds)} without a key`
  }
}

/** Values that can be typed; an example where there are many. */
export function preferenceValues(name: PreferenceName): readonly string[] {
  switch (name) {
    case 'time':
      return ['24', '12']
    case 'notify':
      return ['on', 'off', 'content']
    case 'autoaccept':
      return ['off', '10MB']
    case 'lock':
      return ['off', '10m']
  }
}

/** @throws E_USAGE with what is possible */
export function prefer(p: Preferences, name: PreferenceName, value: string): Preferences {
  const typed = value.toLowerCase()
  switch (name) {
    case 'time':
      if (typed === '24' || typed === '12') return { ...p, time: typed }
      return fail('E_USAGE', 'time is 24 or 12 (hours on the clock).')
    case 'notify':
      if (typed === 'on' || typed === 'off' || typed === 'content') return { ...p, notify: typed }
      return fail('E_USAGE', 'notify is on (says who wrote), content (also what), or off.')
    case 'autoaccept':
      return { ...p, acceptBytes: typed === 'off' ? 0 : bytesOf(typed) }
    case 'lock':
      return { ...p, lockSeconds: typed === 'off' ? 0 : lockSecondsOf(typed) }
  }
}

function bytesOf(typed: string): number {
  const [, count = '', unit = ''] = /^(\d{1,9}(?:\.\d{1,3})?)([kmg]?)b?$/u.exec(typed) ?? []
  const bytes = Math.round(Number(count) * (UNITS[unit] ?? 0))
  if (count === '' || bytes < 1) {
    fail('E_USAGE', 'autoaccept is off, or a size such as 500KB, 10MB, 1GB.')
  }
  return bytes
}

function lockSecondsOf(typed: string): number {
  const seconds = parseSpan(typed)
  if (seconds === null || seconds < LOCK_SECONDS_MIN || seconds > LOCK_SECONDS_MAX) {
    fail('E_USAGE', 'lock is off, or a time from 10s to 7d such as 10m.')
  }
  return seconds
}

export function writePreferences(p: Preferences): string {
  return JSON.stringify(p)
}

/** What cannot be read is as it is for everybody: an older or newer version may have written it. */
export function readPreferences(text: string | null): Preferences {
  let found: unknown = null
  try {
    found = JSON.parse(text ?? 'null')
  } catch {
    // not ours
  }
  if (typeof found !== 'object' || found === null) return DEFAULT_PREFERENCES
  const { time, notify, acceptBytes, lockSeconds } = found as Record<string, unknown>
  return {
    time: time === '12' ? '12' : '24',
    notify: notify === 'on' || notify === 'content' ? notify : 'off',
    acceptBytes: wholeNumber(acceptBytes),
    lockSeconds: wholeNumber(lockSeconds),
  }
}

function wholeNumber(value: unknown): number {
  return Number.isSafeInteger(value) && Number(value) > 0 ? Number(value) : 0
}
