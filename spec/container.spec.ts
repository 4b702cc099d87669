// What can be said of Dockerfile and compose.yaml without an engine: they name what exists, agree with each other and with
// the program, and take nothing along that is nobody's business.
import { existsSync, readFileSync } from 'node:fs'

import test from 'ava'

import { SETTINGS, defaultSettings } from '../lib/cli/server/settings.ts'
import { variableOf } from '../lib/cli/server/sources.ts'

const root = new URL('../', import.meta.url)
const read = (name: string): string => readFileSync(new URL(name, root), 'utf8')
const rows = (text: string): string[] => text.split('\n').filter((row) => !/^\s*(#|$)/.test(row))

const dockerfile = read('Dockerfile').replaceAll('\\\n', ' ')
const compose = read('compose.yaml')
const instructions = rows(dockerfile).map((row) => row.split(/\s+/))
const of = (name: string): string[][] => instructions.filter(([word]) => word === name)
const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '))

test('one base image, of a Node.js that the program runs on', (t) => {
  const images = new Set(of('FROM').map(([, image]) => image))
  t.is(images.size, 1)
  const major = Number(/^node:(\d+)-/.exec([...images][0] ?? '')?.[1])
  const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } }
  const least = /^>=(\d+)\.\d+$/.exec(engines.node)?.[1]
  t.true(major > Number(least))
})

test('what it copies exists and is sent to the engine; keys, data and secrets of a checkout are not', (t) => {
  const copied = of('COPY')
    .map((words) => words.slice(1, -1))
    .filter(([first]) => first?.startsWith('--from=') !== true)
    .flat()
  t.true(copied.includes('package-lock.json'))
  const [everything, ...back] = rows(read('.dockerignore'))
  t.is(everything, '*')
  t.deepEqual([...new Set(copied)].sort(), back.map((row) => row.slice(1)).sort())
  const [, build = ''] = dockerfile.split('\nFROM ')
  for (const name of ['bin', 'lib', 'tsconfig.json'])
    t.regex(build, new RegExp(`^COPY .*${name}`, 'm'))
  for (const name of copied) t.true(existsSync(new URL(name, root)), name)
  const [, secret = ''] = /^ {4}file: \.\/(\S+)$/m.exec(compose) ?? []
  t.true(rows(read('.gitignore')).includes(secret), secret)
})

test('not root, nothing writable but the volume, no privilege to gain', (t) => {
  t.regex(last, /\nUSER (?!0\b|root\b)\d+:\d+\n/)
  const home = /SECURECHAT_HOME=(\S+)/.exec(last)?.[1] ?? 'none'
  t.true(last.includes(`\nVOLUME ${home}\n`))
  t.regex(compose, new RegExp(`^ {6}- securechat:${home}$`, 'm'))
  t.regex(compose, /^ {4}read_only: true$/m)
  t.regex(compose, /^ {4}cap_drop:\n {6}- ALL$/m)
  t.regex(compose, /^ {6}- no-new-privileges:true$/m)
  t.notRegex(compose, /privileged|network_mode: host|docker\.sock/)
})

test('ports, health and variables are those of the program, and the end is waited for', (t) => {
  const { port } = defaultSettings({ keys: '', data: '' })
  t.regex(last, new RegExp(`\\nEXPOSE ${String(port)}\\n`))
  t.true(compose.includes(`'${String(port)}:${String(port)}'`))
  const metrics = /SECURECHAT_METRICS_PORT=(\d+)/.exec(last)?.[1] ?? 'none'
  t.true(last.includes(`http://127.0.0.1:${metrics}/health`))
  const variables = [...SETTINGS.values()].map(({ flag }) => variableOf(flag))
  for (const [name] of `${last}${compose}`.matchAll(/(?<!\{)\bSECURECHAT_[A-Z_]+/g)) {
    t.true(name === 'SECURECHAT_HOME' || variables.includes(name), name)
  }
  t.true(Number(/stop_grace_period: (\d+)s/.exec(compose)?.[1]) >= 20)
  t.regex(last, /\nSTOPSIGNAL SIGTERM\n/)
})
