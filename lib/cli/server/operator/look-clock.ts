// Whether the clock can be right: certificates and everything that expires depend on it. Nobody is asked for the time; the data
// know when they were last written, and the system whether somebody keeps its clock.
import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'

import { type Check, check } from './check.ts'
import { dateText } from './format.ts'

/** Years in which this program can run: a clock outside was never set. */
const EARLIEST_MS = Date.UTC(2026, 0)
const LATEST_MS = Date.UTC(2100, 0)
/** Less is drift. */
const BEHIND_MS = 5 * 60_000
const ASK_MS = 3000

export async function lookAtClock(data: string, now: number): Promise<Check> {
  const shown = dateText(now)
  if (now < EARLIEST_MS || now > LATEST_MS) {
    return check('clock', 'bad', `${shown} cannot be: it was never set`)
  }
  const written = await lastWrite(data)
  if (written - now > BEHIND_MS) {
    return check('clock', 'bad', `${shown}, but data were written at ${dateText(written)}`)
  }
  return (await isKept()) === false
    ? check(
        'clock',
        'warning',
        `${shown}; the system says that nothing keeps it right (timedatectl)`,
      )
    : check('clock', 'ok', `${shown}; certificates depend on it`)
}

/** ms since 1970; 0: nothing was ever. */
async function lastWrite(data: string): Promise<number> {
  const places = ['server.json', join('store', 'sequence'), 'store', join('store', 'mail')]
  const times = await Promise.all(
    places.map((name) =>
      stat(join(data, name)).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    ),
  )
  return Math.max(...times)
}

/** What systemd says; null: it is not here, or does not know. */
function isKept(): Promise<boolean | null> {
  const words = ['show', '--property=NTPSynchronized', '--value']
  return new Promise((resolve) => {
    execFile('timedatectl', words, { timeout: ASK_MS }, (error, stdout) => {
      const word = stdout.trim()
      resolve(error !== null || (word !== 'yes' && word !== 'no') ? null : word === 'yes')
    })
  })
}
