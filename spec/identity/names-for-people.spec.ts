// What people compare or copy: fingerprints, safety numbers, links; and the ids both ends compute.
import test from 'ava'
import fc from 'fast-check'

import { convId, messageId } from '../../lib/identity/conversation.ts'
import { serverFingerprint } from '../../lib/identity/fingerprint.ts'
import {
  deletionStatement,
  deviceLoginStatement,
  keyLoginStatement,
  registrationStatement,
} from '../../lib/identity/login-proof.ts'
import { safetyHalf, safetyNumber } from '../../lib/identity/safety-number.ts'
import { safetyWords } from '../../lib/identity/safety-words.ts'
import {
  formatContactUri,
  formatServerUri,
  isUri,
  parseContactUri,
  parseServerUri,
} from '../../lib/identity/uri.ts'
import { parseUsername } from '../../lib/protocol/names.ts'
import { fromHex, hex } from '../../lib/util/bytes.ts'
import { outcome, outcomes, runs } from '../helpers/refusals.ts'
import { vectors } from '../helpers/vectors.ts'

const { ids, safety } = vectors
const srv = fromHex(ids.srv)
const acct = fromHex(ids.acct)
const other = fromHex(ids.other_acct)
const alice = parseUsername('alice')

test('published conversation and message ids', (t) => {
  t.is(hex(convId({ srv, acct }, { srv, acct: other })), ids.conv)
  t.is(hex(convId({ srv, acct: other }, { srv, acct })), ids.conv)
  t.is(hex(messageId(fromHex(ids.conv), acct, fromHex(ids.id))), ids.mid)
})

test('ids depend on every part', (t) => {
  const a = { srv, acct }
  const all = [
    convId(a, a),
    convId(a, { srv, acct: other }),
    convId({ srv: other, acct }, { srv, acct: other }),
    convId({ srv, acct: other }, { srv, acct: other }),
  ]
  t.is(new Set(all.map(hex)).size, all.length)
  const conv = fromHex(ids.conv)
  const id = fromHex(ids.id)
  t.notDeepEqual(messageId(conv, acct, id), messageId(conv, other, id))
  t.notDeepEqual(messageId(conv, acct, id), messageId(id, acct, conv))
})

test('the published safety number', (t) => {
  const half = safetyHalf({ srv, acct, aik: fromHex(safety.aik) })
  t.is(half.join(' '), safety.digits)
})

test('both sides read the same twelve groups; another key or server reads differently', (t) => {
  const aik = fromHex(safety.aik)
  const a = { srv, acct, aik }
  const b = { srv, acct: other, aik: Buffer.from('another key') }
  const number = safetyNumber(a, b)
  t.is(number.length, 12)
  for (const group of number) t.regex(group, /^\d{5}$/)
  t.deepEqual(safetyNumber(b, a), number)
  t.notDeepEqual(safetyHalf({ ...a, aik: Buffer.from('swapped') }), safetyHalf(a))
  t.notDeepEqual(safetyHalf({ ...a, srv: other }), safetyHalf(a))
})

test('words say what the digits say: every byte has one of its own, and neighbours sound different', (t) => {
  const groups = (value: bigint): string[] =>
    value.toString().padStart(60, '0').match(/.{5}/g) ?? []
  t.is(safetyWords(groups(0n)).join(' '), `${'aardvark adroitness '.repeat(12)}aardvark`)
  t.deepEqual(safetyWords(groups(0x01_fen << (8n * 7n))).slice(16, 19), [
    'absurd',
    'yesteryear',
    'aardvark',
  ])
  const spoken = new Map<string, number>()
  for (let byte = 0; byte < 256; byte++) {
    const [even = '', odd = ''] = safetyWords(groups(BigInt(byte * 257))).slice(-2)
    t.regex(`${even} ${odd}`, /^[a-z]{4,11} [a-z]{4,11}$/)
    for (const word of [even, odd]) spoken.set(word, byte)
  }
  t.is(spoken.size, 512)
  t.throws(() => safetyWords(['12345']), { instanceOf: RangeError })
})

test('fingerprints are eight groups of four', (t) => {
  t.regex(serverFingerprint(srv), /^[a-z2-7]{4}( [a-z2-7]{4}){7}$/)
  t.not(serverFingerprint(acct), serverFingerprint(srv))
})

test('links survive the round trip', (t) => {
  const host = fc.constantFrom('chat.example.org', 'localhost', '10.0.0.1', '::1', 'fe80::1:2')
  fc.assert(
    fc.property(host, fc.integer({ min: 1, max: 65535 }), (h, port) => {
      const server = { host: h, port, srv }
      t.deepEqual(parseServerUri(formatServerUri(server)), server)
      const contact = { ...server, user: alice, acct }
      t.deepEqual(parseContactUri(formatContactUri(contact)), contact)
      t.true(isUri(formatServerUri(server)))
    }),
    runs(20),
  )
})

test('links typed with capitals and blanks around', (t) => {
  const text = formatServerUri({ host: 'chat.example.org', port: 7700, srv })
  t.deepEqual(parseServerUri(`  ${text.toUpperCase()} `).srv, srv)
  t.is(parseServerUri(text.toUpperCase()).host, 'chat.example.org')
})

test('anything else is not a link', (t) => {
  const server = formatServerUri({ host: 'chat.example.org', port: 7700, srv })
  const contact = formatContactUri({ host: 'h.org', port: 1, srv, user: alice, acct })
  const bad = [
    '',
    'chat.example.org:7700',
    server.replace('securechat', 'https'),
    server.replace(':7700', ''),
    server.replace(':7700', ':0'),
    server.replace(':7700', ':70000'),
    server.replace('#', ''),
    server.slice(0, -1),
    `${server}a`,
    server.replace(/.$/, 'b'), // non-zero bits after the last byte
    server.replace('chat', 'ch at'),
    server.replace('chat.example.org', '\u001b[2J'),
    contact,
  ]
  t.deepEqual(outcomes(bad, parseServerUri), ['E_FORMAT'])
  t.deepEqual(
    outcomes(
      [
        server,
        contact.replace('@alice', '@al'),
        contact.replace('@alice', '@admin'),
        contact.slice(0, -1),
      ],
      parseContactUri,
    ),
    ['E_FORMAT'],
  )
  fc.assert(
    fc.property(
      fc.string(),
      (s) => outcome(() => parseServerUri(`securechat://${s}`)) === 'E_FORMAT',
    ),
    runs(200),
  )
})

test('login statements: none can stand for another, each covers the connection', (t) => {
  const exporter = Buffer.alloc(32, 1)
  const who = { srv, acct }
  const dev = Buffer.alloc(8)
  const make = (e: Buffer) => [
    registrationStatement(e, who, alice),
    deviceLoginStatement(e, { ...who, dev }),
    keyLoginStatement(e, who),
    deletionStatement(e, who),
  ]
  const all = [...make(exporter), ...make(Buffer.alloc(32, 2))]
  t.is(new Set(all.map(hex)).size, all.length)
})
