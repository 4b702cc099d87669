// Delivery to one device by itself, against a mailbox whose reads take their time: whatever comes between, every mail is
// sent once, in order, and nothing unsent is acknowledged.
import test from 'ava'
import fc from 'fast-check'

import { decodeFrame } from '../../lib/protocol/codec.ts'
import { Delivery } from '../../lib/server/delivery.ts'
import { encodeMailEntry } from '../../lib/server/mail-entry.ts'
import type { Entry, Mailboxes } from '../../lib/storage/ports.ts'
import { fail, SecureChatError } from '../../lib/util/errors.ts'
import { silentLog } from '../../lib/util/log.ts'
import { runs } from '../helpers/refusals.ts'

/** One mailbox; a read answers with what there is when it is let go, or with what there was when it began. */
class Box {
  readonly entries: Entry[] = []
  readonly acks: number[] = []
  reads: { readonly go: () => void; readonly snapshot: Entry[] }[] = []
  broken = false
  #last = 0

  get mail(): Mailboxes {
    const unused = (): never => fail('E_INTERNAL')
    return {
      read: (_box, after, limit) => {
        if (this.broken) return Promise.reject(new SecureChatError('E_STORE'))
        const list = (): Entry[] => this.entries.filter(({ seq }) => seq > after).slice(0, limit)
        const snapshot = list()
        return new Promise((resolve) => {
          this.reads.push({
            snapshot,
            go: () => {
              resolve(snapshot)
            },
          })
        })
      },
      ack: (_box, upTo) => {
        this.acks.push(upTo)
        while ((this.entries[0]?.seq ?? Infinity) <= upTo) this.entries.shift()
        return Promise.resolve()
      },
      append: unused,
      usage: unused,
      total: unused,
      drop: unused,
      sweep: unused,
    }
  }

  add(size: number): Entry {
    const seq = (this.#last += 1 + (this.#last % 3)) // numbers may have holes
    const body = encodeMailEntry({
      acct: Buffer.alloc(32),
      dev: Buffer.alloc(8),
      st: Buffer.alloc(16),
      i: seq,
      n: Buffer.alloc(16),
      c: Buffer.alloc(size),
    })
    const entry = { seq, id: String(seq), body, expires: Infinity }
    this.entries.push(entry)
    return entry
  }

  async letGo(): Promise<void> {
    const reads = this.reads
    this.reads = []
    for (const { go } of reads) go()
    await turn()
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

interface Device {
  readonly delivery: Delivery
  readonly got: number[]
  readonly ends: number[]
  readonly failures: unknown[]
}

function device(box: Box): Device {
  const got: number[] = []
  const ends: number[] = []
  const failures: unknown[] = []
  const delivery = new Delivery({
    mail: box.mail,
    box: 'box',
    log: silentLog,
    failed: (error) => failures.push(error),
    send: (bytes) => {
      const frame = decodeFrame(bytes)
      if (frame.t === 'mail') got.push(frame.q)
      if (frame.t === 'mail.end') ends.push(frame.q)
    },
  })
  return { delivery, got, ends, failures }
}

type Step =
  | { readonly do: 'mail'; readonly size: number; readonly pushed: boolean }
  | { readonly do: 'ack'; readonly back: number }
  | { readonly do: 'read' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('mail' as const),
      size: fc.constantFrom(528, 600, 49_152),
      pushed: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('ack' as const), back: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.constant({ do: 'read' as const }) },
)

test('whatever comes between: each mail once, in order, none acknowledged unsent', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.nat(20), fc.array(step, { maxLength: 200 }), async (before, steps) => {
      const box = new Box()
      const all: number[] = []
      const add = (size: number): Entry => {
        const entry = box.add(size)
        all.push(entry.seq)
        return entry
      }
      for (let k = 0; k < before; k++) add(528)
      const { delivery, got, ends } = device(box)
      delivery.start()
      for (const s of steps) {
        if (s.do === 'read') await box.letGo()
        else if (s.do === 'ack') {
          delivery.ack(got.at(-1 - s.back) ?? 0)
          delivery.flush()
        } else {
          const { seq, body } = add(s.size)
          if (s.pushed) delivery.push(seq, body)
          else delivery.lookAgain() // stored by another node
        }
        if (box.acks.some((upTo) => upTo > (got.at(-1) ?? 0))) return false
      }
      for (let k = 0; k < 1000 && got.length < all.length; k++) {
        delivery.ack(got.at(-1) ?? 0)
        delivery.flush()
        delivery.lookAgain()
        await box.letGo()
      }
      await box.letGo()
      await box.letGo()
      return got.join() === all.join() && ends.length === 1
    }),
    runs(60),
  )
  t.pass()
})

test('the window: 256 mails, then none until half of them are acknowledged', async (t) => {
  const box = new Box()
  for (let k = 0; k < 600; k++) box.add(528)
  const { delivery, got, ends } = device(box)
  delivery.start()
  for (let k = 0; k < 10; k++) await box.letGo()
  t.is(got.length, 256)
  delivery.ack(got[126] ?? 0)
  delivery.flush()
  await box.letGo()
  t.is(got.length, 256)
  delivery.ack(got[127] ?? 0)
  delivery.flush()
  for (let k = 0; k < 10; k++) await box.letGo()
  t.is(got.length, 384)
  t.deepEqual(ends, [])
})

test('acknowledgements reach the store once per record, and never beyond what was sent', async (t) => {
  const box = new Box()
  for (let k = 0; k < 3; k++) box.add(528)
  const { delivery, got } = device(box)
  delivery.start()
  await box.letGo()
  delivery.ack(got[0] ?? 0)
  delivery.ack(1e9)
  delivery.flush()
  delivery.flush()
  t.deepEqual(box.acks, [got[2]])
})

test('after the connection ended nothing is sent, whatever a read still brings', async (t) => {
  const box = new Box()
  box.add(528)
  const { delivery, got, failures } = device(box)
  delivery.start()
  delivery.stop()
  await box.letGo()
  delivery.push(99, box.add(528).body)
  t.deepEqual([got, failures], [[], []])
})

test('a mailbox that cannot be read is reported once', async (t) => {
  const box = new Box()
  box.broken = true
  const { delivery, failures, ends } = device(box)
  delivery.start()
  await turn()
  t.is(failures.length, 1)
  t.deepEqual(ends, [])
})
