// What a message costs while much waits in other mailboxes: it must not grow with what is stored.
// `MAILS=0,1000,10000,100000 npm run bench -- stored`
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { cpuMicros, inParallel, median, pin, residentBytes, sleep } from './process.ts'
import { secureChat } from './systems.ts'
import { windowed } from './traffic.ts'

const LEVELS = (process.env['MAILS'] ?? '0,1000,10000,100000').split(',').map(Number)
const PAIRS = 50
/** Devices that are away; a sender may leave 1,250 mails in one mailbox. */
const AWAY = 100
const ROUNDS = 3
const RUN_MS = 1000

export async function storedBench(): Promise<void> {
  pin(process.pid, 1)
  const folder = await mkdtemp(join(tmpdir(), 'securechat-bench-'))
  const system = await secureChat(folder, 2 * (PAIRS + AWAY))
  const { pid } = system.server
  try {
    const pairs = await system.pairs(PAIRS)
    const senders = await inParallel(AWAY, 16, async () => {
      const [sender, away] = [await system.client(), await system.client()]
      await sender.openStream(away)
      away.close()
      return sender
    })
    await sleep(300)
    console.log('\nserver CPU per message while mails wait for devices that are away')
    let stored = 0
    for (const level of LEVELS) {
      const [cpu, missing] = [cpuMicros(pid), level - stored]
      // each sender has some under way, in order
      await inParallel(missing, 8 * AWAY, (n) => senders[n % AWAY]?.store() ?? Promise.resolve())
      const toStore = (cpuMicros(pid) - cpu) / Math.max(1, missing)
      stored = level
      const runs: number[] = []
      for (let i = 0; i < ROUNDS; i++) {
        runs.push((await windowed(pairs, 4, RUN_MS, pid)).cpuMicros)
      }
      console.log(
        `${String(level).padStart(7)} mails stored: relaying ${median(runs).toFixed(1)} us a message` +
          (missing > 0 ? `, storing one of them ${toStore.toFixed(0)} us` : '') +
          `, server ${(residentBytes(pid) / 2 ** 20).toFixed(0)} MiB`,
      )
    }
  } finally {
    system.stop()
    await sleep(300)
    await rm(folder, { recursive: true, force: true })
  }
}
