// Whoever asks and does not listen: what the answers take in memory is bounded, whatever else he does (PROTOCOL 12, 15).
import test from 'ava'

import type { Connection } from '../../lib/channel/connection.ts'
import { acceptLink, connectLink } from '../../lib/channel/link-connection.ts'
import { type Serve, Wire } from '../../lib/client/wire.ts'
import { randomBytes } from '../../lib/crypto/random.ts'
import { encodeFrame } from '../../lib/protocol/codec.ts'
import { LIMITS } from '../../lib/protocol/limits.ts'
import { silentLog } from '../../lib/util/log.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { memoryPair } from './memory-pair.ts'

const CHUNK = Buffer.alloc(LIMITS.chunkBytes)
const FID = Buffer.alloc(16, 1)

async function linked(clock: FakeClock): Promise<[Connection, Connection]> {
  const terms = { secret: { psk: randomBytes(64), sess: randomBytes(16) }, isFresh: () => true }
  const { a, b } = memoryPair()
  return Promise.all([
    connectLink(a, clock, terms),
    acceptLink(b, clock, () => Promise.resolve(terms)),
  ])
}

test('more open requests than there may be end the connection, answered or not', async (t) => {
  const clock = new FakeClock()
  const [asking, answering] = await linked(clock)
  let served = 0
  const serve: Serve = () => {
    served += 1
    return Promise.resolve({ c: CHUNK })
  }
  const wire = new Wire(answering, clock, silentLog, serve)
  // it reads nothing: no receiver is set
  for (let r = 1; r <= 20 * LIMITS.openRequests; r++) {
    asking.send(encodeFrame({ t: 'file.get', r, fid: FID, i: 0 }))
    if (r % 16 === 0) await new Promise((resolve) => setImmediate(resolve))
    clock.advance(0)
  }
  for (let turn = 0; turn < 200 && wire.open; turn++) {
    clock.advance(0)
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.false(wire.open)
  t.true(served < 2 * LIMITS.openRequests, `${String(served)} were answered`)
})
