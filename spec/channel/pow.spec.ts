import test from 'ava'

import { powOk, solvePow } from '../../lib/channel/pow.ts'
import { ctx } from '../../lib/crypto/ctx.ts'
import { sha256 } from '../../lib/crypto/hash.ts'
import { hex } from '../../lib/util/bytes.ts'
import { SecureChatError } from '../../lib/util/errors.ts'
import { outcomeAsync } from '../helpers/refusals.ts'

const seed = Buffer.alloc(32, 3)
const pause = (): Promise<void> => Promise.resolve()

test('a solution starts with that many zero bits, and is the first one', async (t) => {
  for (const bits of [1, 4, 8, 11]) {
    const pow = await solvePow(seed, bits, { pause })
    t.true(powOk(seed, bits, pow))
    const hash = BigInt(`0x${hex(sha256(ctx('pow', seed, pow)))}`)
    t.true(hash >> BigInt(256 - bits) === 0n)
    const first = pow.readBigUInt64BE()
    for (let i = 0n; i < first; i++) {
      const other = Buffer.alloc(8)
      other.writeBigUInt64BE(i)
      if (powOk(seed, bits, other)) t.fail('an earlier counter would have done')
    }
  }
})

test('a solution belongs to its seed and its difficulty', async (t) => {
  const pow = await solvePow(seed, 8, { pause })
  t.false(powOk(Buffer.alloc(32, 4), 8, pow))
  t.false(powOk(seed, 200, pow))
  t.false(powOk(seed, 257, pow))
})

test('without a puzzle every eight bytes will do, and only eight', async (t) => {
  t.deepEqual(await solvePow(seed, 0, { pause }), Buffer.alloc(8))
  t.true(powOk(seed, 0, Buffer.alloc(8, 9)))
  t.false(powOk(seed, 0, Buffer.alloc(7)))
  t.false(powOk(seed, 0, Buffer.alloc(9)))
})

test('the solver lets others work, and stops when told', async (t) => {
  let pauses = 0
  const options = {
    pause: () => {
      pauses += 1
      return Promise.resolve()
    },
    check: () => {
      if (pauses === 3) throw new SecureChatError('E_CANCELLED')
    },
  }
  t.is(await outcomeAsync(() => solvePow(seed, 24, options)), 'E_CANCELLED')
  t.is(pauses, 3)
})

test('more than 24 bits are refused, not solved', async (t) => {
  t.is(await outcomeAsync(() => solvePow(seed, 25, { pause })), 'E_POW')
  t.is(await outcomeAsync(() => solvePow(seed, 2 ** 40, { pause })), 'E_POW')
})
