// The little that the server reads of a stream head (PROTOCOL 6.2): who sends it, to which devices, under which inbox
// keys. All else in it is for the receivers, who check the canonical bytes.
import { decodeStrict } from '../protocol/cbor.ts'
import { LIMITS } from '../protocol/limits.ts'
import { b, check, list, lit, map, tuple } from '../protocol/shape.ts'
import { type Bytes, compare, equal } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'

export interface StreamHead {
  readonly to: readonly {
    readonly acct: Bytes
    readonly devs: readonly { readonly dev: Bytes; readonly klid: Bytes }[]
  }[]
  readonly deviceCount: number
}

const HEAD = map({
  k: lit('env'),
  suite: lit(1),
  srv: b(32),
  st: b(16),
  from: tuple(b(32), b(8)),
  to: list(
    tuple(b(32), list(tuple(b(8), b(16)), LIMITS.streamDevices, 1)),
    LIMITS.streamDevices,
    1,
  ),
})

/** @throws E_FORMAT for another server, sender or stream, for a list that is not strictly ascending or too long */
export function readHead(
  bytes: Bytes,
  expected: {
    readonly srv: Bytes
    readonly st: Bytes
    readonly acct: Bytes
    readonly dev: Bytes
  },
): StreamHead {
  const head = check(HEAD, decodeStrict(bytes), 'head')
  const [acct, dev] = head.from
  const { srv, st } = expected
  if (!equal(head.srv, srv) || !equal(head.st, st)) fail('E_FORMAT')
  if (!equal(acct, expected.acct) || !equal(dev, expected.dev)) fail('E_FORMAT')
  let deviceCount = 0
  let previous: Bytes | null = null
  for (const [account, devs] of head.to) {
    if (previous !== null && compare(previous, account) >= 0) fail('E_FORMAT')
    previous = account
    deviceCount += devs.length
    devs.forEach(([id], k) => {
      const before = devs[k - 1]?.[0]
      if (before !== undefined && compare(before, id) >= 0) fail('E_FORMAT')
      if (equal(account, acct) && equal(id, dev)) fail('E_FORMAT', 'addressed to itself')
    })
  }
  if (deviceCount > LIMITS.streamDevices) fail('E_FORMAT')
  return {
    to: head.to.map(([account, devs]) => ({
      acct: account,
      devs: devs.map(([id, klid]) => ({ dev: id, klid })),
    })),
    deviceCount,
  }
}
