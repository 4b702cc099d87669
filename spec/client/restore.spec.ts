// Restoring from the chains of several devices, without a network: whatever the chains look like and wherever it is
// interrupted, each row is there once, in order, in its last version (PROTOCOL 11).
import test from 'ava'
import fc from 'fast-check'

import { itemOf } from '../../lib/client/archive/item.ts'
import { Restorer } from '../../lib/client/archive/restorer.ts'
import { RestoreState } from '../../lib/client/archive/restore-state.ts'
import type { Link } from '../../lib/client/link.ts'
import { GoneChats } from '../../lib/client/messages/gone-chats.ts'
import { RecordMessageLog } from '../../lib/client/messages/log.ts'
import { goneRow } from '../../lib/client/messages/gone.ts'
import type { MessageRow } from '../../lib/client/messages/row.ts'
import { Chats } from '../../lib/client/people/chats.ts'
import { without } from '../../lib/client/without.ts'
import { ArchiveKeys } from '../../lib/envelope/archive-keys.ts'
import { batchHash, type HistoryItem, sealBatch } from '../../lib/envelope/history.ts'
import { convId, messageId } from '../../lib/identity/conversation.ts'
import { firstDeviceList } from '../../lib/identity/device-list-edit.ts'
import { parseUsername } from '../../lib/protocol/names.ts'
import { encodePayload } from '../../lib/protocol/payloads.ts'
import { createMemoryStore } from '../../lib/storage/memory.ts'
import type { Store } from '../../lib/storage/ports.ts'
import { type Bytes, fromHex, hex } from '../../lib/util/bytes.ts'
import { SecureChatError } from '../../lib/util/errors.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { rsa2048 } from '../helpers/keys.ts'
import { SRV, T0 } from '../helpers/people.ts'
import { runs } from '../helpers/refusals.ts'

const ME = Buffer.alloc(32, 1)
const OTHER = Buffer.alloc(32, 2)
const CONV = convId({ srv: SRV, acct: ME }, { srv: SRV, acct: OTHER })
const KEYS = ArchiveKeys.derive(Buffer.alloc(32, 3), 0)
const NEW = { srv: SRV, acct: ME, dev: Buffer.alloc(8, 99) }

function dev(k: number): Buffer {
  return Buffer.alloc(8, k + 1)
}

/** Message number `k` as a device has it. */
function row(k: number, number: number, state: MessageRow['state']): MessageRow {
  const own = k % 2 === 0
  const acct = own ? ME : OTHER
  const id = Buffer.alloc(16, k + 1)
  const payload = encodePayload({ k: 'text', id, ts: T0 + k, b: `message ${k}` })
  return {
    ...{ number, key: hex(messageId(CONV, acct, id)), conv: hex(CONV), acct, dev: dev(0) },
    ...{ ts: T0 + k, at: T0 + k, payload, own, resent: false },
    ...(own && state !== undefined ? { state } : {}),
  }
}

interface Chain {
  readonly dev: Bytes
  readonly batches: readonly Buffer[]
}

function sealed(k: number, items: readonly HistoryItem[], perBatch: number): Chain {
  const batches: Buffer[] = []
  let prev: Buffer = Buffer.alloc(32)
  let rows = 0
  let top = 0
  for (let at = 0; at < items.length; at += perBatch) {
    const part = items.slice(at, at + perBatch)
    for (const { n } of part) {
      if (n > top) rows += 1
      top = Math.max(top, n)
    }
    const place = { srv: SRV, acct: ME, dev: dev(k), seq: batches.length }
    const batch = sealBatch(KEYS, place, { prev, rows, items: part })
    prev = batchHash(batch)
    batches.push(batch)
  }
  return { dev: dev(k), batches }
}

/** Answers like a server; breaks whenever `fails` says so. */
function linkOver(chains: readonly Chain[], fails: () => boolean): Link {
  const request = (name: string, fields: { readonly dev?: Bytes; readonly seq?: number }) => {
    if (fails()) return Promise.reject(new SecureChatError('E_CLOSED'))
    if (name === 'hist.ls') {
      return Promise.resolve({ devs: chains.map((c) => [c.dev, 0, c.batches.length - 1]) })
    }
    const chain = chains.find((c) => hex(c.dev) === hex(fields.dev ?? Buffer.of()))
    const from = fields.seq ?? 0
    const page = (chain?.batches ?? []).slice(from, from + 2)
    return Promise.resolve({ rows: page.map((d, i) => [from + i, 0, d]) })
  }
  return { request } as unknown as Link
}

