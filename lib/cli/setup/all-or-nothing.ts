// A set-up that does not come to its end leaves nothing, however it ends: an error, Ctrl-C, a terminal that is closed.
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { EXIT } from '../exit-codes.ts'
import type { ServerSettings } from '../server/settings.ts'
import { MADE_FILES } from './existing.ts'

/** Behind the name of a file that is being written. */
const UNFINISHED = /\.[0-9a-f]{16}\.tmp$/
/** The trial may be writing at that moment. */
const ALL = { recursive: true, force: true, maxRetries: 5, retryDelay: 20 } as const
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** What is under way. */
export interface Traces {
  /** Of the trial, gone in any case. */
  trialFolder: string | null
  /** From now on files in the folder of keys are of this set-up. */
  isMaking: boolean
}

export async function allOrNothing(
  { keys, data }: Pick<ServerSettings, 'keys' | 'data'>,
  work: (traces: Traces) => Promise<void>,
): Promise<void> {
  const traces: Traces = { trialFolder: null, isMaking: false }
  const missing = [...missingOn(keys), ...missingOn(data)].sort((a, b) => b.length - a.length)
  const undo = (): void => {
    quietly(() => {
      if (traces.trialFolder !== null) rmSync(traces.trialFolder, ALL)
    })
    if (traces.isMaking) removeMade(keys)
    for (const folder of missing) {
      quietly(() => {
        rmdirSync(folder) // stays when it holds something
      })
    }
  }
  const interrupted = (): void => {
    undo()
    process.exit(EXIT.interrupted)
  }
  for (const signal of SIGNALS) process.on(signal, interrupted)
  try {
    await work(traces)
  } catch (error) {
    undo()
    throw error
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupted)
  }
}

/** Also what was half written. */
function removeMade(keys: string): void {
  quietly(() => {
    for (const name of readdirSync(keys)) {
      if (MADE_FILES.includes(name.replace(UNFINISHED, '')))
        rmSync(join(keys, name), { force: true })
    }
  })
}

/** The folder and those above it, as far as there are none yet. */
function missingOn(path: string): string[] {
  if (existsSync(path) || dirname(path) === path) return []
  return [path, ...missingOn(dirname(path))]
}

function quietly(work: () => void): void {
  try {
    work()
  } catch {
    // the reason why nothing was set up is what people need to read
  }
}
