// Cold start: how long until the server listens, and until the client stands at its first prompt, signed in.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { signUp, startClient, startServer } from '../helpers/programs.ts'

const RUNS = 7

function median(list: readonly number[]): string {
  return `${(list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN).toFixed(0)} ms`
}

export async function startBench(): Promise<void> {
  const teardowns: (() => Promise<unknown>)[] = []
  const t = { teardown: (fn: () => Promise<unknown>) => teardowns.push(fn) }
  const root = await mkdtemp(join(tmpdir(), 'securechat-bench-'))
  try {
    await mkdir(join(root, 'server')) // empty: a first start
    const first = performance.now()
    let server = await startServer(t, join(root, 'server'))
    const fresh = performance.now() - first
    const servers: number[] = []
    for (let i = 0; i < RUNS; i++) {
      await server.program.kill('SIGTERM')
      const at = performance.now()
      server = await startServer(t, join(root, 'server'))
      servers.push(performance.now() - at)
    }
    const alice = await signUp(t, server, root, 'alice')
    await alice.kill('SIGTERM')
    const clients: number[] = []
    for (let i = 0; i < RUNS; i++) {
      const at = performance.now()
      const client = startClient(t, server, join(root, 'alice'), ['--username', 'alice'])
      await client.waitFor(/Signed in/)
      clients.push(performance.now() - at)
      await client.kill('SIGTERM')
    }
    console.log(
      `\ncold start: server listening ${median(servers)} (first of all, making its identity: ` +
        `${fresh.toFixed(0)} ms), client signed in at its prompt ${median(clients)}`,
    )
  } finally {
    for (const fn of teardowns) await fn()
    await rm(root, { recursive: true, force: true })
  }
}
