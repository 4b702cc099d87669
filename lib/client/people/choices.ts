// The choices a person has, as words: what `!set` shows and takes. Pure.
import { fail } from '../../util/errors.ts'
import type { ChoiceName } from '../life-api.ts'

export interface Choices {
  readonly displayName: string
  /** Whether others hear that their messages were read. */
  readonly readReceipts: boolean
  /** Strangers must ask first (PROTOCOL 7.3). */
  readonly strict: boolean
  /** Whether others may see that this account is online, where the operator allows it (PROTOCOL 14.2). */
  readonly presence: boolean
  /** The terminal's bell for new messages. */
  readonly bell: boolean
  /** Pictures that have come are shown at once. */
  readonly preview: boolean
}

export const DEFAULTS: Choices = {
  displayName: '',
  readReceipts: true,
  strict: false,
  presence: false,
  bell: true,
  preview: true,
}

interface Word {
  readonly values: readonly [string, string]
  /** What the second of the values means. */
  readonly field: 'readReceipts' | 'strict' | 'presence' | 'bell' | 'preview'
  readonly second: boolean
}

const WORDS: Readonly<Record<ChoiceName, Word>> = {
  receipts: { values: ['on', 'off'], field: 'readReceipts', second: false },
  requests: { values: ['soft', 'strict'], field: 'strict', second: true },
  presence: { values: ['on', 'off'], field: 'presence', second: false },
  bell: { values: ['on', 'off'], field: 'bell', second: false },
  preview: { values: ['on', 'off'], field: 'preview', second: false },
}

export function choiceOf(choices: Choices, name: ChoiceName): string {
  const { values, field, second } = WORDS[name]
  return choices[field] === second ? values[1] : values[0]
}

/** @throws E_USAGE */
export function choose(name: ChoiceName, value: string): Partial<Choices> {
  const { values, field, second } = WORDS[name]
  const typed = value.toLowerCase()
  const [one, two] = values
  if (typed !== one && typed !== two) fail('E_USAGE', `${name} is ${one} or ${two}.`)
  return { [field]: typed === two ? second : !second }
}