async function open(
  store: Pick<Store, 'records' | 'logs'>,
  link: Link,
  isBlocked: (acct: Bytes, at: number) => boolean = () => false,
): Promise<{ log: RecordMessageLog; restorer: Restorer; codes: string[] }> {
  const state = await RestoreState.open(store.records)
  const chats = await Chats.open(store.records)
  const log = await RecordMessageLog.open(store, [hex(CONV)])
  log.reserve(state.end)
  const device = { id: NEW.dev, dsk: rsa2048(0).publicKey, ts: 0 }
  const list = firstDeviceList(NEW, parseUsername('alice'), device)
  const devs = [0, 1, 2].map((k) => ({ ...device, id: dev(k) }))
  const codes: string[] = []
  const restorer = new Restorer({
    ...{ account: NEW, device: NEW, link, clock: immediate(), messages: log, state },
    archives: () => [KEYS],
    ownList: () => ({ ...list, devs: [device, ...devs] }),
    regained: () => Promise.resolve(),
    reunion: { met: () => undefined, unmet: [], idle: () => Promise.resolve() },
    fault: (code) => codes.push(code),
    progress: () => undefined,
    isBlocked,
    gone: new GoneChats({ device: NEW, chats, messages: () => log, clock: new FakeClock() }),
    late: () => undefined,
  })
  return { log, restorer, codes }
}

/** Nothing has to be waited for. */
function immediate(): FakeClock {
  const clock = new FakeClock()
  const after = clock.after.bind(clock)
  clock.after = (ms, fn) => {
    setImmediate(() => {
      clock.advance(ms)
    })
    return after(ms, fn)
  }
  return clock
}

const STATES = ['accepted', 'delivered', 'read'] as const
const chain = fc.record({
  has: fc.uniqueArray(fc.nat(30), { minLength: 1, maxLength: 20 }),
  changes: fc.array(fc.record({ which: fc.nat(), state: fc.constantFrom(...STATES) }), {
    maxLength: 10,
  }),
  perBatch: fc.integer({ min: 1, max: 5 }),
})

test('any chains, interrupted anywhere', async (t) => {
  const property = fc.asyncProperty(
    fc.array(chain, { minLength: 1, maxLength: 3 }),
    fc.array(fc.nat(12), { maxLength: 6 }),
    async (specs, breaks) => {
      const expected = new Map<number, number>()
      const chains = specs.map(({ has, changes, perBatch }, k) => {
        const sorted = has.toSorted((a, b) => a - b)
        const items = sorted.map((m, i) => itemOf(row(m, i + 1, 'accepted'), OTHER, T0 + k))
        for (const m of sorted) expected.set(m, Math.max(expected.get(m) ?? 0, 0))
        for (const [i, { which, state }] of changes.entries()) {
          const at = which % sorted.length
          const m = sorted[at] ?? 0
          items.push(itemOf(row(m, at + 1, state), OTHER, T0 + 1000 + i))
          expected.set(m, Math.max(expected.get(m) ?? 0, STATES.indexOf(state)))
        }
        return sealed(k, items, perBatch)
      })
      const store = createMemoryStore({ clock: new FakeClock() })
      const left = [...breaks]
      let countdown = left.shift()
      const link = linkOver(chains, () => {
        if (countdown === undefined || countdown-- > 0) return false
        countdown = left.shift()
        return true
      })
      for (;;) {
        // as after a restart of the process
        const { log, restorer, codes } = await open(store, link)
        const done = await restorer
          .prepare()
          .then(() => restorer.run())
          .then(
            () => true,
            () => false,
          )
        if (!done) continue
        const rows = await log.after(hex(CONV), 0, 1000)
        const texts = [...expected].sort(([a], [b]) => a - b)
        const fresh = await log.insert({ ...row(200, 0, undefined), key: 'new' })
        const states = rows.map((each) => (each.own ? STATES.indexOf(each.state as 'read') : 0))
        return (
          codes.length === 0 &&
          rows.map(({ ts }) => ts - T0).join() === texts.map(([m]) => m).join() &&
          states.join() === texts.map(([m, s]) => (m % 2 === 0 ? s : 0)).join() &&
          rows.every(({ number }) => number < fresh.row.number) &&
          (await log.due(1000)).length === 1
        )
      }
    },
  )
  await fc.assert(property, runs(40))
  t.pass()
})

