// Mailboxes: order, numbers, quotas, acknowledgement, expiry.
import type { Appended, Incoming, Mailboxes } from '../../../lib/storage/ports.ts'
import { CONTRACT_LIMITS, type Cases } from '../contract.ts'
import { bytes, text, turns, until } from '../helpers.ts'

const FAR = 4e12

function mail(box: string, id: string, body: string | Buffer = '', more = {}): Incoming {
  return {
    box,
    from: box,
    isOwn: true,
    id,
    body: typeof body === 'string' ? bytes(body) : body,
    expires: FAR,
    likelyAcked: false,
    ...more,
  }
}

async function one(box: Mailboxes, item: Incoming): Promise<Appended> {
  const [result] = await box.append([item])
  if (result === undefined) throw new Error('append answered nothing')
  return result
}

function seqOf(result: Appended): number {
  if (!('seq' in result)) throw new Error(`no number in ${result.status}`)
  return result.seq
}

async function ids(box: Mailboxes, name: string, after = 0): Promise<string[]> {
  return (await box.read(name, after, 1000)).map((entry) => entry.id)
}

export const MAIL_CASES: Cases = {
  'mails are read in the order they were appended, behind an exclusive cursor': async (
    t,
    { store: { mail: box } },
  ) => {
    const items = Array.from({ length: 20 }, (_, i) => mail('b', `i${i}`, String(i)))
    const results = await box.append(items)
    t.true(results.every((r) => r.status === 'stored'))
    const all = await box.read('b', 0, 100)
    t.deepEqual(
      all.map((e) => text(e.body)),
      Array.from({ length: 20 }, (_, i) => String(i)),
    )
    t.deepEqual(
      all.map((e) => e.seq),
      results.map(seqOf),
    )
    t.true(all.every((e, i) => i === 0 || e.seq > (all[i - 1]?.seq ?? 0)))
    t.true(all.every((e) => Number.isSafeInteger(e.seq) && e.seq > 0 && e.expires === FAR))
    const page = await box.read('b', all[9]?.seq ?? 0, 5)
    t.deepEqual(
      page.map((e) => e.id),
      ['i10', 'i11', 'i12', 'i13', 'i14'],
    )
    t.deepEqual(await box.read('b', all[19]?.seq ?? 0, 5), [])
    t.deepEqual(await box.read('nobody', 0, 5), [])
    t.deepEqual(await box.append([]), [])
  },
  'the same id twice is one mail with one number, also at the same time': async (
    t,
    { store: { mail: box } },
  ) => {
    const item = mail('b', 'd', '1')
    const results = (await Promise.all([box.append([item, item]), box.append([item])])).flat()
    results.push(await one(box, item))
    t.is(results.filter((r) => r.status === 'stored').length, 1)
    t.is(results.filter((r) => r.status === 'duplicate').length, 3)
    t.is(new Set(results.map(seqOf)).size, 1)
    t.deepEqual(await ids(box, 'b'), ['d'])
    t.deepEqual(await box.usage('b'), { count: 1, bytes: 1 })
  },
  'the number of a new mail is told before the append resolves, in the order of the items': async (
    t,
    { store: { mail: box } },
  ) => {
    await one(box, mail('b', 'known'))
    const told: [number, number][] = []
    let isResolved = false
    const append = box.append(
      [mail('b', 'x'), mail('b', 'known'), mail('c', 'y', '', { likelyAcked: true })],
      (index, seq) => {
        t.false(isResolved)
        told.push([index, seq])
      },
    )
    const results = await append
    isResolved = true
    t.deepEqual(
      told.map(([index]) => index),
      [0, 2],
    )
    for (const [index, seq] of told) t.is(seq, seqOf(results[index] ?? { status: 'full' }))
  },
  'ack removes everything up to a number, is idempotent, and frees the quota': async (
    t,
    { store: { mail: box } },
  ) => {
    const results = await box.append(['a', 'bb', 'ccc'].map((s) => mail('b', s, s)))
    const second = seqOf(results[1] ?? { status: 'full' })
    await box.ack('b', second)
    await box.ack('b', second)
    await box.ack('b', 0)
    await box.ack('nobody', 9)
    t.deepEqual(await ids(box, 'b'), ['ccc'])
    t.deepEqual(await box.usage('b'), { count: 1, bytes: 3 })
    await box.ack('b', Number.MAX_SAFE_INTEGER)
    t.deepEqual(await box.usage('b'), { count: 0, bytes: 0 })
  },
  'numbers grow when the box was emptied': async (t, { store: { mail: box } }) => {
    let last = 0
    for (let i = 0; i < 5; i++) {
      const seq = seqOf(await one(box, mail('b', 'same')))
      t.true(seq > last)
      last = seq
      await (i % 2 === 0 ? box.ack('b', seq) : box.drop('b'))
    }
  },
  'a box holds so many mails and not one more, however many write at once': async (
    t,
    { store: { mail: box } },
  ) => {
    const { boxCount } = CONTRACT_LIMITS.mailbox
    const calls = Array.from({ length: boxCount + 30 }, (_, i) => box.append([mail('b', `i${i}`)]))
    const results = (await Promise.all(calls)).flat()
    t.is(results.filter((r) => r.status === 'stored').length, boxCount)
    t.is(results.filter((r) => r.status === 'full').length, 30)
    t.is((await one(box, mail('b', 'i0'))).status, 'duplicate')
    t.is((await one(box, mail('other', 'i0'))).status, 'stored')
    await box.drop('b')
    t.deepEqual(await box.usage('b'), { count: 0, bytes: 0 })
    t.is((await one(box, mail('b', 'new'))).status, 'stored')
  },
  'a box holds so many bytes; one full box does not fill another': async (
    t,
    { store: { mail: box } },
  ) => {
    const { boxBytes } = CONTRACT_LIMITS.mailbox
    const results = await box.append([
      mail('b', '1', Buffer.alloc(boxBytes - 10)),
      mail('b', '2', Buffer.alloc(11)),
      mail('b', '3', Buffer.alloc(10)),
      mail('c', '4', Buffer.alloc(11)),
    ])
    t.deepEqual(
      results.map((r) => r.status),
      ['stored', 'full', 'stored', 'stored'],
    )
  },
  'all boxes together hold so many bytes': async (t, { store: { mail: box } }) => {
    const { boxBytes, totalBytes } = CONTRACT_LIMITS.mailbox
    const body = Buffer.alloc(boxBytes)
    const stored = Math.floor(totalBytes / boxBytes)
    const results = await box.append(['a', 'b', 'c', 'd'].map((name) => mail(name, 'x', body)))
    t.is(results.filter((r) => r.status === 'stored').length, stored)
    t.is(results.filter((r) => r.status === 'full').length, 4 - stored)
    await box.drop('a')
    t.is((await one(box, mail('d', 'x', body))).status, 'stored')
  },
  'a sender has a share of a box of somebody else, in mails and bytes; others still find room':
    async (t, { store: { mail: box } }) => {
      const { senderBoxCount, senderBoxBytes } = CONTRACT_LIMITS.mailbox
      const from = (name: string): object => ({ from: name, isOwn: false })
      const many = Array.from({ length: senderBoxCount + 1 }, (_, i) =>
        mail('b', `m${i}`, '', from('mallory')),
      )
      const results = await box.append(many)
      t.is(results.filter((r) => r.status === 'stored').length, senderBoxCount)
      t.is(results.at(-1)?.status, 'share-full')
      const body = Buffer.alloc(senderBoxBytes + 1)
      t.is((await one(box, mail('b', 'x', body, from('eve')))).status, 'share-full')
      t.is((await one(box, mail('b', 'y', body.subarray(1), from('eve')))).status, 'stored')
      t.is((await one(box, mail('b', 'z', '1', from('eve')))).status, 'share-full')
      t.is((await one(box, mail('empty', 'z', body, from('carl')))).status, 'share-full')
      t.is((await one(box, mail('b', 'a', '1', from('alice')))).status, 'stored')
      t.is((await one(box, mail('c', 'a', '1', from('mallory')))).status, 'stored')
      t.is((await one(box, mail('b', 'own', '1'))).status, 'stored')
      await box.ack('b', seqOf(results[0] ?? { status: 'full' }))
      t.is((await one(box, mail('b', 'next', '', from('mallory')))).status, 'stored')
      t.is((await one(box, mail('b', 'more', '', from('mallory')))).status, 'share-full')
    },
  'a sender has a share of all boxes, also of the own ones; what is read gives it back': async (
    t,
    { store: { mail: box } },
  ) => {
    const { boxBytes, senderTotalBytes } = CONTRACT_LIMITS.mailbox
    const body = Buffer.alloc(boxBytes)
    t.is((await one(box, mail('a', 'x', body, { from: 'm' }))).status, 'stored')
    t.is((await one(box, mail('b', 'x', body, { from: 'm' }))).status, 'share-full')
    const rest = body.subarray(2 * boxBytes - senderTotalBytes)
    t.is((await one(box, mail('b', 'x', rest, { from: 'm' }))).status, 'stored')
    t.is((await one(box, mail('c', 'x', '1', { from: 'm' }))).status, 'share-full')
    t.is((await one(box, mail('c', 'x', body, { from: 'other' }))).status, 'stored')
    await box.drop('a')
    t.is((await one(box, mail('d', 'x', rest, { from: 'm' }))).status, 'stored')
    t.is((await one(box, mail('b', 'x', rest, { from: 'm' }))).status, 'duplicate')
  },
  'a reader that follows its cursor misses nothing of what many write': async (
    t,
    { store: { mail: box } },
  ) => {
    const count = CONTRACT_LIMITS.mailbox.boxCount
    const seen: string[] = []
    const writers = { areDone: false }
    const reader = (async () => {
      let cursor = 0
      for (;;) {
        const wasDone = writers.areDone
        const page = await box.read('b', cursor, 7)
        for (const entry of page) {
          t.true(entry.seq > cursor)
          cursor = entry.seq
          seen.push(entry.id)
        }
        if (wasDone && page.length === 0) return
        await new Promise(setImmediate)
      }
    })()
    const calls = Array.from({ length: count }, async (_, i) => {
      await new Promise(setImmediate)
      await box.append([mail('b', `i${i}`, '', { likelyAcked: i % 2 === 0 })])
    })
    await Promise.all(calls)
    writers.areDone = true
    await reader
    t.is(new Set(seen).size, count)
    t.is(seen.length, count)
  },
  'an expired mail is read until a sweep removes and counts it': async (t, { store, clock }) => {
    const box = store.mail
    const now = clock.now()
    await box.append([
      mail('b', 'old', '1', { expires: now + 1000 }),
      mail('b', 'new', '22'),
      mail('c', 'old', '333', { expires: now + 2000 }),
    ])
    clock.set(1500)
    t.deepEqual(await ids(box, 'b'), ['old', 'new'])
    t.is(await box.sweep(now + 1500), 1)
    t.deepEqual(await ids(box, 'b'), ['new'])
    t.deepEqual(await box.usage('b'), { count: 1, bytes: 2 })
    t.is(await box.sweep(now + 1500), 0)
    t.is(await box.sweep(now + 2000), 1)
    t.deepEqual(await box.usage('c'), { count: 0, bytes: 0 })
  },
  'boxes are separate, whatever their names': async (t, { store: { mail: box } }) => {
    const names = ['b', 'b1', '', '__proto__', 'b\n', 'b\u2028', 'ü']
    for (const name of names) await one(box, mail(name, 'a', name))
    await box.ack('b', Number.MAX_SAFE_INTEGER)
    for (const name of names.slice(1)) {
      const [entry] = await box.read(name, 0, 9)
      t.is(text(entry?.body ?? bytes('?')), name)
    }
    await box.drop('__proto__')
    t.deepEqual(await ids(box, '__proto__'), [])
    t.deepEqual(await ids(box, 'b1'), ['a'])
  },
  'an acknowledgement that races the append resolves the sender and leaves nothing': async (
    t,
    { store: { mail: box } },
  ) => {
    for (let i = 0; i < 20; i++) {
      let seq = 0
      const append = box.append([mail('b', `r${i}`, 'x', { likelyAcked: i % 3 !== 0 })], (_, s) => {
        seq = s
      })
      await until(() => seq > 0)
      await turns(i % 5)
      await box.ack('b', seq)
      const [result] = await append
      t.true(result?.status === 'acked' || result?.status === 'stored')
      t.deepEqual(await ids(box, 'b'), [])
    }
    t.deepEqual(await box.usage('b'), { count: 0, bytes: 0 })
  },
  'bodies come back byte for byte': async (t, { store: { mail: box } }) => {
    const body = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
    await box.append([mail('b', 'x', body), mail('b', 'empty', Buffer.alloc(0))])
    const [entry, empty] = await box.read('b', 0, 9)
    t.deepEqual(Buffer.from(entry?.body ?? []), body)
    t.is(empty?.body.length, 0)
  },
}

