// The three places a setting can come from - command line, SECURECHAT_* variables, config file - as texts by setting.
// Knows which words exist, not what a value may be nor which place wins.
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'

import { reasonOf } from '../../storage/durable.ts'
import { fail } from '../../util/errors.ts'
import { nearest } from '../nearest.ts'
import { COMMAND_OPTIONS } from './operator/options.ts'
import { SETTINGS } from './settings.ts'

/** Texts by setting, and how to name their place in a complaint. */
export interface Source {
  readonly code: 'E_USAGE' | 'E_CONFIG'
  /** Where relative paths start. */
  readonly base: string
  readonly values: ReadonlyMap<string, { readonly text: string; readonly place: string }>
}

/** Hears what is wrong. Where it returns, the rest counts without it. */
export type Complain = (code: Source['code'], message: string, cause?: unknown) => void

/** What is not a setting. --debug is --log-level debug. */
type Switch = (typeof SWITCHES)[number]

export interface CommandLine extends Source {
  /** `invite create`, and what a command is about. */
  readonly words: readonly string[]
  /** Options of commands; '' for those without value. */
  readonly options: ReadonlyMap<string, string>
  readonly switches: ReadonlySet<Switch>
  readonly config: string | undefined
}

const SWITCHES = ['debug', 'help', 'version', 'print-config'] as const
const SHORT: Readonly<Record<string, string>> = { h: 'help', V: 'version' }
const BY_FLAG: ReadonlyMap<string, string> = new Map(
  [...SETTINGS].map(([name, setting]) => [setting.flag, name]),
)
const WITH_VALUE: readonly string[] = [
  'config',
  ...Object.keys(COMMAND_OPTIONS).filter((flag) => COMMAND_OPTIONS[flag] !== null),
  ...[...SETTINGS.values()].filter((s) => s.placeholder !== null).map((s) => s.flag),
]

function isSwitch(flag: string): flag is Switch {
  return (SWITCHES as readonly string[]).includes(flag)
}

function didYouMean(word: string, known: readonly string[], dashes = ''): string {
  const found = nearest(word, known)
  return found === undefined ? '' : ` Did you mean ${dashes}${found}?`
}

/** @throws E_USAGE */
export function readCommandLine(argv: readonly string[], cwd: string): CommandLine {
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false, // its complaints speak to programmers
    tokens: true,
    allowPositionals: true,
    options: Object.fromEntries(WITH_VALUE.map((flag) => [flag, { type: 'string' as const }])),
  })
  const values = new Map<string, { text: string; place: string }>()
  const switches = new Set<Switch>()
  const words: string[] = []
  const options = new Map<string, string>()
  let config: string | undefined
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue
    if (token.kind === 'positional') {
      words.push(token.value)
      continue
    }
    const place = token.rawName
    const flag = place.startsWith('--') ? token.name : (SHORT[token.name] ?? place)
    const name = BY_FLAG.get(flag)
    if (WITH_VALUE.includes(flag)) {
      const text = token.value
      // -1 is a wrong number, not the next option
      if (text === undefined || (!token.inlineValue && /^-(?!\d)/.test(text))) {
        const wanted = SETTINGS.get(name ?? '')?.placeholder ?? COMMAND_OPTIONS[flag] ?? 'FILE'
        fail('E_USAGE', `${place} needs a value: ${place} ${wanted}`)
      }
      if (Object.hasOwn(COMMAND_OPTIONS, flag)) options.set(flag, text)
      else if (name === undefined) config = text
      else values.set(name, { text, place })
    } else {
      const isOption = Object.hasOwn(COMMAND_OPTIONS, flag)
      if (name === undefined && !isSwitch(flag) && !isOption) {
        const known = [...BY_FLAG.keys(), ...SWITCHES, ...Object.keys(COMMAND_OPTIONS), 'config']
        fail('E_USAGE', `There is no option ${place}.${didYouMean(flag, known, '--')}`)
      }
      if (token.value !== undefined) fail('E_USAGE', `${place} takes no value.`)
      if (isOption) options.set(flag, '')
      else if (isSwitch(flag)) switches.add(flag)
      else if (name !== undefined) values.set(name, { text: 'true', place })
    }
  }
  if (switches.has('debug') && !values.has('logLevel')) {
    values.set('logLevel', { text: 'debug', place: '--debug' })
  }
  return { code: 'E_USAGE', base: cwd, values, switches, config, words, options }
}

/** SECURECHAT_MAX_CLIENTS of max-clients. */
export function variableOf(flag: string): string {
  return `SECURECHAT_${flag.toUpperCase().replaceAll('-', '_')}`
}

/** Beside the settings; the first moves keys and data. */
const OWN_VARIABLES = ['SECURECHAT_HOME', 'SECURECHAT_CONFIG']

/**
 * About variables that look like mistyped ones of the server. Only what is near is named: the client has variables with the
 * same beginning.
 */
export function strangeVariables(
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const known = [...OWN_VARIABLES, ...[...SETTINGS.values()].map(({ flag }) => variableOf(flag))]
  return Object.keys(env).flatMap((name) => {
    if (!/^SECURECHAT_/i.test(name) || known.includes(name)) return []
    const meant = nearest(name, known)
    return meant === undefined ? [] : [`${name} counts for nothing: did you mean ${meant}?`]
  })
}

/** An empty variable counts as unset. Other SECURECHAT_* variables belong to the client. */
export function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): Source {
  const values = new Map<string, { text: string; place: string }>()
  for (const [name, setting] of SETTINGS) {
    const place = variableOf(setting.flag)
    const text = env[place]
    if (text) values.set(name, { text, place })
  }
  return { code: 'E_CONFIG', base: cwd, values }
}

/** Null: nothing of it can be read. */
export function readConfigFile(
  path: string,
  readFile: (path: string) => string,
  complain: Complain,
): Source | null {
  let text
  try {
    text = readFile(path)
  } catch (cause) {
    complain('E_CONFIG', `The configuration ${path} cannot be read: ${reasonOf(cause)}.`, cause)
    return null
  }
  const found = parseObject(path, text, complain)
  if (found === null) return null
  const values = new Map<string, { text: string; place: string }>()
  for (const [name, value] of Object.entries(found)) {
    const place = `"${name}" in ${path}`
    if (!SETTINGS.has(name)) {
      const hint = didYouMean(name, [...SETTINGS.keys()])
      complain('E_CONFIG', `There is no setting ${place}.${hint}`)
    } else if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      values.set(name, { text: String(value), place })
    // null: as --print-config writes what is not set
    else if (value !== null)
      complain('E_CONFIG', `${place} must be a text, a number, true or false.`)
  }
  return { code: 'E_CONFIG', base: dirname(path), values }
}

function parseObject(
  path: string,
  text: string,
  complain: Complain,
): Readonly<Record<string, unknown>> | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (cause) {
    complain(
      'E_CONFIG',
      `The configuration ${path} is not JSON: ${cause instanceof Error ? cause.message : ''}`,
      cause,
    )
    return null
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return { ...parsed }
  complain('E_CONFIG', `The configuration ${path} must be one JSON object, like {"port": 7700}.`)
  return null
}
