// Secrets do not print: not by inspect, not by JSON, not inside another object, not as own properties. And what little a
// peer is told of a failure.
import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'

import test from 'ava'

import { ArchiveKeys } from '../../lib/envelope/archive-keys.ts'
import { FileKeys } from '../../lib/envelope/file-chunks.ts'
import { decodeGossip, encodeGossip } from '../../lib/envelope/gossip.ts'
import { LocalKey } from '../../lib/envelope/local-key.ts'
import { RecoveryCode } from '../../lib/envelope/recovery-code.ts'
import { resendReason } from '../../lib/envelope/refusal.ts'
import { OpenVault } from '../../lib/envelope/vault.ts'
import { decodeCanonical, encode } from '../../lib/protocol/cbor.ts'
import { hex } from '../../lib/util/bytes.ts'
import { correspondent, receive, streamFrom, text } from '../helpers/correspondents.ts'
import { T0 } from '../helpers/people.ts'
import { outcome } from '../helpers/refusals.ts'

const alice = await correspondent('alice', { key: 0 })
const bob = await correspondent('bob', { key: 1 })
const sender = await streamFrom(alice, [bob])
const receiver = await receive(sender, bob, alice)
receiver.open(await sender.seal(text('x')), T0)

/** Every byte string of at least 16 bytes inside a decoded structure. */
function byteStrings(value: unknown): Uint8Array[] {
  if (value instanceof Uint8Array) return value.length >= 16 ? [value] : []
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(byteStrings)
}

const fk = randomBytes(32)
const root = randomBytes(32)
const code = RecoveryCode.generate()
const archive = ArchiveKeys.derive(root, 0)
const local = LocalKey.generate()

const cases: readonly [name: string, object: object, secrets: readonly Uint8Array[]][] = [
  ['InboxKeys', bob.inbox, byteStrings(decodeCanonical(bob.inbox.serialize()))],
  ['ReceiverStream', receiver, [(decodeCanonical(receiver.serialize()) as { ck: Uint8Array }).ck]],
  ['SenderStream', sender, [(decodeCanonical(receiver.serialize()) as { ck: Uint8Array }).ck]],
  ['FileKeys', new FileKeys(fk, randomBytes(16)), [fk]],
  [
    'RecoveryCode',
    code,
    [Buffer.from(code.reveal()), Buffer.from(code.reveal().replaceAll('-', ''))],
  ],
  ['ArchiveKeys', archive, [root, ...byteStrings(decodeCanonical(archive.serialize()))]],
  ['LocalKey', local, [local.derive('store'), local.derive('fingerprint')]],
  ['OpenVault', OpenVault.create(alice.aik), [alice.aik.exportPkcs8()]],
]

for (const [name, object, secrets] of cases) {
  test(`${name} shows its name and nothing that opens anything`, (t) => {
    t.true(secrets.length > 0)
    const deep = { depth: 10, showHidden: true }
    for (const shown of [
      inspect(object),
      inspect(object, deep),
      inspect({ nested: [object] }, deep),
      JSON.stringify({ nested: object }),
      inspect(new Map([[object, object]]), deep),
    ]) {
      t.true(shown.includes(`${name}(`), shown)
      for (const secret of secrets) {
        const bytes = Buffer.from(secret)
        for (const form of ['hex', 'base64', 'base64url', 'latin1'] as const) {
          t.false(shown.includes(bytes.toString(form)))
        }
      }
    }
    // structured cloning, logging of own properties: private fields are not there
    for (const value of Object.values(object)) {
      for (const bytes of byteStrings(value)) {
        t.false(secrets.some((secret) => hex(secret) === hex(bytes)))
      }
    }
  })
}

test('a peer cannot tell why its envelope was not read', (t) => {
  t.deepEqual((['E_UNWRAP', 'E_COMMIT', 'E_DECRYPT', 'E_SIG'] as const).map(resendReason), [
    'bad',
    'bad',
    'bad',
    'bad',
  ])
  t.is(resendReason('E_NO_KEY'), 'nokey')
  t.is(resendReason('E_SKIP'), 'gap')
  for (const silent of ['E_DUPLICATE', 'E_GHOST_USER', 'E_GHOST_DEVICE', 'E_NOT_FOR_ME'] as const) {
    t.is(resendReason(silent), null)
  }
})

test('gossip: optional parts, unknown parts ignored, nonsense refused', (t) => {
  t.deepEqual(decodeGossip(encodeGossip({})), {})
  t.is(decodeGossip(encode({ z: 1, v: { b: 1, d: 2, dh: Buffer.alloc(8), z: 1 } })).v?.d, 2)
  const nine = Array.from({ length: 9 }, () => [Buffer.alloc(16), 1])
  for (const lie of [{ q: nine }, { q: [[Buffer.alloc(15), 1]] }, { v: { b: 1 } }, { v: 1 }, []]) {
    t.is(
      outcome(() => decodeGossip(encode(lie))),
      'E_FORMAT',
    )
  }
})