export const MAIL_DURABLE_CASES: Cases = {
  'mails, their order and the quota survive a restart, and so do acknowledgements': async (
    t,
    subject,
  ) => {
    const box = subject.store.mail
    const results = await box.append(
      ['a', 'b', 'c', 'd'].map((id) => mail('b', id, id, { likelyAcked: id < 'c' })),
    )
    await box.ack('b', seqOf(results[0] ?? { status: 'full' }))
    const again = (await subject.reopen()).mail
    const entries = await again.read('b', 0, 9)
    t.deepEqual(
      entries.map((e) => [e.seq, e.id, text(e.body), e.expires]),
      ['b', 'c', 'd'].map((id, i) => [seqOf(results[i + 1] ?? { status: 'full' }), id, id, FAR]),
    )
    t.deepEqual(await again.usage('b'), { count: 3, bytes: 3 })
    t.is((await one(again, mail('b', 'c'))).status, 'duplicate')
  },
  'whose share a mail is survives a restart': async (t, subject) => {
    const { senderBoxCount } = CONTRACT_LIMITS.mailbox
    const from = { from: 'mallory', isOwn: false }
    await subject.store.mail.append(
      Array.from({ length: senderBoxCount }, (_, i) => mail('b', `m${i}`, '', from)),
    )
    const again = (await subject.reopen()).mail
    await again.read('b', 0, 9)
    t.is((await one(again, mail('b', 'more', '', from))).status, 'share-full')
    t.is((await one(again, mail('b', 'own', ''))).status, 'stored')
  },
  'numbers grow over a restart: box empty, clock set back, both': async (t, subject) => {
    let box = subject.store.mail
    let last = 0
    for (const offsetMs of [0, -1e9, -1e12, 1000, -1e11]) {
      const seq = seqOf(await one(box, mail('b', 'x')))
      t.true(seq > last)
      last = seq
      await box.ack('b', seq)
      subject.clock.set(offsetMs)
      box = (await subject.reopen()).mail
    }
  },
  'a close writes what still waits for an acknowledgement': async (t, subject) => {
    const append = subject.store.mail.append([mail('b', 'x', 'y', { likelyAcked: true })])
    const again = (await subject.reopen()).mail
    t.is((await append)[0]?.status, 'stored')
    t.deepEqual(await ids(again, 'b'), ['x'])
  },
}
