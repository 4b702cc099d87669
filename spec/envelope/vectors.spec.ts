// The published envelope vectors, whole and byte by byte.
import test from 'ava'

import { open } from '../../lib/crypto/aead.ts'
import { RsaPrivateKey } from '../../lib/crypto/rsa.ts'
import { ctx } from '../../lib/crypto/ctx.ts'
import { ArchiveKeys } from '../../lib/envelope/archive-keys.ts'
import { commitment, firstChainKey } from '../../lib/envelope/chain.ts'
import { FileKeys } from '../../lib/envelope/file-chunks.ts'
import type { AcceptedHead } from '../../lib/envelope/head-check.ts'
import { decodeHead, encodeHead } from '../../lib/envelope/head.ts'
import { InboxKeys } from '../../lib/envelope/inbox-keys.ts'
import { ReceiverStream } from '../../lib/envelope/receiver-stream.ts'
import { decodeStreamState } from '../../lib/envelope/stream-state.ts'
import { passwordSlotKey } from '../../lib/envelope/vault-slots.ts'
import { encode } from '../../lib/protocol/cbor.ts'
import type { Wrap } from '../../lib/protocol/composites.ts'
import { equal, fromHex, hex } from '../../lib/util/bytes.ts'
import {
  everyByteChanged,
  everyLength,
  everyNth,
  faces,
  outcome,
  outcomeAsync,
  outcomes,
} from '../helpers/refusals.ts'
import { vectors } from '../helpers/vectors.ts'

const v = vectors.stream
const now = vectors.handshake.time
const headBytes = fromHex(v.head)
const head = decodeHead(headBytes)
const senderKey = RsaPrivateKey.fromPkcs8(fromHex(v.dsk), 2048).publicKey
const messages = v.messages.map((m) => ({ i: m.i, n: fromHex(m.n), c: fromHex(m.c) }))

const recipients = v.recipients.map((r, position) => {
  const keys = InboxKeys.restore(
    encode({ rsa: fromHex(r.rsa), x: fromHex(r.x25519_seed), pq: fromHex(r.mlkem_seed) }),
  )
  const [ct, kct, box] = r.wrap
  const wrap: Wrap = [fromHex(ct), fromHex(kct), fromHex(box)]
  const klid = fromHex(r.klid)
  const accepted: AcceptedHead = { head, position, klid, peer: head.from.acct, senderKey }
  const inbox = (id: Uint8Array) => (equal(id, klid) ? keys : undefined)
  return { accepted, wrap, inbox, open: () => ReceiverStream.open(accepted, wrap, inbox) }
})
const [bob] = recipients
const first = messages[0]
if (bob === undefined || first === undefined) throw new Error('the vectors are incomplete')

test('head, hp, commitment and first chain key', async (t) => {
  t.deepEqual(encodeHead(head), headBytes)
  t.is(hex(head.hp), v.hp)
  t.is(hex(commitment(fromHex(v.S), head.st)), v.com)
  t.is(hex(firstChainKey(fromHex(v.S), head.hp)), v.ck0)
  for (const r of recipients) {
    const state = decodeStreamState((await r.open()).serialize())
    t.is(hex(state.chainKey), v.ck0)
  }
})

test('three messages, for each recipient, in both directions of order', async (t) => {
  for (const r of recipients) {
    for (const order of [messages, messages.toReversed()]) {
      const stream = await r.open()
      for (const m of order) {
        const opened = stream.open(m, now)
        const expected = v.messages[m.i]
        t.is(opened.payload.k === 'text' ? opened.payload.b : '', expected?.text ?? '-')
        t.is(hex(opened.mid), expected?.mid ?? '-')
        t.is(opened.gossip.v?.b, m.i === 0 ? 1 : undefined)
      }
    }
  }
})

test('any changed byte of a message, any other length: one face', async (t) => {
  const stream = await bob.open()
  const before = stream.serialize()
  const spoiled = [
    ...[...everyByteChanged(first.c)].map((c) => ({ ...first, c })),
    ...[...everyLength(first.c)].map((c) => ({ ...first, c })),
    ...[...everyByteChanged(first.n)].map((n) => ({ ...first, n })),
    { ...first, i: 1 },
    { ...first, i: 999 },
  ]
  t.deepEqual(await faces(spoiled, (m) => stream.open(m, now)), [
    'E_DECRYPT (undefined): The message could not be decrypted.',
  ])
  t.deepEqual(stream.serialize(), before)
  t.is(
    outcome(() => stream.open(first, now)),
    'accepted',
  )
})

test('any changed byte of a wrap, any other length: one face', async (t) => {
  const step = everyNth(11)
  const spoiled = [0, 1, 2].flatMap((part) => {
    const bytes = bob.wrap[part] ?? Buffer.of()
    const variants = [...everyByteChanged(bytes, step), ...everyLength(bytes, step * 5)]
    return variants.map((x) => bob.wrap.with(part, x) as unknown as Wrap)
  })
  t.deepEqual(await faces(spoiled, (wrap) => ReceiverStream.open(bob.accepted, wrap, bob.inbox)), [
    'E_UNWRAP (undefined): The envelope does not open with the keys of this device.',
  ])
})

test('any changed byte of the head stops the stream, before or at the unwrapping', async (t) => {
  const found = new Set<string>()
  for (const bytes of everyByteChanged(headBytes, everyNth(3))) {
    found.add(
      await outcomeAsync(() => {
        const spoiled = { ...bob.accepted, head: decodeHead(bytes) }
        return ReceiverStream.open(spoiled, bob.wrap, bob.inbox)
      }),
    )
  }
  t.deepEqual([...found].sort(), ['E_FORMAT', 'E_UNWRAP'])
  t.deepEqual(outcomes(everyLength(headBytes), decodeHead), ['E_FORMAT'])
})

test('file chunks', (t) => {
  const keys = new FileKeys(fromHex(vectors.file.fk), fromHex(vectors.file.fid))
  for (const c of vectors.file.chunks) {
    const sealed = fromHex(c.out)
    t.is(hex(keys.seal(c.i, c.last, fromHex(c.pt))), c.out)
    t.is(hex(keys.open(c.i, c.last, sealed) ?? Buffer.of()), c.pt)
    for (const spoiled of [...everyByteChanged(sealed), ...everyLength(sealed)]) {
      t.is(keys.open(c.i, c.last, spoiled), null)
    }
    t.is(keys.open(c.i, !c.last, sealed), null)
    t.is(keys.open(c.i + 1, c.last, sealed), null)
  }
})

test('keys at rest', (t) => {
  const r = vectors.at_rest
  const keys = ArchiveKeys.derive(fromHex(r.root), r.epoch)
  const aad = ctx('seal')
  const plain = Buffer.from('content')
  t.deepEqual(open(fromHex(r.history_key), aad, keys.seal('history', aad, plain)), plain)
  t.deepEqual(open(fromHex(r.blob_key_blocks), aad, keys.seal('blocks', aad, plain)), plain)
  const who = { srv: fromHex(vectors.ids.srv), acct: fromHex(vectors.ids.acct) }
  t.is(hex(passwordSlotKey(fromHex(r.export_key), who)), r.vault_key)
})
