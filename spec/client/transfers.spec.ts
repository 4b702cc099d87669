// Which file is meant: looked up with each offer, answer and deletion that comes, however many files somebody has offered.
import test from 'ava'

import type { Transfer } from '../../lib/client/files/transfer.ts'
import { type TransferDeps, Transfers } from '../../lib/client/files/transfers.ts'
import { createMemoryStore } from '../../lib/storage/memory.ts'
import { hex, u64 } from '../../lib/util/bytes.ts'
import { FakeClock } from '../helpers/fake-clock.ts'

const ACCT = Buffer.alloc(32, 1)
const MANY = 300

function fidOf(number: number): Buffer {
  return Buffer.concat([u64(0), u64(number)])
}

function offered(number: number, looked: () => void): Transfer {
  const mid = hex(fidOf(number))
  return {
    ...{ number, direction: 'in', acct: ACCT, conv: 'c0'.repeat(16), fid: fidOf(number) },
    ...{ key: Buffer.alloc(32), sha: Buffer.alloc(32), name: 'a', size: 1 },
    ...{ state: 'offered', chunks: 0, at: 1, expires: 2 },
    get mid() {
      looked()
      return mid
    },
  }
}

test('a file is found without looking at the others', async (t) => {
  const { records } = createMemoryStore({ clock: new FakeClock() })
  const deps = { records, link: { add: () => undefined } } as unknown as TransferDeps
  const transfers = await Transfers.open(deps)
  let looked = 0
  for (let n = 1; n <= MANY; n++) await transfers.put(offered(n, () => (looked += 1)))
  looked = 0
  for (let n = 1; n <= MANY; n++) {
    t.is(transfers.findByMid(hex(fidOf(n)))?.number, n)
    t.is(transfers.find('in', ACCT, fidOf(n))?.number, n)
  }
  t.is(transfers.findByMid('none'), undefined)
  t.is(transfers.find('out', ACCT, fidOf(1)), undefined)
  t.true(looked <= MANY, `${String(looked)} looks`)
  // and again by those that an earlier run has left
  const later = await Transfers.open(deps)
  t.is(later.findByMid(hex(fidOf(7)))?.number, 7)
  t.is(later.find('in', ACCT, fidOf(MANY))?.number, MANY)
})
