// Fills the place where a store lives until a write fails, then makes room and looks at what is left. Prints one JSON line.
// Arguments: folder, 'mail' or 'records' or 'logs', floor in bytes, size of a ballast file that is removed to make room,
// 'ask' to ask for the store's health then.
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { openNedbStore } from '../../../lib/storage/nedb/store.ts'
import type { Store } from '../../../lib/storage/ports.ts'
import { codeOf } from '../../../lib/util/errors.ts'
import { silentLog } from '../../../lib/util/log.ts'
import { SettableClock } from '../helpers.ts'

const [dir = '', what = '', floor = '0', ballastBytes = '0', then = ''] = process.argv.slice(2)
const BODY = Buffer.alloc(2000, 'x')
const AT_ONCE = 20

process.on('unhandledRejection', (error) => {
  process.stderr.write(`unhandled: ${String(error)}\n`)
  process.exit(3)
})

function open(): Promise<Store> {
  return openNedbStore({
    dir: join(dir, 'store'),
    clock: new SettableClock(),
    log: silentLog,
    key: Buffer.alloc(32, 1),
    shards: 1,
    mailbox: { boxCount: 1e6, boxBytes: 1e9 },
    floorBytes: Number(floor),
    absentMs: 0,
  })
}

async function write(store: Store, id: string): Promise<void> {
  if (what === 'mail') {
    const from = { from: 'a', isOwn: true, likelyAcked: false }
    const [result] = await store.mail.append([{ box: 'b', id, body: BODY, expires: 4e12, ...from }])
    if (result?.status !== 'stored') throw new Error(result?.status)
  } else if (what === 'records') {
    await store.records.put('acc', id, BODY, { unique: { name: id } })
  } else {
    const { next } = await store.logs.head(id)
    const result = await store.logs.append(id, next, [BODY])
    if (!result.ok) throw new Error('conflict')
  }
}

async function lostOf(store: Store, ids: readonly string[]): Promise<string[]> {
  if (what === 'mail') {
    const found = new Set((await store.mail.read('b', 0, 1e6)).map((entry) => entry.id))
    return ids.filter((id) => !found.has(id))
  }
  const lost: string[] = []
  for (const id of ids) {
    const body =
      what === 'records'
        ? (await store.records.getUnique('acc', 'name', id))?.body
        : (await store.logs.read(id, 0, 1, 1))[0]?.body
    if (body?.length !== BODY.length) lost.push(id)
  }
  return lost
}

async function outcome(call: Promise<void>): Promise<string> {
  try {
    await call
    return 'accepted'
  } catch (error) {
    return codeOf(error)
  }
}

const ballast = join(dir, 'ballast')
await writeFile(ballast, Buffer.alloc(Number(ballastBytes)))
const store = await open()
const acked: string[] = []
const refused = new Map<string, number>()
// what was refused by an estimate may fit when the store has looked at the disk
const goesOn = async (): Promise<boolean> =>
  refused.size === 0 || (floor !== '0' && (await store.health()) === 'ok')
for (let i = 0; await goesOn(); i++) {
  const ids = Array.from({ length: AT_ONCE }, (_, k) => `${i}-${k}`)
  const results = await Promise.allSettled(ids.map((id) => write(store, id)))
  results.forEach((result, k) => {
    if (result.status === 'fulfilled') acked.push(ids[k] ?? '')
    else refused.set(codeOf(result.reason), (refused.get(codeOf(result.reason)) ?? 0) + 1)
  })
}
const health = await store.health()
const later = await outcome(write(store, 'later'))
await rm(ballast)
const recovered = then === 'ask' ? await store.health() : ''
let resumed = ''
// the store looks at the disk again by itself
const tries = recovered === 'ok' ? 1 : 500
for (let i = 0; health === 'readonly' && resumed !== 'accepted' && i < tries; i++) {
  if (recovered === '') await new Promise((resolve) => setTimeout(resolve, 20))
  resumed = await outcome(write(store, `resumed-${i}`))
}
await store.close()
const again = await open()
const lost = await lostOf(again, acked)
const after = await outcome(write(again, 'after'))
await again.close()
const codes = [...refused.keys()]
const report = {
  acked: acked.length,
  refused: codes,
  health,
  later,
  recovered,
  resumed,
  lost,
  after,
}
process.stdout.write(`${JSON.stringify(report)}\n`)
