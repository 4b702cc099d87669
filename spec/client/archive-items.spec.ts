// A row as an item of a history batch: whatever others made of it, the batch opens again (PROTOCOL 11).
import test from 'ava'

import { itemOf, rowOf } from '../../lib/client/archive/item.ts'
import type { MessageRow } from '../../lib/client/messages/row.ts'
import { randomBytes } from '../../lib/crypto/random.ts'
import { ArchiveKeys } from '../../lib/envelope/archive-keys.ts'
import { openBatch, sealBatch } from '../../lib/envelope/history.ts'
import { messageId } from '../../lib/identity/conversation.ts'
import { encodePayload } from '../../lib/protocol/payloads.ts'
import { hex } from '../../lib/util/bytes.ts'

const CONV = Buffer.alloc(16, 0xc0)
const [ME, BOB] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]

/** So many reactions, as long as one can be. */
function reacted(count: number): MessageRow {
  const id = Buffer.alloc(16, 3)
  const reactions = Array.from({ length: count }, (_, i) => ({
    ...{ acct: Buffer.alloc(32, i >> 5), emoji: 'x'.repeat(32), ts: 2 ** 40, off: false },
    id: hex(randomBytes(16)),
  }))
  return {
    ...{ number: 1, key: hex(messageId(CONV, BOB, id)), conv: hex(CONV), acct: BOB },
    ...{ dev: Buffer.alloc(8, 2), ts: 5, at: 6, own: false, resent: false },
    payload: encodePayload({ k: 'text', id, ts: 5, b: 'x'.repeat(8192) }),
    marks: { edits: [], reactions, deletions: [], rows: [] },
  }
}

for (const [count, kept] of [
  [100, 100],
  [500, 0],
  [1024, 0],
] as const) {
  test(`${count} reactions`, (t) => {
    const keys = ArchiveKeys.derive(randomBytes(32), 1)
    const place = { srv: ME, acct: ME, dev: Buffer.alloc(8, 1), seq: 0 }
    const items = [itemOf(reacted(count), undefined, 7)]
    const sealed = sealBatch(keys, place, { prev: Buffer.alloc(32), rows: 1, items })
    const [item] = openBatch(keys, place, sealed).items
    const row = item === undefined ? null : rowOf(item, ME)
    t.is(row?.key, reacted(0).key)
    // those of a crowd are rows of their own as well, and come back with these
    t.is(row?.marks?.reactions.length ?? 0, kept)
  })
}
