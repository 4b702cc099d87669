// Accounts as a script meets them: wrong passwords, logging out and in, a device that exists twice, a server that is not
// the one of yesterday.
import { cp, mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import test from 'ava'

import { signIn, startStage } from '../helpers/cast.ts'
import {
  PASSWORD,
  Program,
  type RunningServer,
  scratch,
  signUp,
  startClient,
  startServer,
} from '../helpers/programs.ts'

type Test = Parameters<typeof startServer>[0]

function withPassword(
  t: Test,
  server: RunningServer,
  dir: string,
  password: string | null,
  args: readonly string[],
): Program {
  const env = password === null ? {} : { SECURECHAT_PASSWORD: password }
  const program = new Program('securechat', [server.uri, ...args], {
    SECURECHAT_HOME: dir,
    ...env,
  })
  t.teardown(() => program.kill())
  return program
}

test.serial('a wrong password and an unknown user are told in the same words', async (t) => {
  const root = await scratch(t)
  const server = await startStage(t, root)
  const alice = await signIn(t, server, root, 'alice')
  alice.end()
  await alice.exited
  const answers: string[] = []
  for (const name of ['alice', 'nobody-here']) {
    const guess = withPassword(t, server, join(root, `guess-${name}`), 'not-her-password', [
      '-u',
      name,
    ])
    guess.end()
    t.is(await guess.exited, 77)
    t.is(guess.stdout, '')
    answers.push(guess.stderr)
  }
  t.regex(answers[0] ?? '', /Wrong username or password\./)
  t.is(answers[0], answers[1])
})

test.serial('after !logout commands say so, and !login comes back', async (t) => {
  const root = await scratch(t)
  const server = await startStage(t, root)
  const alice = await signIn(t, server, root, 'alice')
  alice.line('!logout')
  await alice.waitFor(/Logged out/)
  alice.line('!whoami')
  await alice.waitFor(/Log in or register first/)
  alice.line('!login alice')
  await alice.waitFor(/Signed in as alice/)
  alice.end()
  t.is(await alice.exited, 77) // !whoami was refused
})

test.serial(
  '!logout asks for the password at the next start; what was kept is there',
  async (t) => {
    const root = await scratch(t)
    const server = await startStage(t, root)
    const alice = await signIn(t, server, root, 'alice')
    alice.line('@alice a note to find again')
    alice.line('!logout')
    alice.end()
    t.is(await alice.exited, 0)

    const without = withPassword(t, server, join(root, 'alice'), null, ['-u', 'alice'])
    without.end()
    t.not(await without.exited, 0)
    t.regex(without.stderr, /password/i)

    const again = startClient(t, server, join(root, 'alice'), ['-u', 'alice'])
    again.line('!history alice')
    await again.waitFor(/a note to find again/)
    again.end()
    t.is(await again.exited, 0)
  },
)

test.serial(
  '--lock: nothing of the device opens or is readable without the password',
  async (t) => {
    const root = await scratch(t)
    const server = await startServer(t, join(root, 'server'))
    const alice = await signUp(t, server, root, 'alice', ['--lock'])
    alice.line('@alice sealed-note-to-look-for')
    alice.end()
    t.is(await alice.exited, 0)

    const without = withPassword(t, server, join(root, 'alice'), null, ['-u', 'alice'])
    without.end()
    t.not(await without.exited, 0)
    const wrong = withPassword(t, server, join(root, 'alice'), 'wrong-password-17', ['-u', 'alice'])
    wrong.end()
    t.is(await wrong.exited, 77)

    for (const file of await readdir(join(root, 'alice'), {
      recursive: true,
      withFileTypes: true,
    })) {
      if (!file.isFile()) continue
      const bytes = (await readFile(join(file.parentPath, file.name))).toString('latin1')
      t.false(bytes.includes('sealed-note-to-look-for'), file.name)
      t.false(bytes.includes(PASSWORD), file.name)
    }

    const right = startClient(t, server, join(root, 'alice'), ['-u', 'alice'])
    right.line('!history alice')
    await right.waitFor(/sealed-note-to-look-for/)
    right.end()
    t.is(await right.exited, 0)
  },
)

test.serial('the newest login of a device wins; the older one is told and ends', async (t) => {
  const root = await scratch(t)
  const server = await startStage(t, root)
  const first = await signIn(t, server, root, 'alice')
  first.end()
  await first.exited
  await cp(join(root, 'alice'), join(root, 'copy'), { recursive: true })

  const older = startClient(t, server, join(root, 'alice'), ['-u', 'alice'])
  await older.waitFor(/Signed in/)
  const newer = startClient(t, server, join(root, 'copy'), ['-u', 'alice'])
  await newer.waitFor(/Signed in/)
  await older.waitFor(/Another session started with this account. Forced to log out./)
  newer.line('!whoami')
  await newer.waitFor(/alice/)
  newer.end()
  t.is(await newer.exited, 0)
})

test.serial('two programs on one profile: the second is told who has it', async (t) => {
  const root = await scratch(t)
  const server = await startStage(t, root)
  const first = await signIn(t, server, root, 'alice')
  const second = startClient(t, server, join(root, 'alice'), ['-u', 'alice'])
  second.end()
  t.is(await second.exited, 75)
  first.line('!whoami')
  await first.waitFor(/alice/)
})

test.serial(
  'another server on the same address is a hard stop with both fingerprints',
  async (t) => {
    const root = await scratch(t)
    const genuine = await startStage(t, root)
    const alice = await signIn(t, genuine, root, 'alice')
    alice.end()
    await alice.exited
    await genuine.program.kill('SIGTERM')
    await mkdir(join(root, 'impostor')) // a first start: an identity of its own
    const impostor = await startServer(t, join(root, 'impostor'), ['--port', String(genuine.port)])
    t.is(impostor.port, genuine.port)

    // by address alone, and even when told to trust first contacts
    const client = new Program(
      'securechat',
      [`127.0.0.1:${String(genuine.port)}`, '-u', 'alice', '--yes'],
      { SECURECHAT_HOME: join(root, 'alice'), SECURECHAT_PASSWORD: PASSWORD },
    )
    t.teardown(() => client.kill())
    client.end()
    t.is(await client.exited, 77)
    const fingerprints = client.all.match(/(?:[A-Z2-7]{4}[ -]){7}[A-Z2-7]{4}/gi) ?? []
    t.is(new Set(fingerprints).size, 2, client.all)

    // by the link of the genuine one
    const linked = startClient(t, genuine, join(root, 'fresh'), ['--register', '-u', 'bob'])
    linked.end()
    t.is(await linked.exited, 77)
  },
)