test('a device that joined later had the last line first: all lines end as they were sent', async (t) => {
  const late = [1, 3, 5, 7].map((k, i) => ({ ...row(k, i + 1, undefined), at: T0 + 100 }))
  const early = [5, 7].map((k, i) => ({ ...row(k, i + 1, undefined), at: T0 + 10 }))
  const chains = [late, early].map((rows, k) =>
    sealed(
      k,
      rows.map((each) => itemOf(each, OTHER, T0)),
      1,
    ),
  )
  const store = createMemoryStore({ clock: new FakeClock() })
  const { log, restorer } = await open(
    store,
    linkOver(chains, () => false),
  )
  await restorer.prepare()
  await restorer.run()
  const restored = await log.after(hex(CONV), 0, 100)
  t.deepEqual(
    restored.map(({ ts }) => ts - T0),
    [1, 3, 5, 7],
  )
})

test('a placeholder and what filled it are one row, where it was said', async (t) => {
  const rows = [row(1, 1, undefined), row(5, 2, undefined), row(3, 3, undefined)]
  const gap: MessageRow = {
    ...(rows[1] as MessageRow),
    ...{ key: `gap-${'0'.repeat(32)}`, payload: Buffer.of(), placeholder: 'gap' },
  }
  const filled = { ...(rows[1] as MessageRow), filled: gap.key }
  const items = [rows[0], gap, rows[2], filled].map((each) => itemOf(each as MessageRow, OTHER, T0))
  for (const perBatch of [1, 2, 4]) {
    const store = createMemoryStore({ clock: new FakeClock() })
    const link = linkOver([sealed(0, items, perBatch)], () => false)
    const { log, restorer } = await open(store, link)
    await restorer.prepare()
    await restorer.run()
    const restored = await log.after(hex(CONV), 0, 100)
    t.deepEqual(
      restored.map(({ ts, placeholder }) => [ts - T0, placeholder]),
      [
        [1, undefined],
        [3, undefined],
        [5, undefined],
      ],
    )
  }
})

test('a placeholder that stood for nothing on one device is on none', async (t) => {
  const [first, second, last] = [row(1, 1, undefined), row(5, 2, undefined), row(7, 3, undefined)]
  const gap: MessageRow = {
    ...second,
    ...{ key: `gap-${'0'.repeat(32)}`, payload: Buffer.of(), placeholder: 'gap' },
  }
  const gone: MessageRow = { ...without(gap, 'placeholder'), aside: 'void' }
  const items = (...rows: readonly MessageRow[]): HistoryItem[] =>
    rows.map((each) => itemOf(each, OTHER, T0))
  for (const perBatch of [1, 2, 64]) {
    for (const chains of [
      [items(first, gap, last, gone)],
      [items(first, gap, last), items(first, gone)],
      [items(first, gone), items(first, gap, last)],
      [items(first, gone, last), items(first, { ...gap, at: T0 + 9 })],
    ]) {
      const store = createMemoryStore({ clock: new FakeClock() })
      const link = linkOver(
        chains.map((chain, k) => sealed(k, chain, perBatch)),
        () => false,
      )
      const { log, restorer, codes } = await open(store, link)
      await restorer.prepare()
      await restorer.run()
      const restored = await log.after(hex(CONV), 0, 100)
      t.deepEqual(
        restored.map(({ ts }) => ts - T0),
        [1, 7],
      )
      t.deepEqual(codes, [])
    }
  }
})

test('only a placeholder is nothing: the history cannot empty a message like this', async (t) => {
  const message = row(1, 1, undefined)
  const emptied: MessageRow = { ...message, payload: Buffer.of(), aside: 'void' }
  const items = [message, emptied].map((each) => itemOf(each, OTHER, T0))
  const store = createMemoryStore({ clock: new FakeClock() })
  const { log, restorer, codes } = await open(
    store,
    linkOver([sealed(0, items, 64)], () => false),
  )
  await restorer.prepare()
  await restorer.run()
  t.is((await log.after(hex(CONV), 0, 100)).length, 1)
  t.deepEqual(codes, ['E_FORMAT'])
})

