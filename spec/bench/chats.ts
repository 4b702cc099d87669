// The whole client with a long list of chats: how long from its start until it stands at its first prompt, signed in. Groups of
// two are chats as any other, and one account is enough for as many as one likes.
// `CHATS=1000 npm run bench -- chats`
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { signUp, startClient, startServer } from '../helpers/programs.ts'
import { median, sleep } from './process.ts'

const CHATS = Number(process.env['CHATS'] ?? 1000)
const RUNS = 7
const UNLIMITED = ['--sends-per-second', '0', '--requests-per-second', '0']
const PATIENCE_MS = 600_000

export async function chatsBench(): Promise<void> {
  const teardowns: (() => Promise<unknown>)[] = []
  const t = { teardown: (fn: () => Promise<unknown>) => teardowns.push(fn) }
  const root = await mkdtemp(join(tmpdir(), 'securechat-bench-'))
  try {
    const server = await startServer(t, join(root, 'server'), UNLIMITED)
    const bob = await signUp(t, server, root, 'bob')
    const alice = await signUp(t, server, root, 'alice')
    alice.line('@bob hello')
    await bob.waitFor(/hello/)
    // he stays: what waits for one person is limited
    bob.line('!accept alice')
    bob.line('@alice hello yourself')
    await alice.waitFor(/hello yourself/)
    for (let i = 1; i <= CHATS; i++) alice.line(`!group chat${String(i)} bob`)
    const last = new RegExp(`#chat${String(CHATS)}: you made`)
    await alice.waitFor(last, PATIENCE_MS)
    // she keeps to what a server grants, ten new groups a second
    for (const from = Date.now(); !alice.all.includes('Everything you wrote is on the server');) {
      if (Date.now() - from > PATIENCE_MS) throw new Error(alice.all.slice(-2000))
      alice.line('!status')
      await sleep(2000)
    }
    await alice.kill('SIGTERM')
    const times: number[] = []
    for (let i = 0; i < RUNS; i++) {
      const at = performance.now()
      const client = startClient(t, server, join(root, 'alice'), ['--username', 'alice'])
      await client.waitFor(/Signed in/)
      times.push(performance.now() - at)
      await client.kill('SIGTERM')
    }
    console.log(
      `\nclient with ${String(CHATS)} chats: signed in at its prompt ${median(times).toFixed(0)} ms`,
    )
  } finally {
    for (const fn of teardowns) await fn()
    await rm(root, { recursive: true, force: true })
  }
}
