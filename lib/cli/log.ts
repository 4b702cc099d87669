// The Log port over pino. Lines for people on a terminal, one JSON object a line elsewhere. Writing never blocks the event
// loop (a paused terminal, a slow pipe): lines wait in bounded memory, and are lost rather than waited for beyond that.
import { pino } from 'pino'

import type { Clock } from '../util/clock.ts'
import type { Log, LogFields } from '../util/log.ts'
import { LineWriter } from './line-writer.ts'
import { cleanFields, humanLine } from './log-line.ts'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]
type Rank = Exclude<LogLevel, 'silent'>

export interface ProgramLog extends Log {
  /** Lines that are for people only (the banner); nothing where a machine reads. */
  print(text: string): void
  /** From now on. */
  setLevel(level: LogLevel): void
  /** Resolves when everything logged so far is written, or cannot be. */
  flush(): Promise<void>
}

export interface LogOptions {
  readonly level: LogLevel
  /** One-liners with local time instead of JSON with UTC. */
  readonly human: boolean
  readonly fullAddresses: boolean
  readonly clock: Clock
  /** Default: stdout. */
  readonly fd?: number
}

const WAITING_BYTES = 4 * 1024 * 1024
const FLUSH_MS = 1000

export function openLog({ level, human, fullAddresses, clock, fd = 1 }: LogOptions): ProgramLog {
  const out = new LineWriter(fd, WAITING_BYTES)
  const json = pino(
    {
      level,
      base: null,
      messageKey: 'event',
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    out,
  )
  const entry = (rank: Rank, event: string, fields: LogFields): void => {
    const clean = cleanFields(fields, fullAddresses)
    if (human) out.write(`${humanLine(new Date(clock.now()), rank, event, clean)}\n`)
    else json[rank](clean, event)
  }
  const write = (rank: Rank, event: string, fields: LogFields = {}): void => {
    if (!json.isLevelEnabled(rank)) return
    const lines = out.takeLost()
    if (lines > 0) entry('warn', 'log.lost', { lines })
    entry(rank, event, fields)
  }
  return {
    debug: (event, fields) => {
      write('debug', event, fields)
    },
    info: (event, fields) => {
      write('info', event, fields)
    },
    warn: (event, fields) => {
      write('warn', event, fields)
    },
    error: (event, fields) => {
      write('error', event, fields)
    },
    print: (text) => {
      if (human) out.write(`${text}\n`)
    },
    setLevel: (next) => {
      json.level = next
    },
    flush: () => out.flush(FLUSH_MS),
  }
}
