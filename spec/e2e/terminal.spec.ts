// The interactive client on a real pseudo-terminal: what a person types and sees.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import anyTest from 'ava'

import { looksLike } from '../helpers/capture.ts'
import { type CastName, signIn, startStage } from '../helpers/cast.ts'
import { PASSWORD, type Program, scratch, signUp, startServer } from '../helpers/programs.ts'
import { openScreen, type Screen, type ScreenOptions } from '../helpers/screen.ts'

const test = anyTest.serial
const ESC = '\x1b'

type Test = Parameters<typeof startServer>[0]

function open(
  t: Test,
  uri: string,
  home: string,
  args: readonly string[] = [],
  options: ScreenOptions = {},
): Screen {
  return openScreen(t, [uri, ...args], { SECURECHAT_HOME: home }, options)
}

/** Opens the profile of somebody who has signed up before on a terminal. */
async function openAs(
  t: Test,
  server: { readonly uri: string },
  root: string,
  name: CastName,
  options: ScreenOptions = {},
): Promise<Screen> {
  const screen = open(t, server.uri, join(root, name), ['-u', name], options)
  await screen.waitFor(new RegExp(`Signed in as ${name}`))
  return screen
}

/** Alice on a terminal and bob in a pipe, who have accepted each other. */
async function conversation(
  t: Test,
): Promise<{ readonly root: string; readonly screen: Screen; readonly bob: Program }> {
  const root = await scratch(t)
  const server = await startStage(t, root)
  const screen = await openAs(t, server, root, 'alice')
  const bob = await signIn(t, server, root, 'bob')
  bob.line('@alice hi')
  await screen.waitFor(/bob: hi/)
  screen.type('@bob hi\r')
  await bob.waitFor(/alice: hi/)
  return { root, screen, bob }
}

