// Who has an own message of a group: more accounts than a group can have do not get into its row (PROTOCOL 8, 9.1).
import test from 'ava'

import { mergedReached, type Reached, withReached } from '../../../lib/client/messages/reached.ts'
import { decodeRow, encodeRow, type MessageRow } from '../../../lib/client/messages/row.ts'
import { LIMITS } from '../../../lib/protocol/limits.ts'

function account(i: number): Buffer {
  const acct = Buffer.alloc(32)
  acct.writeUInt32BE(i)
  return acct
}

const ROW: MessageRow = {
  ...{ number: 1, key: 'k', conv: '00', acct: account(0), dev: Buffer.alloc(8), ts: 1, at: 1 },
  ...{ payload: Buffer.alloc(0), own: true, resent: false, state: 'accepted' },
}

test('a row that members came and went for can be read again, and those who were there first count', (t) => {
  let row = ROW
  for (let i = 0; i < LIMITS.members + 20; i++) {
    row = withReached(row, [[account(i), 1]]) ?? row
    row = decodeRow(encodeRow(row))
  }
  t.is(row.reached?.length, LIMITS.members)
  row = withReached(row, [[account(7), 2]]) ?? row
  t.is(row.reached?.[7]?.[1], 2)
  const others: Reached = Array.from({ length: 50 }, (_, i) => [account(1000 + i), 2] as const)
  t.is(mergedReached(row.reached ?? [], others).length, LIMITS.members)
})
