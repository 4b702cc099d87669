// A backup of a server that runs, restored elsewhere: its people go on talking there. And a move that leaves nothing behind.
import { readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import anyTest from 'ava'

import { signIn, startStage } from '../helpers/cast.ts'
import { Program, scratch, startClient, startServer } from '../helpers/programs.ts'

// One after the other: each start uses both cores.
const test = anyTest.serial

async function operate(
  home: string,
  ...words: string[]
): Promise<{ readonly code: number | string; readonly out: string; readonly err: string }> {
  const program = new Program('securechat-server', words, { SECURECHAT_HOME: home })
  const code = await program.exited
  return { code, out: program.stdout, err: program.stderr }
}

test('backup while it runs, restore elsewhere, clients continue; then move', async (t) => {
  const [people, other] = [await scratch(t), await scratch(t)]
  const home = join(people, 'server')
  const first = await startStage(t, people)
  const alice = await signIn(t, first, people, 'alice')
  alice.line('@alice2 nobody of that name')
  await alice.waitFor(/No user/i)
  alice.end()
  await alice.exited

  const file = join(people, 'backup')
  const made = await operate(home, 'backup', file)
  t.is(made.code, 0, made.err)
  t.regex(made.out, /holds the keys of this server/)
  t.is((await stat(file)).mode & 0o777, 0o600)
  t.is((await operate(home, 'backup', file)).code, 66)
  await first.program.kill('SIGKILL')

  const dry = await operate(other, 'restore', file, '--dry-run')
  t.is(dry.code, 0, dry.err)
  t.deepEqual(await readdir(other), [])
  const restored = await operate(other, 'restore', file)
  t.is(restored.code, 0)
  t.regex(restored.out, /NO SETTINGS/)
  t.is((await operate(other, 'restore', file)).code, 78)
  const second = await startServer(t, other)
  t.is(second.uri.split('#')[1], first.uri.split('#')[1])
  const back = startClient(t, second, join(people, 'alice'), ['--username', 'alice'])
  await back.waitFor(/Welcome|Signed in/)
  back.end()
  t.is(await back.exited, 0)

  const secret = join(people, 'passphrase')
  await writeFile(secret, 'seven rusty lanterns\n')
  const moved = join(people, 'moved')
  t.is((await operate(other, 'move', moved)).code, 2)
  const move = await operate(other, 'move', moved, '--yes', '--passphrase-file', secret)
  t.is(move.code, 0, move.err)
  t.is(await second.program.exited, 0)
  const refused = await operate(other, '--port', '0')
  t.is(refused.code, 78)
  t.regex(refused.err, /has moved/)
  const third = await scratch(t)
  t.is((await operate(third, 'restore', moved)).code, 77)
  t.is((await operate(third, 'restore', moved, '--passphrase-file', secret)).code, 0)
  const last = await startServer(t, third)
  t.is(last.uri.split('#')[1], first.uri.split('#')[1])
  await last.program.kill('SIGTERM')
})
