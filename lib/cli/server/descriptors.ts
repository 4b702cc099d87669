// How many connections the system lets this process have: each takes a descriptor, and so does every file that is written.
// What is open to strangers must never take the last of them, or the store could not write.
import { readFileSync } from 'node:fs'

/** Files under way, logs, the store, a backup. */
const RESERVED = 512
const NO_LIMIT = Number.MAX_SAFE_INTEGER

/** Of a process, by default this one, whose soft limit Node.js has raised to the hard one; null where the system does not say. */
export function descriptorLimit(process: number | 'self' = 'self'): number | null {
  try {
    const text = readFileSync(`/proc/${process}/limits`, 'utf8')
    const found = /^Max open files +(\d+|unlimited)/m.exec(text)?.[1]
    return found === undefined || found === 'unlimited' ? null : Number(found)
  } catch {
    return null
  }
}

/** Connections there is room for. */
export function connectionsWithin(limit: number | null): number {
  if (limit === null) return NO_LIMIT
  return Math.max(1, limit - Math.min(RESERVED, Math.ceil(limit / 2)))
}
