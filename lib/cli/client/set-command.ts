// `!set`: what a person chose, for the account on all its devices, and for the window on this one.
import { CHOICES, type ChoiceName } from '../../client/life-api.ts'
import { fail } from '../../util/errors.ts'
import { nearest } from '../nearest.ts'
import { safeInline } from '../sanitise.ts'
import type { App } from './app.ts'
import { isPreference, PREFERENCES, preferenceValues, preferenceWords } from './preferences.ts'
import { ONLINE_UNKNOWN } from './who-command.ts'

const NAME_COLS = 12
const VALUE_COLS = 26
/** What each choice of the account is about, and its values. */
const MEANINGS: Readonly<Record<ChoiceName, string>> = {
  receipts: 'on|off  you and others see that messages were read, if both want it',
  requests: 'soft|strict  strangers write at once, or must ask first',
  presence: 'on|off  contacts see that you are online',
  bell: 'on|off  rings for messages while you look elsewhere',
  preview: 'on|off  shows pictures when they have arrived',
}
const WINDOW_MEANINGS: Readonly<Record<(typeof PREFERENCES)[number], string>> = {
  time: '24|12  hours on the clock',
  notify: 'on|content|off  tells the desktop who wrote, or also what',
  autoaccept: 'off|SIZE  takes files of contacts up to a size unasked',
  lock: 'off|SPAN  locks this window after a time without a key',
}

export async function set(app: App, [name, value]: readonly string[]): Promise<void> {
  const session = app.requireSession()
  await app.preferences.ready
  if (name === undefined) {
    list(app)
    return
  }
  const typed = name.toLowerCase()
  if (isPreference(typed)) {
    if (value !== undefined) await app.preferences.choose(session, typed, value)
    app.front.row('*', `${typed} is ${preferenceWords(app.preferences.now, typed)}.`)
    return
  }
  const { life, who } = session
  const known = CHOICES.find((each) => each === typed) ?? unknown(name)
  if (value !== undefined) await life.choose(known, value)
  app.front.row('*', `${known} is ${life.choice(known)}.`)
  if (known !== 'presence' || value === undefined) return
  const online = await who.online()
  if (!online.known && online.why !== 'hidden') app.front.row('*', ONLINE_UNKNOWN[online.why])
}

function unknown(name: string): never {
  const all = [...CHOICES, ...PREFERENCES]
  const near = nearest(name.toLowerCase(), all)
  const shown = safeInline(name)
  return fail(
    'E_USAGE',
    near === undefined
      ? `There is no "${shown}" to set. Known: ${all.join(', ')}.`
      : `There is no "${shown}" to set. Did you mean ${near}?`,
  )
}

function list(app: App): void {
  const { life } = app.requireSession()
  const { now } = app.preferences
  const row = (name: string, value: string, meaning: string): string =>
    `  ${name.padEnd(NAME_COLS)}${value.padEnd(VALUE_COLS)}  ${meaning}`
  app.front.rows('*', [
    'Of your account, on all its devices:',
    ...CHOICES.map((each) => row(each, life.choice(each), MEANINGS[each])),
    'Of this device:',
    ...PREFERENCES.map((each) => row(each, preferenceWords(now, each), WINDOW_MEANINGS[each])),
    'Example: !set notify on',
  ])
}

/** For Tab: what may follow `!set ` and `!set NAME `. */
export function settable(name?: string): readonly string[] {
  if (name === undefined) return [...CHOICES, ...PREFERENCES]
  if (isPreference(name)) return preferenceValues(name)
  return name === 'requests'
    ? ['soft', 'strict']
    : CHOICES.some((c) => c === name)
      ? ['on', 'off']
      : []
}
