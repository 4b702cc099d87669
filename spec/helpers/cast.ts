// A server with people on it, as it was after they had signed up: made once for all spec files, then copied. Signing up takes
// two seconds of a core each time (an identity of 3072 bits, Argon2id), and most specs are about what comes after it.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { type Program, type RunningServer, signUp, startClient, startServer } from './programs.ts'

const CACHE = fileURLToPath(
  new URL('../../node_modules/.cache/securechat-spec/cast/', import.meta.url),
)
const DIST = fileURLToPath(new URL('../../dist/', import.meta.url))
const NAMES = ['alice', 'bob', 'carol'] as const

export type CastName = (typeof NAMES)[number]
type Test = Parameters<typeof startServer>[0]

/** Another program, or another day (keys expire): another cast. */
function version(): string {
  const hash = createHash('sha256').update(new Date().toISOString().slice(0, 10))
  for (const name of readdirSync(DIST, { recursive: true }).map(String).sort()) {
    if (name.endsWith('.js')) hash.update(name).update(readFileSync(join(DIST, name)))
  }
  return hash.digest('hex').slice(0, 16)
}

async function made(): Promise<string> {
  const folder = join(CACHE, version())
  if (existsSync(folder)) return folder
  await mkdir(CACHE, { recursive: true })
  const aside = await mkdtemp(join(CACHE, 'new-'))
  const ends: (() => Promise<unknown>)[] = []
  const t = { teardown: (fn: () => Promise<unknown>) => ends.push(fn) }
  const server = await startServer(t, join(aside, 'server'))
  for (const name of NAMES) {
    const program = await signUp(t, server, aside, name)
    program.end()
    await program.exited
  }
  await server.program.kill('SIGTERM')
  // two workers may have made one: the first counts
  await rename(aside, folder).catch(() => rm(aside, { recursive: true, force: true }))
  return folder
}

let cast: Promise<string> | undefined

/** Starts a server that knows alice, bob and carol in `root`/server, and puts their homes beside it. */
export async function startStage(
  t: Test,
  root: string,
  args: readonly string[] = [],
  prefix: readonly string[] = [],
): Promise<RunningServer> {
  cast ??= made()
  await cp(await cast, root, { recursive: true })
  return startServer(t, join(root, 'server'), args, prefix)
}

/** The device of `name`, signed in. */
export async function signIn(
  t: Test,
  server: { readonly uri: string },
  root: string,
  name: CastName,
): Promise<Program> {
  const home = join(root, name)
  const args = ['--username', name, '--download-dir', join(home, 'downloads')]
  const client = startClient(t, server, home, args)
  await client.waitFor(/Signed in/)
  return client
}

/** Alice and bob, signed in, who have accepted each other. */
export async function signInFriends(
  t: Test,
  server: { readonly uri: string },
  root: string,
): Promise<{ readonly alice: Program; readonly bob: Program }> {
  const [alice, bob] = await Promise.all([
    signIn(t, server, root, 'alice'),
    signIn(t, server, root, 'bob'),
  ])
  alice.line('@bob hello')
  await bob.waitFor(/^alice: hello$/m)
  bob.line('@alice hi')
  await alice.waitFor(/^bob: hi$/m)
  return { alice, bob }
}
