// A chat is forgotten and the program is killed meanwhile: each row is there or it is not, and none comes back as it once was.
import test from 'ava'

import { RecordMessageLog } from '../../../lib/client/messages/log.ts'
import type { MessageRow } from '../../../lib/client/messages/row.ts'
import { encodePayload } from '../../../lib/protocol/payloads.ts'
import { createMemoryStore } from '../../../lib/storage/memory.ts'
import { hex } from '../../../lib/util/bytes.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { mortal } from '../../helpers/mortal.ts'

const CONV = 'c0'.repeat(16)
const NOW = 2 ** 40
const NOTHING = Buffer.alloc(0)

function message(n: number): Omit<MessageRow, 'number'> {
  const id = Buffer.alloc(16)
  id.writeUInt32BE(n, 0)
  return {
    ...{ key: hex(id), conv: CONV, acct: Buffer.alloc(32, 1), dev: Buffer.alloc(8) },
    ...{ ts: NOW + n, at: NOW + n, own: false, resent: false },
    payload: encodePayload({ k: 'text', id, ts: NOW + n, b: 'words' }),
  }
}

test('what had changed since it was put away does not come back', async (t) => {
  for (let lives = 0, isOver = false; !isOver; lives++) {
    const store = createMemoryStore({ clock: new FakeClock() })
    const log = await RecordMessageLog.open(store, [CONV])
    const hole = { ...message(1), payload: NOTHING, placeholder: 'gap' } as const
    const all = [hole, ...Array.from({ length: 2060 }, (_, i) => message(i + 2))]
    await Promise.all(all.map((row) => log.insert(row)))
    t.true(log.recentFrom > 1)
    await log.insert(message(3000), hole.key)
    const body = mortal(store)
    const weak = await RecordMessageLog.open(body, [CONV])
    body.lives = lives
    await weak.forget(CONV, () => true).catch(() => undefined)
    isOver = body.lives >= 0
    const after = await RecordMessageLog.open(store, [CONV])
    t.is(await after.byKey(hole.key), null, `after ${String(lives)} writes`)
    const rows = await after.page(CONV, null, 3000)
    t.true(rows.every(({ placeholder }) => placeholder === undefined))
    if (isOver) t.deepEqual(rows, [])
  }
})
