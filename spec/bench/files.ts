// A large file from one client to another through the server: MB/s, and the largest memory each of the three needed.
// `SIZE_MIB=2048 node ... spec/bench/files.ts`
import { mkdtemp, open, rm, stat } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { type Program, signUp, startServer } from '../helpers/programs.ts'

const SIZE_MIB = Number(process.env['SIZE_MIB'] ?? 256)
const MIB = 2 ** 20

/** High-water mark of resident memory, MiB. */
function peakMib(program: Program): number {
  const status = readFileSync(`/proc/${String(program.child.pid)}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024
}

async function bigFile(path: string): Promise<void> {
  const file = await open(path, 'w')
  const block = Buffer.alloc(MIB)
  for (let i = 0; i < SIZE_MIB; i++) {
    block.writeUInt32BE(i)
    await file.write(block)
  }
  await file.close()
}

export async function fileBench(): Promise<void> {
  const teardowns: (() => Promise<unknown>)[] = []
  const t = { teardown: (fn: () => Promise<unknown>) => teardowns.push(fn) }
  const root = await mkdtemp(join(tmpdir(), 'securechat-bench-'))
  try {
    const server = await startServer(t, join(root, 'server'))
    const alice = await signUp(t, server, root, 'alice')
    const bob = await signUp(t, server, root, 'bob')
    const path = join(root, 'big.bin')
    await bigFile(path)
    const started = performance.now()
    alice.line(`!file bob ${path}`)
    await bob.waitFor(/!accept \d+/, 600_000)
    bob.line('!accept')
    await bob.waitFor(/complete and unaltered/, 3_600_000)
    const seconds = (performance.now() - started) / 1000
    const { size } = await stat(join(root, 'bob', 'downloads', 'big.bin'))
    console.log(
      `\nfile of ${String(SIZE_MIB)} MiB: ${(size / 1e6 / seconds).toFixed(0)} MB/s, ` +
        `peak memory server ${peakMib(server.program).toFixed(0)}, ` +
        `sender ${peakMib(alice).toFixed(0)}, receiver ${peakMib(bob).toFixed(0)} MiB`,
    )
  } finally {
    for (const fn of teardowns) await fn()
    await rm(root, { recursive: true, force: true })
  }
}
