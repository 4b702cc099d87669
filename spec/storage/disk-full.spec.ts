// No room: refusals that say so, nothing acknowledged lost, nothing unhandled, and work again once there is room.
import { spawnSync } from 'node:child_process'

import test from 'ava'
import type { ExecutionContext } from 'ava'

import { temporaryFolder } from './helpers.ts'
import { program } from './programs.ts'

interface Report {
  readonly acked: number
  readonly refused: readonly string[]
  readonly health: string
  readonly later: string
  readonly recovered: string
  readonly resumed: string
  readonly lost: readonly string[]
  readonly after: string
}

/** No file may grow beyond: the kernel cuts the write in the middle, as on a full disk, and needs no privilege for it. */
function withFileLimit(kilobytes: number): string[] {
  return ['bash', '-c', `ulimit -f ${kilobytes} && exec "$@"`, 'limited']
}

/** A small disk of one's own that vanishes with the process; where that is not allowed, a limit on files. */
function withSmallDisk(dir: string, kilobytes: number): string[] {
  for (const flags of ['-m', '-rm']) {
    const unshare = ['unshare', flags]
    const mount = `mount -t tmpfs -o size=${kilobytes}k,mode=0700 none ${dir}`
    const trial = spawnSync('unshare', [flags, 'sh', '-c', mount])
    if (trial.status === 0) return [...unshare, 'sh', '-c', `${mount} && exec "$@"`, 'small']
  }
  return withFileLimit(kilobytes / 4)
}

async function fill(t: ExecutionContext, args: string[], prefix: string[]): Promise<Report> {
  const { lines, exited } = program('fill', args, prefix)
  t.is(await exited, 0)
  return JSON.parse(lines[0] ?? '{}') as Report
}

const REFUSALS = ['E_DISK_FULL', 'E_STORE']

const losesNothing = test.macro({
  async exec(t: ExecutionContext, what: string, prefixOf: (dir: string) => string[]) {
    t.timeout(300_000)
    const dir = await temporaryFolder(t)
    const report = await fill(t, [dir, what, '0', '450000'], prefixOf(dir))
    t.true(report.acked > 0)
    t.deepEqual(report.lost, [])
    t.true(report.refused.every((code) => REFUSALS.includes(code)))
    t.true([...REFUSALS, 'accepted'].includes(report.later))
    // a log can undo an append that failed and goes on; a collection stops until the next start
    t.true(what === 'logs' || report.health === 'down')
    t.true([...REFUSALS, 'accepted'].includes(report.after))
  },
  title: (given, what) => `${given ?? ''}: ${what}`,
})

for (const what of ['mail', 'records']) {
  test.serial('a write that is cut short loses nothing', losesNothing, what, () =>
    withFileLimit(500),
  )
}

for (const what of ['mail', 'records', 'logs']) {
  test.serial('a disk that fills up loses nothing', losesNothing, what, (dir) =>
    withSmallDisk(dir, 800),
  )
}

for (const then of ['', 'ask']) {
  const how = then === '' ? 'by itself' : 'at once after it was asked for its health'
  test.serial(
    `with a floor the store refuses in time, stays readable, and goes on ${how} when there is room`,
    async (t) => {
      t.timeout(300_000)
      const dir = await temporaryFolder(t)
      // the ballast is more than the store can have written: opening it again writes it anew, beside the old one
      const args = [dir, 'mail', '300000', '1200000', then]
      const report = await fill(t, args, withSmallDisk(dir, 2000))
      t.deepEqual(report.lost, [])
      t.true(report.acked > 0)
      t.true(report.refused.every((code) => REFUSALS.includes(code)))
      if (report.health === 'down') return
      const recovered = then === '' ? '' : 'ok'
      t.like(report, { health: 'readonly', recovered, resumed: 'accepted' })
    },
  )
}
