// A server that loses, hides, exchanges or invents parts of the history: each is said with its code, and whatever is still
// good comes back (PROTOCOL 11, 19).
import { randomBytes } from 'node:crypto'

import test, { type ExecutionContext } from 'ava'

import type { HistoryRow } from '../../lib/protocol/composites.ts'
import type { Frame } from '../../lib/protocol/frames.ts'
import { accountId, historyLog } from '../../lib/server/ids.ts'
import { concat, u32 } from '../../lib/util/bytes.ts'
import { type Player, World } from './world.ts'

const QUIET = 11_000
const BATCHES = 4

interface Scene {
  readonly world: World
  readonly alice: Player
  readonly bob: Player
  /** Of alice's device on the server. */
  readonly log: string
}

/** Alice has said something in each of her batches. */
async function scene(): Promise<Scene> {
  const world = await World.create()
  const alice = await world.prepare('alice', 0, { others: [9] })
  await alice.start()
  const bob = await world.join('bob', 1)
  await bob.session.send('alice', 'hi')
  await world.until(() => alice.texts.length === 1)
  const scene = {
    world,
    alice,
    bob,
    log: historyLog(accountId(alice.who?.acct ?? Buffer.of()), Buffer.alloc(8, 1)),
  }
  for (let i = 0; i < BATCHES; i++) await say(scene, `line ${i}`)
  return scene
}

async function say({ world, alice }: Scene, text: string): Promise<void> {
  const { mid } = await alice.session.send('bob', text)
  await world.passUntil(() => alice.stateOf(mid) === 'delivered')
  await world.pass(2 * QUIET, 1000)
}

/** Texts that a fresh device gets to see, and the codes it warns with. */
async function restored(
  { world, alice, bob }: Scene,
  change: (frame: Frame) => Frame | null = () => null,
): Promise<{
  readonly lines: string[]
  readonly codes: (string | null)[]
  readonly fresh: Player
}> {
  const fresh = await world.otherDevice(alice, 9)
  world.tamper = (frame, to) => {
    const instead = to === fresh.name ? change(frame) : null
    return instead === null ? null : [instead]
  }
  const session = await fresh.start()
  await world.passUntil(() => session.archive.status().restore.done)
  const rows = await session.history('bob', { limit: 1000 })
  const lines = rows.map(({ body }) => (body.kind === 'text' ? body.text : body.kind))
  const codes = fresh.of('notice').map(({ code }) => code)
  await Promise.all([session.close(), bob.session.close(), alice.session.close()])
  return { lines, codes, fresh }
}

/** Only answers to `hist.get`. */
function pages(
  change: (rows: readonly HistoryRow[]) => readonly HistoryRow[],
): (frame: Frame) => Frame | null {
  return (frame) => {
    if (frame.t !== 'ok' || !('rows' in frame)) return null
    return { ...frame, rows: change(frame['rows'] as readonly HistoryRow[]) }
  }
}

const ALL = ['hi', 'line 0', 'line 1', 'line 2', 'line 3']

async function chunks({ world, log }: Scene): Promise<Buffer[]> {
  const rows = await world.store.logs.read(log, 0, 1000, 1e9)
  return rows.map(({ body }) => Buffer.from(body))
}

/** The server has this chain instead. */
async function replace({ world, log }: Scene, chain: readonly Buffer[]): Promise<void> {
  await world.store.logs.drop(log)
  await world.store.logs.append(log, 0, chain)
}

function same(
  t: ExecutionContext,
  codes: readonly (string | null)[],
  expected: readonly string[],
): void {
  t.deepEqual([...codes].sort(), [...expected].sort())
}

test.serial('an honest server: everything, and no warning', async (t) => {
  const it = await scene()
  t.is((await chunks(it)).length, BATCHES)
  const { lines, codes } = await restored(it)
  t.deepEqual(lines, ALL)
  t.deepEqual(codes, [])
})

test.serial('a batch in the middle is missing', async (t) => {
  const it = await scene()
  const { lines, codes } = await restored(
    it,
    pages((rows) => rows.filter(([seq]) => seq !== 2)),
  )
  t.deepEqual(lines, ALL.toSpliced(3, 1))
  t.deepEqual(codes, ['E_GAP'])
})

test.serial('the beginning is missing', async (t) => {
  const it = await scene()
  await it.world.store.logs.truncate(it.log, 1)
  const { lines, codes } = await restored(it)
  t.deepEqual(lines, ALL.slice(2))
  t.deepEqual(codes, ['E_GAP'])
})

test.serial('the end is withheld', async (t) => {
  const it = await scene()
  const { lines, codes } = await restored(
    it,
    pages((rows) => rows.filter(([seq]) => seq < 3)),
  )
  t.deepEqual(lines, ALL.slice(0, 4))
  t.deepEqual(codes, ['E_ROLLBACK'])
})

