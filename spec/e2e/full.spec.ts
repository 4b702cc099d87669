// The full screen on a real pseudo-terminal: a conversation, stopping and going on, and the terminal after every way out.
import { join } from 'node:path'

import anyTest from 'ava'

import { looksLike } from '../helpers/capture.ts'
import { signInFriends, startStage } from '../helpers/cast.ts'
import type { startServer } from '../helpers/programs.ts'
import { Program, scratch } from '../helpers/programs.ts'
import { openScreen, type Screen, type ScreenOptions } from '../helpers/screen.ts'

const test = anyTest.serial
const ESC = '\x1b'
/** What bash does not switch by itself, and what it does. */
const MODES = ['?1049', '?1004', '?2026']
const PASTE = '?2004'

type Test = Parameters<typeof startServer>[0]

function openFull(
  t: Test,
  uri: string,
  root: string,
  options: ScreenOptions = {},
  env: Readonly<Record<string, string>> = {},
): Screen {
  const home = { SECURECHAT_HOME: join(root, 'alice') }
  return openScreen(t, [uri, '-u', 'alice', '--full'], { ...home, ...env }, options)
}

/** Alice on the full screen, bob in a pipe, who have met. */
async function meet(
  t: Test,
  options: ScreenOptions = {},
): Promise<{ readonly screen: Screen; readonly bob: Program }> {
  const root = await scratch(t)
  const server = await startStage(t, root)
  const { alice, bob } = await signInFriends(t, server, root)
  alice.end()
  await alice.exited
  const screen = openFull(t, server.uri, root, options)
  await screen.waitFor(/0 everything[\s\S]*1 bob/)
  return { screen, bob }
}

function isGivenBack(screen: Screen, modes: readonly string[] = MODES): boolean {
  const { raw } = screen
  const isOff = (mode: string): boolean =>
    raw.lastIndexOf(`${ESC}[${mode}l`) >= raw.lastIndexOf(`${ESC}[${mode}h`)
  return modes.every(isOff) && raw.lastIndexOf(`${ESC}[?25h`) > raw.lastIndexOf(`${ESC}[?25l`)
}

test('a conversation beside the list; !quit gives the terminal back', async (t) => {
  const { screen, bob } = await meet(t, { cols: 80, rows: 14 })
  bob.line('@alice are you around?')
  await screen.waitFor(/1 bob +1\|/)
  screen.type(`${ESC}1`)
  await screen.waitFor(/> 1 bob[\s\S]*me @bob: hello[\s\S]*bob: are you around\?/)
  screen.type('yes, here\r')
  await bob.waitFor(/^alice: yes, here$/m)
  await screen.waitFor(/✓✓ \d+ me @bob: yes, here/)
  await looksLike(t, 'full-screen', screen)
  screen.type('half a line')
  for (const [cols, rows] of [
    [20, 5],
    [40, 10],
    [120, 40],
    [90, 30],
  ] as const) {
    screen.resize(cols, rows)
    await screen.waitFor(/halfaline$/, () => screen.text.replace(/\s/g, ''))
  }
  await screen.waitFor(/> 1 bob[\s\S]*yes, here/)
  screen.type('\x15!quit\r')
  t.deepEqual(await screen.exited, { code: 0, signal: 0 })
  t.true(isGivenBack(screen, [...MODES, PASTE]))
})

test('Ctrl-Z gives the shell its own screen; fg brings the picture back', async (t) => {
  const { screen } = await meet(t, { inShell: true })
  screen.type('half a line')
  await screen.waitFor(/half a line$/, () => screen.lastRow)
  screen.type('\x1a')
  await screen.waitFor(/Stopped/)
  t.true(isGivenBack(screen))
  screen.type('echo it is "the shell"\r')
  await screen.waitFor(/^it is the shell$/m)
  screen.type('fg\r')
  await screen.waitFor(/half a line$/, () => screen.lastRow)
  await screen.waitFor(/0 everything/)
  screen.type('\x15!quit\r')
  await screen.waitFor(/shell\$ *$/, () => screen.lastRow)
  t.true(isGivenBack(screen))
  screen.type('exit\r')
  t.is((await screen.exited).code, 0)
})

test('signals and crashes give the terminal back', async (t) => {
  const root = await scratch(t)
  const server = await startStage(t, root)
  const crash = (what: string): Readonly<Record<string, string>> => {
    const trap = encodeURIComponent(`process.on('SIGUSR2', () => { ${what} })`)
    return { NODE_OPTIONS: `--import=data:text/javascript,${trap}` }
  }
  for (const [signal, env, code] of [
    ['SIGINT', {}, null],
    ['SIGTERM', {}, null],
    ['SIGHUP', {}, null],
    ['SIGUSR2', crash('throw Error(`ours`)'), 1],
    ['SIGUSR2', crash('process.exit(7)'), 7],
  ] as const) {
    const screen = openFull(t, server.uri, root, {}, env)
    await screen.waitFor(/0 everything[\s\S]*Signed in as alice/)
    screen.kill(signal)
    const exit = await screen.exited
    if (code !== null) t.is(exit.code, code)
    t.true(isGivenBack(screen, [...MODES, PASTE]), `${signal} ${JSON.stringify(env)}`)
  }
})

test('without a terminal it says so', async (t) => {
  const program = new Program('securechat', ['--full'], {})
  t.is(await program.exited, 2)
  t.regex(program.stderr, /^! --full needs a terminal/)
})