test('an item that is not what it says is left out', async (t) => {
  const good = itemOf(row(1, 1, undefined), OTHER, T0)
  const other = itemOf(row(3, 2, undefined), OTHER, T0)
  const items = [
    good,
    { ...other, p: good.p },
    { ...other, c: Buffer.alloc(16) },
    { ...other, x: Buffer.of(0xff) },
  ]
  const store = createMemoryStore({ clock: new FakeClock() })
  const { log, restorer, codes } = await open(
    store,
    linkOver([sealed(0, items, 64)], () => false),
  )
  await restorer.prepare()
  await restorer.run()
  t.is((await log.after(hex(CONV), 0, 100)).length, 1)
  t.deepEqual(new Set(codes), new Set(['E_FORMAT']))
})

test('fields that this version does not know do not stop a row', async (t) => {
  const item = itemOf(row(1, 1, undefined), OTHER, T0)
  const x = fromHex(hex(item.x))
  x[0] = (x[0] ?? 0) + 1 // one more entry in the map
  const more = Buffer.concat([x, Buffer.from('627a7a01', 'hex')]) // "zz": 1
  const store = createMemoryStore({ clock: new FakeClock() })
  const link = linkOver([sealed(0, [{ ...item, x: more }], 64)], () => false)
  const { log, restorer, codes } = await open(store, link)
  await restorer.prepare()
  await restorer.run()
  t.deepEqual(codes, [])
  t.is((await log.after(hex(CONV), 0, 100)).length, 1)
})

test('what somebody said after being blocked does not come back, what was said before does', async (t) => {
  const items = [row(1, 1, undefined), row(2, 2, 'accepted'), row(3, 3, undefined)].map((each) =>
    itemOf(each, OTHER, T0),
  )
  const store = createMemoryStore({ clock: new FakeClock() })
  const link = linkOver([sealed(0, items, 64)], () => false)
  const { log, restorer } = await open(
    store,
    link,
    (acct, at) => hex(acct) === hex(OTHER) && at > T0 + 1,
  )
  await restorer.prepare()
  await restorer.run()
  const restored = await log.after(hex(CONV), 0, 100)
  t.deepEqual(
    restored.map(({ ts }) => ts - T0),
    [1, 2],
  )
})

/** A chain in which the conversation was deleted at `at`, under number `n`. */
function deletion(n: number, at: number): HistoryItem {
  const mark = goneRow(hex(CONV), { srv: SRV, acct: ME, dev: dev(0) }, T0 + at)
  return itemOf({ ...mark, number: n }, OTHER, T0 + at)
}

test('a chat that was deleted does not come back, whatever other devices had of it', async (t) => {
  const [first, second, third] = [row(1, 1, undefined), row(3, 2, undefined), row(9, 4, undefined)]
  const items = [first, second].map((each) => itemOf(each, OTHER, T0))
  // said before, but not seen by the device that deleted: it came later
  const unseen = itemOf({ ...row(2, 5, 'accepted'), at: T0 + 50 }, OTHER, T0)
  const deleting = [...items, deletion(3, 6), itemOf(third, OTHER, T0 + 20), unseen]
  // a device that was away until then
  const late = [first, second, third].map((each, i) =>
    itemOf({ ...each, number: i + 1, at: T0 + 100 + i }, OTHER, T0 + 200),
  )
  for (const perBatch of [1, 2, 64]) {
    for (const chains of [
      [sealed(0, deleting, perBatch)],
      [sealed(0, deleting, perBatch), sealed(1, late, perBatch)],
      [sealed(1, deleting, perBatch), sealed(0, late, perBatch)],
    ]) {
      const store = createMemoryStore({ clock: new FakeClock() })
      const { log, restorer, codes } = await open(
        store,
        linkOver(chains, () => false),
      )
      await restorer.prepare()
      await restorer.run()
      const restored = await log.after(hex(CONV), 0, 100)
      t.deepEqual(restored.map(({ ts }) => ts - T0).sort(), [2, 9])
      t.deepEqual(codes, [])
    }
  }
})
