// What README promises in tables is what the programs do.
import { readFileSync } from 'node:fs'

import test from 'ava'

import { COMMANDS } from '../lib/cli/client/commands.ts'
import { EXIT, EXIT_MEANINGS } from '../lib/cli/exit-codes.ts'
import { COMMAND_OPTIONS, OPERATOR_COMMANDS } from '../lib/cli/server/operator/options.ts'
import { SETTINGS } from '../lib/cli/server/settings.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>
}
const rows = readme
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))

test('every command, and no other, with its words', (t) => {
  const shown = rows.filter((row) => row[1]?.startsWith('`!') === true)
  const table = COMMANDS.map((c) => [
    `\`!${c.name}${c.usage === '' ? '' : ` ${c.usage.replaceAll('|', '\\|')}`}\``,
    c.summary,
  ])
  const byName = (a: readonly unknown[], b: readonly unknown[]) =>
    String(a[0]).localeCompare(String(b[0]))
  t.deepEqual(shown.map((row) => [row[1] ?? '', row[2] ?? '']).sort(byName), table.sort(byName))
})

test('every command of the operator, with its words', (t) => {
  const names = new Set(OPERATOR_COMMANDS.map(({ name }) => name.split(' ')[0]))
  const shown = rows.filter((row) => names.has(/^`([a-z]+)/.exec(row[1] ?? '')?.[1] ?? ''))
  t.deepEqual(
    shown.map((row) => [row[1] ?? '', row[2] ?? '']),
    OPERATOR_COMMANDS.map(({ name, usage, summary }) => [
      `\`${name}${usage === '' ? '' : ` ${usage.replaceAll('|', '\\|')}`}\``,
      summary,
    ]),
  )
})

test('every exit code, with its meaning', (t) => {
  const shown = rows.filter((row) => /^\d+$/.test(row[1] ?? ''))
  t.deepEqual(
    shown.map((row) => [Number(row[1]), row[2]]),
    Object.entries(EXIT).map(([name, code]) => [code, EXIT_MEANINGS[name as keyof typeof EXIT]]),
  )
})

test('every option and every npm script it names exists', (t) => {
  const flags = [...SETTINGS.values()].map((setting) => `--${setting.flag}`)
  const commands = Object.keys(COMMAND_OPTIONS).map((flag) => `--${flag}`)
  const own = [
    '--config',
    '--print-config',
    '--debug',
    '--help',
    '--remove',
    '--new-password-file',
    '--new-password-fd',
    '--yes',
    ...commands,
  ]
  const server = /## Running a server([\s\S]*?)\n## /.exec(readme)?.[1] ?? ''
  for (const [flag] of server.matchAll(/--[a-z][a-z-]+/g)) {
    t.true([...flags, ...own].includes(flag), flag)
  }
  for (const [, script = ''] of readme.matchAll(/npm run ([a-z:]+)/g)) {
    t.true(Object.hasOwn(manifest.scripts, script), script)
  }
})
