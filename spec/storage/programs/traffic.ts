// Writes to a store without end and prints what was acknowledged, until it is killed. One line per fact, one write per line.
import { openNedbStore } from '../../../lib/storage/nedb/store.ts'
import type { Store } from '../../../lib/storage/ports.ts'
import { silentLog } from '../../../lib/util/log.ts'
import { SettableClock } from '../helpers.ts'

const [dir = '', round = '0', key] = process.argv.slice(2)

function say(...words: readonly (string | number)[]): void {
  process.stdout.write(`${words.join(' ')}\n`)
}

async function mails(store: Store, box: string): Promise<never> {
  for (let i = 0; ; i++) {
    const items = Array.from({ length: 1 + (i % 7) }, (_, k) => {
      const id = `${round}.${i}.${k}`
      const likelyAcked = i % 2 === 0
      const body = Buffer.from(`${box} ${id}`)
      return { box, from: 'a', isOwn: true, id, body, expires: 4e12, likelyAcked }
    })
    const results = await store.mail.append(items)
    const seqs: number[] = []
    results.forEach((result, k) => {
      if (result.status !== 'stored') throw new Error(`not stored: ${result.status}`)
      say('mail', box, items[k]?.id ?? '', result.seq)
      seqs.push(result.seq)
    })
    if (i % 3 !== 0) continue
    // from now on everything up to this number may be gone, or may still be there
    say('ack', box, seqs[0] ?? 0)
    await store.mail.ack(box, seqs[0] ?? 0)
  }
}

async function records(store: Store, id: string): Promise<never> {
  for (;;) {
    const before = await store.records.get('acc', id)
    const rev = before?.rev ?? 0
    const body = Buffer.from(`${id} ${rev + 1}`)
    const keys = { unique: { name: `${id} ${rev + 1}` }, index: { all: 'all' } }
    const result =
      rev === 0
        ? await store.records.create('acc', id, body, keys)
        : await store.records.update('acc', id, rev, body, keys)
    if (!result.ok) throw new Error('a conflict with nobody')
    say('record', id, result.rev)
  }
}

async function logs(store: Store, name: string): Promise<never> {
  for (let { next } = await store.logs.head(name); ;) {
    const chunks = Array.from({ length: 1 + (next % 3) }, (_, k) =>
      Buffer.from(`${name} ${next + k}`),
    )
    const result = await store.logs.append(name, next, chunks)
    if (!result.ok) throw new Error('a conflict with nobody')
    next = result.next
    say('log', name, next)
  }
}

const store = await openNedbStore({
  dir,
  clock: new SettableClock(),
  log: silentLog,
  shards: 2,
  mailbox: { boxCount: 1e6 },
  connectedMs: 3,
  ...(key === undefined ? {} : { key: Buffer.from(key, 'hex') }),
})
say('open')
await Promise.all([
  ...['a', 'b', 'c', 'd'].map((box) => mails(store, box)),
  ...['x', 'y'].map((id) => records(store, id)),
  ...['l', 'm'].map((name) => logs(store, name)),
])
