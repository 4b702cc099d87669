// The rooms of the house and the arrows between them. A breach fails here and is named.
import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'

import test from 'ava'

/** Folders of lib/ that a folder may import besides itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  util: [],
  crypto: ['util'],
  protocol: ['crypto', 'util'],
  identity: ['protocol', 'crypto', 'util'],
  channel: ['identity', 'protocol', 'crypto', 'util'],
  envelope: ['identity', 'protocol', 'crypto', 'util'],
  storage: ['crypto', 'util'],
  server: ['channel', 'storage', 'identity', 'protocol', 'crypto', 'util'],
  client: ['channel', 'envelope', 'storage', 'identity', 'protocol', 'crypto', 'util'],
  cli: [
    'client',
    'server',
    'channel',
    'envelope',
    'storage',
    'identity',
    'protocol',
    'crypto',
    'util',
  ],
}

/** The only files that may import a package or a Node module that does I/O. */
const HOMES: Readonly<Record<string, RegExp>> = {
  'node-rsa': /^crypto\/rsa\.ts$/,
  '@serenity-kit/opaque': /^crypto\/opaque\.ts$/,
  '@noble/post-quantum/ml-kem.js': /^crypto\/ml-kem\.ts$/,
  cborg: /^protocol\/cbor\.ts$/,
  'nedb-promises': /^storage\/nedb\//,
  chalk: /^cli\/theme\.ts$/,
  inquirer: /^cli\/prompts\.ts$/,
  'jpeg-js': /^cli\/client\/media\/jpeg\.ts$/,
  'node:net': /^channel\/(tcp|local-socket)\.ts$/,
  'node:tls': /^$/,
  'node:http': /^cli\/server\/metrics-port\.ts$/,
  'node:fs': /^(storage|cli)\//,
  'node:fs/promises': /^(storage|cli)\/|^channel\/local-socket\.ts$/,
  'node:child_process': /^(storage\/lock\.ts|cli\/)/,
  'node:readline': /^cli\/client\//,
}

/** Adapters: built in cli/ and passed in; nobody else names them. */
const ADAPTER = /^(storage\/(?!ports\.ts)|channel\/(tcp|local-socket)\.ts)/

/** Files the server must not reach, directly or not: it cannot open what it cannot import. */
const CLIENT_ONLY = /^(client|envelope)\//

/** Globals that belong to cli/: below it there are Log, Clock and return values. */
const CLI_ONLY =
  /(?<!\.)\b(process\.|console\.|Date\.now\(|setTimeout\(|setInterval\(|Math\.random\()/

const IMPORT =
  /^\s*(?:import|export)\b[^'"]*?from\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm

const root = new URL('../lib/', import.meta.url)
const sources = new Map(
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map(
      (file) => [file.replaceAll('\\', '/'), readFileSync(new URL(file, root), 'utf8')] as const,
    ),
)
const imports = new Map(
  [...sources].map(([file, source]) => {
    const found = [...source.matchAll(IMPORT)].map((m) => m[1] ?? m[2] ?? m[3] ?? '')
    const resolve = (s: string) => (s.startsWith('.') ? posix.join(posix.dirname(file), s) : s)
    return [file, found.map(resolve)] as const
  }),
)
const folder = (file: string) => file.split('/', 1)[0] ?? ''

function reachable(from: string, seen = new Set<string>()): Set<string> {
  for (const to of imports.get(from) ?? []) {
    if (imports.has(to) && !seen.has(to)) reachable(to, seen.add(to))
  }
  return seen
}

function breaches(isBad: (file: string, to: string) => boolean): string[] {
  return [...imports].flatMap(([file, list]) =>
    list.filter((to) => isBad(file, to)).map((to) => `${file} -> ${to}`),
  )
}

test('every import of a file of ours names one that exists', (t) => {
  t.deepEqual(
    breaches((_, to) => /^[a-z]+\/.*\.ts$/.test(to) && !imports.has(to)),
    [],
  )
})

test('folders import only the folders below them', (t) => {
  t.deepEqual(
    breaches(
      (file, to) =>
        imports.has(to) &&
        folder(to) !== folder(file) &&
        MAY_IMPORT[folder(file)]?.includes(folder(to)) !== true,
    ),
    [],
  )
})

test('each package and I/O module has one home', (t) => {
  t.deepEqual(
    breaches((file, to) => HOMES[to]?.test(file) === false),
    [],
  )
})

test('adapters are named only in cli/ and in their own folder', (t) => {
  t.deepEqual(
    breaches((file, to) => ADAPTER.test(to) && ![folder(to), 'cli'].includes(folder(file))),
    [],
  )
})

test('the server cannot reach what opens messages', (t) => {
  const entries = [...imports.keys()].filter((f) => /^(server\/|cli\/server\/)/.test(f))
  t.deepEqual(
    entries.flatMap((f) =>
      [...reachable(f)].filter((to) => CLIENT_ONLY.test(to)).map((to) => `${f} -> ${to}`),
    ),
    [],
  )
})

test('there are no import cycles', (t) => {
  t.deepEqual(
    [...imports.keys()].filter((file) => reachable(file).has(file)),
    [],
  )
})

test('no process, console, clock, timer or Math.random below cli/', (t) => {
  const withoutComments = (s: string) => s.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '')
  t.deepEqual(
    [...sources]
      .filter(([file]) => folder(file) !== 'cli')
      .filter(([, source]) => CLI_ONLY.test(withoutComments(source)))
      .map(([file]) => file),
    [],
  )
})

test('no file outgrows one idea', (t) => {
  t.deepEqual(
    [...sources]
      .filter(([, source]) => source.split('\n').length > 400)
      .map(([file, source]) => `${file}: ${String(source.split('\n').length)} lines`),
    [],
  )
})
