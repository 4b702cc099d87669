// Every way a client ends: what it leaves behind is always in order, and it is gone at once.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import test from 'ava'

import { scratch, signUp, startClient, startServer } from '../helpers/programs.ts'

for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGHUP', 129],
  ['SIGINT', 130],
] as const) {
  test.serial(`${signal}: the server is told, the profile is free again`, async (t) => {
    const root = await scratch(t)
    const server = await startServer(t, join(root, 'server'))
    const alice = await signUp(t, server, root, 'alice')
    alice.line('@alice before the end')
    alice.line('!history alice')
    await alice.waitFor(/before the end/)
    t.is(await alice.kill(signal), code)
    const again = startClient(t, server, join(root, 'alice'), ['-u', 'alice'])
    again.line('!history alice')
    await again.waitFor(/before the end/)
    again.end()
    t.is(await again.exited, 0)
  })
}

test.serial('a reader that is gone ends the client, which keeps what was typed', async (t) => {
  const root = await scratch(t)
  const server = await startServer(t, join(root, 'server'))
  const alice = await signUp(t, server, root, 'alice')
  alice.child.stdout?.destroy()
  alice.child.stderr?.destroy()
  alice.line('@alice nobody reads this')
  alice.line('!whoami')
  alice.line('!whoami')
  alice.end()
  await new Promise((resolve) => alice.child.once('exit', resolve))
  const again = startClient(t, server, join(root, 'alice'), ['-u', 'alice'])
  again.line('!history alice')
  await again.waitFor(/nobody reads this/)
  again.end()
  t.is(await again.exited, 0)
})

test.serial('head -1 as the reader: no stack trace, no hanging process', async (t) => {
  const root = await scratch(t)
  const server = await startServer(t, join(root, 'server'))
  const alice = await signUp(t, server, root, 'alice')
  alice.end()
  await alice.exited
  const bin = fileURLToPath(new URL('../../bin/securechat', import.meta.url))
  const pipeline = spawn(
    'bash',
    [
      '-c',
      `printf '!help\\n!help\\n!help\\n' | "$0" "$1" "$2" -u alice | head -1`,
      process.execPath,
      bin,
      server.uri,
    ],
    { env: { ...process.env, SECURECHAT_HOME: join(root, 'alice') } },
  )
  let errors = ''
  pipeline.stderr.on('data', (text: Buffer) => (errors += text.toString()))
  const code = await new Promise((resolve) => pipeline.once('close', resolve))
  t.is(code, 0) // of head
  t.notRegex(errors, /at .*\.js:\d+/)
})