test('a first run: questions, recovery code, a conversation, goodbye', async (t) => {
  const root = await scratch(t)
  const server = await startServer(t, join(root, 'server'))
  const bob = await signUp(t, server, root, 'bob')
  const address = `127.0.0.1:${String(server.port)}`
  const screen = open(t, address, join(root, 'alice'), [], { cols: 80, rows: 36 })

  await screen.waitFor(/First contact[\s\S]*It matches/)
  screen.type('\r')
  await screen.waitFor(/Create an account/)
  screen.type('\r')
  await screen.waitFor(/Username/)
  screen.type('alice\r')
  await screen.waitFor(/Full name/)
  screen.type('Alice\r')
  await screen.waitFor(/Password \(12/)
  screen.type('short\r')
  await screen.waitFor(/12 characters/)
  screen.type(`\x15${PASSWORD}\r`)
  await screen.waitFor(/The same password again/)
  screen.type(`${PASSWORD}\r`)
  const [, code = ''] = await screen.waitFor(/^\*\s+((?:[0-9A-Z]{5}-){5}[0-9A-Z]{5})\s*$/m)
  await screen.waitFor(/second group/)
  screen.type(`${code.split('-')[1] ?? ''}\r`)
  await screen.waitFor(/Welcome, alice[^]*^alice > *$/m)
  await looksLike(t, 'first-run', screen)
  t.false(screen.raw.includes(PASSWORD))

  screen.type('@bob hello from a terminal\r')
  await bob.waitFor(/^alice: hello from a terminal$/m)
  bob.line('@alice hello from a pipe')
  await screen.waitFor(/bob: hello from a pipe/)
  screen.type('!quit\r')
  t.deepEqual(await screen.exited, { code: 0, signal: 0 })
})

test('the typed line survives a hundred incoming messages; none is lost', async (t) => {
  const { screen, bob } = await conversation(t)

  screen.type('@bob this is half a sen')
  for (let i = 0; i < 100; i++) bob.line(`@alice message ${String(i)}.`)
  await screen.waitFor(/message 99\./)
  await screen.waitFor(/@bob this is half a sen$/, () => screen.lastRow)
  for (let i = 0; i < 100; i++) {
    t.is(screen.text.split(`message ${String(i)}.`).length, 2, `message ${String(i)}`)
  }
  screen.type('tence\r')
  await bob.waitFor(/^alice: this is half a sentence$/m)
})

test('two offers are answered in either order, with a transfer and a conversation at once', async (t) => {
  const { root, screen, bob } = await conversation(t)
  await writeFile(join(root, 'one.txt'), 'one')
  await writeFile(join(root, 'two.txt'), 'two')
  bob.line(`!file alice ${join(root, 'one.txt')}`)
  const [, one = ''] = await screen.waitFor(/one\.txt[\s\S]*?!decline (\d+)/)
  bob.line(`!file alice ${join(root, 'two.txt')}`)
  const [, two = ''] = await screen.waitFor(/two\.txt[\s\S]*?!decline (\d+)/)
  t.not(one, two)
  screen.type(`!decline ${two}\r`)
  await bob.waitFor(/declined two\.txt/)
  screen.type(`!accept ${one}\r`)
  await screen.waitFor(/one\.txt[^\n]*complete and unaltered/)
})

test('a paste of ten lines is one message; a server that dies while typing costs nothing', async (t) => {
  const root = await scratch(t)
  const server = await startStage(t, root)
  const screen = await openAs(t, server, root, 'alice')
  const bob = await signIn(t, server, root, 'bob')
  screen.type('@bob ')
  screen.paste(Array.from({ length: 10 }, (_, i) => `pasted ${String(i)}`).join('\n'))
  await screen.waitFor(/pasted 9/)
  // an Enter right behind a paste belongs to it: no person is that fast
  await new Promise((resolve) => setTimeout(resolve, 500))
  screen.type('\r')
  await bob.waitFor(/pasted 9/)
  t.is(screen.text.split('me @bob:').length, 2, 'one message')
  bob.line('@alice thanks')
  await screen.waitFor(/thanks/)

  // from a terminal that does not mark what is pasted, each line is typed and sent
  screen.type(Array.from({ length: 10 }, (_, i) => `@bob raw ${String(i)}\r`).join(''))
  await bob.waitFor(/^alice: raw 9$/m)
  t.is(bob.stdout.match(/^alice: raw \d$/gm)?.length, 10)

  screen.type('@bob typed while ')
  await server.program.kill('SIGKILL')
  await screen.waitFor(/offline|reconnect|Connection/i)
  screen.type('the server was away\r')
  await startServer(t, join(root, 'server'), ['--port', String(server.port)])
  await bob.waitFor(/^alice: typed while the server was away$/m)
})

test('narrow, wide, tiny: the line being typed stays', async (t) => {
  const root = await scratch(t)
  const server = await startStage(t, root)
  const screen = await openAs(t, server, root, 'alice')
  screen.type('a line that is kept whatever the window does')
  for (const [cols, rows] of [
    [40, 10],
    [20, 5],
    [120, 40],
    [90, 30],
  ] as const) {
    screen.resize(cols, rows)
    await screen.waitFor(/alinethatiskeptwhateverthewindowdoes$/, () =>
      screen.text.replace(/\s/g, ''),
    )
  }
  t.pass()
})

test('Ctrl-Z gives the shell its terminal; fg brings the line back', async (t) => {
  const root = await scratch(t)
  const server = await startStage(t, root)
  const program = await signIn(t, server, root, 'alice')
  program.end()
  await program.exited
  const screen = open(t, server.uri, join(root, 'alice'), ['-u', 'alice'], { inShell: true })
  await screen.waitFor(/Signed in as alice/)
  screen.type('half a line')
  await screen.waitFor(/half a line$/, () => screen.lastRow)
  screen.type('\x1a')
  await screen.waitFor(/Stopped/)
  screen.type('echo it is "the shell"\r')
  await screen.waitFor(/^it is the shell$/m)
  screen.type('fg\r')
  await screen.waitFor(/half a line$/, () => screen.lastRow)
  screen.type('\x15!quit\r')
  await screen.waitFor(/shell\$ *$/, () => screen.lastRow)
  screen.type('exit\r')
  t.is((await screen.exited).code, 0)
})

test('a terminal that is closed ends the client at once, in order', async (t) => {
  const root = await scratch(t)
  const server = await startStage(t, root)
  const screen = await openAs(t, server, root, 'alice')
  screen.kill('SIGHUP')
  await screen.exited
  const again = open(t, server.uri, join(root, 'alice'), ['-u', 'alice']) // the profile is free
  await again.waitFor(/Signed in as alice/)
  again.type('\x04')
  t.deepEqual(await again.exited, { code: 0, signal: 0 })
  // modes that were switched on are switched off: bracketed paste, focus reports
  for (const mode of ['?2004', '?1004']) {
    t.is(again.raw.lastIndexOf(`${ESC}[${mode}l`) > again.raw.lastIndexOf(`${ESC}[${mode}h`), true)
  }
})
