// Every way a client ends: what it leaves behind is always in order, and it is gone at once.
import { join } from 'node:path'

import test from 'ava'

import { signIn, startStage } from '../helpers/cast.ts'
import { Program, scratch, startClient } from '../helpers/programs.ts'

test.serial('signals: the server is told, the profile is free again', async (t) => {
  const root = await scratch(t)
  const server = await startStage(t, root)
  let alice = await signIn(t, server, root, 'alice')
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGINT', 130],
  ] as const) {
    alice.line(`@alice before ${signal}`)
    alice.line('!history alice')
    await alice.waitFor(new RegExp(`before ${signal}`))
    t.is(await alice.kill(signal), code)
    alice = startClient(t, server, join(root, 'alice'), ['-u', 'alice'])
    alice.line('!history alice')
    await alice.waitFor(new RegExp(`before ${signal}`))
  }
  alice.end()
  t.is(await alice.exited, 0)
})

test.serial('a reader that is gone ends the client, which keeps what was typed', async (t) => {
  const root = await scratch(t)
  const server = await startStage(t, root)
  const alice = await signIn(t, server, root, 'alice')
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

test.serial('a log file that cannot be written is told, not skipped in silence', async (t) => {
  const root = await scratch(t)
  const debug = join(root, 'no-such-folder', 'log')
  const program = new Program('securechat', ['--debug', debug], { SECURECHAT_HOME: root })
  t.teardown(() => program.kill())
  program.end()
  t.is(await program.exited, 66)
  t.regex(program.stderr, /^! The log file of --debug cannot be written: ENOENT/)
})
