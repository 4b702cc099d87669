// What a stranger wrote is shown once he is accepted, whatever times he gave it.
import test from 'ava'

import { Emitter } from '../../../lib/client/emitter.ts'
import type { ClientEvent } from '../../../lib/client/events.ts'
import { RecordMessageLog } from '../../../lib/client/messages/log.ts'
import type { MessageRow } from '../../../lib/client/messages/row.ts'
import { reveal, type Revealing } from '../../../lib/client/session/reveal.ts'
import { encodePayload } from '../../../lib/protocol/payloads.ts'
import { createMemoryStore } from '../../../lib/storage/memory.ts'
import { hex } from '../../../lib/util/bytes.ts'
import { silentLog } from '../../../lib/util/log.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const CONV = 'c0'.repeat(16)
const NOW = 2 ** 40

function line(n: number, ts: number): Omit<MessageRow, 'number'> {
  const id = Buffer.alloc(16, n)
  return {
    ...{ key: hex(id), conv: CONV, acct: Buffer.alloc(32, 1), dev: Buffer.alloc(8) },
    ...{ ts, at: NOW + n, own: false, resent: false },
    payload: encodePayload({ k: 'text', id, ts, b: `line ${String(n)}` }),
  }
}

test('lines that stand far up are found by when they came', async (t) => {
  const messages = await RecordMessageLog.open(createMemoryStore({ clock: new FakeClock() }), [
    CONV,
  ])
  for (let n = 1; n <= 20; n++) await messages.insert(line(n, NOW + n))
  await messages.insert({ ...line(21, NOW - 1000), withheld: true })
  const emitter = new Emitter(silentLog)
  const told: ClientEvent[] = []
  emitter.on((event) => told.push(event))
  const names = { chat: () => 'mallory', user: () => 'mallory' }
  const core = { messages, emitter, names, answeredBy: () => Promise.resolve(null) }
  await reveal(core as unknown as Revealing, CONV)
  t.deepEqual(
    told.map((event) => event.type === 'message' && event.message.number),
    [21],
  )
})