test.serial(
  'a batch is exchanged for garbage, for another place, another account, another epoch',
  async (t) => {
    const it = await scene()
    const good = await chunks(it)
    // the next one still follows the good one
    const bad: readonly (readonly [(d: Buffer) => Buffer, readonly string[]])[] = [
      [(d) => concat(d.subarray(0, 4), randomBytes(d.length - 4)), ['E_DECRYPT', 'E_FORK']],
      [() => good[0] ?? Buffer.of(), ['E_DECRYPT', 'E_FORK']],
      [(d) => concat(u32(7), d.subarray(4)), ['E_DECRYPT']],
    ]
    const { world, alice } = it
    for (const [change, expected] of bad) {
      const instead = good.map((d, seq) => (seq === 2 ? change(d) : d))
      await replace(it, instead)
      const fresh = await world.otherDevice(alice, 9)
      const session = await fresh.start()
      await world.passUntil(() => session.archive.status().restore.done)
      const rows = await session.history('bob', { limit: 1000 })
      t.deepEqual(
        rows.map(({ body }) => (body.kind === 'text' ? body.text : body.kind)),
        ALL.toSpliced(3, 1),
      )
      same(
        t,
        fresh.of('notice').map(({ code }) => code),
        expected,
      )
      await session.close()
    }
    await Promise.all([it.bob.session.close(), alice.session.close()])
  },
)

test.serial(
  'a server that lost the newest batches gets them again, and two versions of one batch are a fork',
  async (t) => {
    const it = await scene()
    const good = await chunks(it)
    await replace(it, good.slice(0, 2))
    await say(it, 'line 4')
    t.deepEqual(
      it.alice.of('notice').map(({ code }) => code),
      ['E_ROLLBACK'],
    )
    t.is((await chunks(it)).length, 3, 'all of it once more, in one batch')
    await say(it, 'line 5')
    const again = await chunks(it)
    t.is(again.length, 4)

    const fresh = await it.world.otherDevice(it.alice, 9)
    const session = await fresh.start()
    await it.world.passUntil(() => session.archive.status().restore.done)
    t.deepEqual(fresh.of('notice'), [])
    t.is((await session.history('bob')).length, ALL.length + 2)
    await session.close()

    // it has kept what it said it had lost, and mixes the two
    const old = [2, 0, (good[2] ?? Buffer.of()).subarray(4)] as const
    const { codes } = await restored(
      it,
      pages((rows) => rows.map((row) => (row[0] === 2 ? old : row))),
    )
    t.deepEqual(codes, ['E_FORK'])
  },
)

test.serial('a chain of a device that never was', async (t) => {
  const it = await scene()
  const { lines, codes, fresh } = await restored(it, (frame) =>
    frame.t === 'ok' && 'devs' in frame
      ? {
          ...frame,
          devs: [...(frame['devs'] as unknown[]), [Buffer.alloc(8, 77), 0, 5]],
        }
      : null,
  )
  t.deepEqual(lines, ALL)
  t.deepEqual(codes, ['E_NO_DEVICE'])
  const asked = it.world.heard.filter(
    ({ frame, from }) => from === fresh.name && frame.t === 'hist.get',
  )
  t.false(
    asked.some(({ frame }) => 'dev' in frame && Buffer.from(frame.dev as Uint8Array)[0] === 77),
  )
})

test.serial('a chain that continues where this device has never been', async (t) => {
  const it = await scene()
  const good = await chunks(it)
  await replace(it, [...good, concat(u32(0), randomBytes(500))])
  await say(it, 'line 4')
  t.deepEqual(
    it.alice.of('notice').map(({ code }) => code),
    ['E_FORK'],
  )
  const { lines, codes } = await restored(it)
  t.deepEqual(lines, [...ALL, 'line 4'])
  t.deepEqual(codes, ['E_DECRYPT'])
})

for (const last of [2 ** 30, Number.MAX_SAFE_INTEGER]) {
  test.serial(`a server that makes up ${last} batches: numbers stay small`, async (t) => {
    const it = await scene()
    const { lines, codes, fresh } = await restored(it, (frame) => {
      if (frame.t !== 'ok' || !('devs' in frame)) return null
      const devs = frame['devs'] as (readonly [Buffer, number, number])[]
      return { ...frame, devs: devs.map(([dev, first]) => [dev, first, last] as const) }
    })
    t.deepEqual(lines, ALL)
    t.deepEqual(codes, ['E_ROLLBACK'])
    const session = await fresh.start()
    const { number } = await session.send('bob', 'new')
    t.true(number < 1_000_000, String(number))
    await session.close()
  })
}
