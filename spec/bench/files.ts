// A large file from one client to another through the server: MB/s, and the largest memory each of the three needed; then
// once more with the receiver and the server killed on the way.
// `SIZE_MIB=2048 node ... spec/bench/files.ts`
import { createHash } from 'node:crypto'
import { mkdtemp, open, rm, stat } from 'node:fs/promises'
import { createReadStream, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import {
  type Program,
  type RunningServer,
  signUp,
  startClient,
  startServer,
} from '../helpers/programs.ts'
import { bareFile } from './bare-file.ts'

const SIZE_MIB = Number(process.env['SIZE_MIB'] ?? 256)
const MIB = 2 ** 20

/** High-water mark of resident memory, MiB. */
function peakMib(program: Program): number {
  const status = readFileSync(`/proc/${String(program.child.pid)}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024
}

export async function bigFile(path: string, sizeMib: number): Promise<void> {
  const file = await open(path, 'w')
  const block = Buffer.alloc(MIB)
  for (let i = 0; i < sizeMib; i++) {
    block.writeUInt32BE(i)
    await file.write(block)
  }
  await file.close()
}

interface Teardowns {
  teardown(fn: () => Promise<unknown>): void
}

interface Scene {
  readonly t: Teardowns
  readonly root: string
  readonly server: RunningServer
  readonly alice: Program
  readonly bob: Program
}

/** Sends big.bin and waits for bob's hash to agree. `meanwhile` gives the program that bob is at the end. */
async function move(
  { root, alice, bob }: Scene,
  meanwhile: () => Promise<Program> = () => Promise.resolve(bob),
): Promise<{ readonly seconds: number; readonly bob: Program }> {
  const started = performance.now()
  alice.line(`!file bob ${join(root, 'big.bin')}`)
  await bob.waitFor(/!accept \d+/, 600_000)
  bob.line('!accept')
  const last = await meanwhile()
  await last.waitFor(/complete and unaltered/, 3_600_000)
  return { seconds: (performance.now() - started) / 1000, bob: last }
}

async function received(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0
}

/** Kills the receiver after a third and the server after two thirds, and starts each again. */
async function interrupted(scene: Scene): Promise<void> {
  const { t, root, server, alice } = scene
  const part = join(root, 'bob', 'downloads', 'big.bin.part')
  const reached = async (bytes: number): Promise<void> => {
    while ((await received(part)) < bytes) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  let restarted = server.program
  const { seconds, bob } = await move(scene, async () => {
    await reached((SIZE_MIB * MIB) / 3)
    await scene.bob.kill()
    const kept = await received(part)
    const again = startClient(t, server, join(root, 'bob'), [
      '--username',
      'bob',
      '--download-dir',
      join(root, 'bob', 'downloads'),
    ])
    await reached((SIZE_MIB * MIB * 2) / 3)
    await server.program.kill()
    restarted = (await startServer(t, server.home, ['--port', String(server.port)])).program
    console.log(
      `\nfile of ${String(SIZE_MIB)} MiB, receiver killed at ${(kept / MIB).toFixed(0)} MiB and server after two thirds:`,
    )
    return again
  })
  const same =
    (await sha256Of(join(root, 'big.bin'))) ===
    (await sha256Of(join(root, 'bob', 'downloads', 'big.bin')))
  console.log(
    `  there after ${seconds.toFixed(0)} s, ${same ? 'the same SHA-256' : 'ANOTHER FILE'}, peak memory ` +
      `server ${peakMib(restarted).toFixed(0)}, sender ${peakMib(alice).toFixed(0)}, receiver ${peakMib(bob).toFixed(0)} MiB`,
  )
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of createReadStream(path)) hash.update(bytes as Buffer)
  return hash.digest('hex')
}

async function staged(run: (scene: Scene) => Promise<void>): Promise<void> {
  const teardowns: (() => Promise<unknown>)[] = []
  const t = { teardown: (fn: () => Promise<unknown>) => teardowns.push(fn) }
  const root = await mkdtemp(join(tmpdir(), 'securechat-bench-'))
  try {
    const server = await startServer(t, join(root, 'server'))
    const alice = await signUp(t, server, root, 'alice')
    const bob = await signUp(t, server, root, 'bob')
    await bigFile(join(root, 'big.bin'), SIZE_MIB)
    await run({ t, root, server, alice, bob })
  } finally {
    for (const fn of teardowns) await fn()
    await rm(root, { recursive: true, force: true })
  }
}

export async function fileBench(): Promise<void> {
  await staged(async (scene) => {
    for (const kind of ['tcp', 'tls'] as const) {
      const rate = await bareFile(kind, scene.root, SIZE_MIB * MIB)
      console.log(
        `\nfile of ${String(SIZE_MIB)} MiB through a bare ${kind} relay: ${rate.toFixed(0)} MB/s`,
      )
    }
    const { seconds } = await move(scene)
    console.log(
      `\nfile of ${String(SIZE_MIB)} MiB: ${((SIZE_MIB * MIB) / 1e6 / seconds).toFixed(0)} MB/s, ` +
        `peak memory server ${peakMib(scene.server.program).toFixed(0)}, ` +
        `sender ${peakMib(scene.alice).toFixed(0)}, receiver ${peakMib(scene.bob).toFixed(0)} MiB`,
    )
  })
  await staged(interrupted)
}
