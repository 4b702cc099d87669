// kill -9 in the middle of traffic: what was acknowledged is there, once, in order.
import test from 'ava'

import { openNedbStore } from '../../lib/storage/nedb/store.ts'
import { silentLog } from '../../lib/util/log.ts'
import { SettableClock, temporaryFolder, text } from './helpers.ts'
import { program } from './programs.ts'

const ROUNDS = process.env['SLOW'] === undefined ? 2 : 30

/** What the killed program had been told, gathered from its output. */
class Told {
  readonly mails = new Map<string, { readonly id: string; readonly seq: number }[]>()
  readonly acked = new Map<string, number>()
  readonly revs = new Map<string, number>()
  readonly logs = new Map<string, number>()

  hear(line: string): void {
    const [word, name = '', a = '', b = ''] = line.split(' ')
    if (word === 'mail') {
      const mails = this.mails.get(name) ?? []
      this.mails.set(name, mails)
      mails.push({ id: a, seq: Number(b) })
    } else if (word === 'ack') this.acked.set(name, Number(a))
    else if (word === 'record') this.revs.set(name, Number(a))
    else if (word === 'log') this.logs.set(name, Number(a))
  }
}

for (const [name, key] of [
  ['plain', undefined],
  ['sealed', Buffer.alloc(32, 9)],
] as const) {
  test.serial(
    `${name}: nothing acknowledged is lost, doubled or out of order after kill -9`,
    async (t) => {
      t.timeout(300_000)
      const dir = await temporaryFolder(t)
      const told = new Told()
      for (let round = 0; round < ROUNDS; round++) {
        let heard = 0
        const killAfter = 1200 + 430 * round
        const keyArg = key === undefined ? [] : [key.toString('hex')]
        const { lines, exited } = program(
          'traffic',
          [dir, String(round), ...keyArg],
          [],
          (_, child) => {
            if (++heard === killAfter) child.kill('SIGKILL')
          },
        )
        t.is(await exited, null)
        for (const line of lines) told.hear(line)

        const store = await openNedbStore({
          dir,
          clock: new SettableClock(),
          log: silentLog,
          mailbox: { boxCount: 1e6 },
          ...(key === undefined ? {} : { key }),
        })
        for (const [box, mails] of told.mails) {
          const found = await store.mail.read(box, 0, 1e6)
          const acked = told.acked.get(box) ?? 0
          const expected = mails.filter((mail) => mail.seq > acked)
          const ids = new Set(found.map((entry) => entry.id))
          t.is(ids.size, found.length)
          t.deepEqual(
            expected.filter((mail) => !ids.has(mail.id)),
            [],
          )
          t.true(found.every((entry, i) => entry.seq > (found[i - 1]?.seq ?? 0)))
          t.true(found.every((entry) => text(entry.body) === `${box} ${entry.id}`))
        }
        for (const [id, rev] of told.revs) {
          const record = await store.records.get('acc', id)
          const now = record?.rev ?? 0
          t.true(now === rev || now === rev + 1)
          t.is(text(record?.body ?? Buffer.alloc(0)), `${id} ${now}`)
          t.is((await store.records.getUnique('acc', 'name', `${id} ${now}`))?.id, id)
          t.is(await store.records.getUnique('acc', 'name', `${id} ${now - 1}`), null)
          told.revs.set(id, now)
        }
        for (const [log, next] of told.logs) {
          const head = await store.logs.head(log)
          t.true(head.next >= next)
          const chunks = await store.logs.read(log, 0, head.next, 1e9)
          t.is(chunks.length, head.next)
          t.true(chunks.every(({ seq, body }) => text(body) === `${log} ${seq}`))
        }
        await store.close()
      }
      t.true(told.mails.size === 4 && told.revs.size === 2 && told.logs.size === 2)
    },
  )
}
