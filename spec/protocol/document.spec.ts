// PROTOCOL.md and the code say the same: tables of types, frames and payloads, error codes, names, limits.
import test from 'ava'
import { FRAMES } from '../../lib/protocol/frames.ts'
import { LIMITS } from '../../lib/protocol/limits.ts'
import { RESERVED_NAMES } from '../../lib/protocol/names.ts'
import { COMPOSITES } from '../../lib/protocol/notation.ts'
import { CONTENT_KINDS, PAYLOADS } from '../../lib/protocol/payloads.ts'
import { OUTER_VERSION, SUITE } from '../../lib/protocol/version.ts'
import { SERVER_OPTIONS } from '../../lib/server/config.ts'
import { LOCAL_CODES, WIRE_CODES } from '../../lib/util/errors.ts'
import { documentText, rows, section } from '../helpers/document.ts'
import { fieldSamples, leastOf, mostOf } from '../helpers/notation-samples.ts'
import { encode } from '../../lib/protocol/cbor.ts'
import { padme } from '../../lib/crypto/padding.ts'

test('14.1: the composites', (t) => {
  t.deepEqual(Object.entries(COMPOSITES), rows(section('## 14.1')))
})

test('14.2: every frame, with direction, states, fields and reply', (t) => {
  const fromCode = Object.entries(FRAMES).map(([name, row]) => {
    const isAnswer = name === 'ok' || name === 'err'
    return [
      name,
      row.push && !isAnswer ? `${row.dir} push` : row.dir,
      row.states.join(' '),
      row.fields,
      isAnswer ? 'reply' : row.push ? '-' : row.reply,
    ]
  })
  const fromDocument = rows(section('## 14.2')).map(
    ([name, dir = '', states, fields, reply = '']) => [
      name,
      dir,
      states,
      fields,
      name === 'ok' || name === 'err' ? 'reply' : dir.endsWith(' push') ? '-' : reply,
    ],
  )
  t.deepEqual(fromCode, fromDocument)
})

test('14.2: the largest frame of each kind fits into a record', (t) => {
  for (const [name, row] of Object.entries(FRAMES)) {
    const states: readonly string[] = row.states
    const limit = states.includes('anon') ? LIMITS.anonymousRecordBytes : LIMITS.recordBytes
    for (const fields of [row.fields, row.reply]) {
      if (name === 'hist.get' && fields === row.reply) continue // bounded by the server, 14.2
      const bytes = encode({ t: name, r: 2 ** 53 - 1, ...mostOf(fieldSamples(fields)) })
      t.true(padme(bytes.length + 8) + 16 <= limit, `${name}: ${bytes.length}`)
    }
  }
})

test('7.1: every payload kind and its fields', (t) => {
  const fromDocument = rows(section('## 7.1')).map(([kind, fields]) => [kind, fields])
  t.deepEqual(Object.entries(PAYLOADS), fromDocument)
})

test('7.1: the content kinds', (t) => {
  t.true(documentText.includes(`Content kinds: ${CONTENT_KINDS.join(', ')}.`))
})

test('7.1: the largest payload of each kind fits into a message', (t) => {
  for (const [kind, fields] of Object.entries(PAYLOADS)) {
    const payload = {
      k: kind,
      id: new Uint8Array(16),
      ts: 2 ** 53 - 1,
      ...mostOf(fieldSamples(fields)),
    }
    const gossipAndSignature = 700
    t.true(padme(encode(payload).length + gossipAndSignature + 4, 512) + 16 <= 49_152, kind)
    t.true(
      Object.keys(leastOf(fieldSamples(fields))).every((name) => !['k', 'id', 'ts'].includes(name)),
    )
  }
})

test('15: the error codes', (t) => {
  const [wire = '', local = ''] = section('# 15.').split('\nLocal: ')
  t.deepEqual(wire.match(/E_[A-Z_]+/g), [...WIRE_CODES])
  t.deepEqual(local.match(/E_[A-Z_]+/g), [...LOCAL_CODES])
})

test('5.1: the reserved names', (t) => {
  const list = /Reserved: ([a-z\s]+)\./.exec(documentText)?.[1]?.split(/\s+/)
  t.deepEqual(list, [...RESERVED_NAMES])
})

test('4.1, 5.5: the versions', (t) => {
  t.true(section('## 4.1').includes(`v:[${OUTER_VERSION}]`))
  t.true(section('## 5.5').includes(`suite:${SUITE},`))
})

const KiB = 1024
const MiB = 1024 * KiB
const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const L = LIMITS

test('15: the table of limits', (t) => {
  const fromCode: Readonly<Record<string, string>> = {
    'handshake frame / record': `${L.handshakeFrameBytes / KiB} KiB / ${L.recordBytes / KiB} KiB`,
    'mailbox per device': `${L.mailboxLifeMs / DAY} d, ${L.mailboxMessages} messages, ${L.mailboxBytes / MiB} MiB`,
    'devices / members / devices per stream': `${L.devices} / ${L.members} / ${L.streamDevices}`,
    'file / chunk / retention': `${L.fileBytes / MiB / KiB} GiB (config) / ${L.chunkBytes / KiB} KiB / ${L.fileLifeMs / DAY} d`,
    'text / request / display name': `${L.textBytes / KiB} KiB / ${L.requestCharacters} / ${L.displayNameCharacters} characters`,
    'bundle / certificate life': `${L.bundleLifeMs / DAY} d / ${L.certificateLifeMs / HOUR} h`,
    'skip per stream / skipped keys': `${L.skipMessages} / ${L.skippedKeys}, ${L.skippedKeyLifeMs / DAY} d`,
    'send per device': `${L.sendsPerSecond}/s, burst ${L.sendBurst}`,
    'new recipients per account': `${L.newRecipientsPerDay} a day (keyed hash of the pair, in memory)`,
    'dir.get': `${L.directoryPerMinute}/min, by name ${L.directoryByNamePerMinute}/min`,
    'dir.find': `${L.directoryFindsPerMinute}/min per account, ${L.foundNames} names`,
    'dir.seen': `${L.presencePerMinute}/min per account, ${L.seenAccounts} accounts`,
    'open requests per connection': `${L.openRequests}`,
    'registrations per address block': `${L.registrationsPerDay} a day`,
    'device lists per account': `${L.listChangesPerDay} a day, the last ${L.replacedLists} replaced ones are kept`,
    'history per account': `${L.historyBytes / MiB} MiB`,
    'without login': `${L.anonymousLifeMs / SECOND} s, ${L.anonymousPerAddress} per address block`,
    'mailboxes one send pays for': `${L.copiesPerSend}`,
  }
  const cells = rows(section('# 15.')).flat()
  const fromDocument = Object.fromEntries(
    cells.flatMap((cell, i) => (i % 2 === 0 ? [[cell, cells[i + 1]]] : [])),
  )
  t.deepEqual(fromCode, fromDocument)
})

test('15: the settings of a server and their defaults', (t) => {
  const defaults = new Map(
    Object.entries(SERVER_OPTIONS).map(([name, option]) => [name, String(option.default)]),
  )
  const named = [...section('# 15.').matchAll(/`(\w+)` (\w+)/g)].flatMap(([, name = '', value]) =>
    defaults.has(name) ? [[name, value] as const] : [],
  )
  t.true(named.length > 20)
  for (const [name, value] of named) t.is(value, defaults.get(name), name)
})

const inText = (n: number): string => n.toString().replace(/\B(?=(\d{3})+$)/g, ' ')

for (const [where, sentence] of [
  ['# 2.', `depth <= ${L.cborDepth}`],
  ['# 3.', `m <= ${L.identitySuccessions} (SIK: m <= ${L.serverSuccessions})`],
  ['# 4.', `(<= ${L.handshakeFrameBytes})`],
  ['## 4.1', `na - nb <= ${L.certificateLifeMs / HOUR} h`],
  ['## 4.1', `nb - ${L.clockSkewMs / MINUTE} min <= now`],
  ['## 4.3', `up to ${L.coalescedRecordBytes / KiB} KiB`],
  ['## 4.3', `a multiple of ${L.rekeyRecords}`],
  ['## 4.3', `<= ${inText(L.recordBytes)}, before login <= ${inText(L.anonymousRecordBytes)}`],
  ['## 4.3', `lives at most ${L.connectionLifeMs / HOUR} h`],
  ['## 4.5', `(${L.clientHelloMinBytes}..${L.handshakeFrameBytes})`],
  ['## 4.5', `${L.handshakeTimeoutMs / SECOND} s timeout`],
  ['## 4.5', `${L.concurrentHandshakes} concurrent handshakes`],
  ['## 4.5', `${L.handshakesPerSecond}/s burst ${L.handshakeBurst}`],
  ['## 4.5', `Above ${L.puzzleAboveHandshakesPerSecond} handshakes/s`],
  ['## 4.5', `${L.puzzleMinBits}..${L.puzzleMaxBits}`],
  ['## 4.5', `refuse w > ${L.puzzleRefusedAboveBits}`],
  ['## 4.5', `${L.anonymousFrames} frames in ${L.anonymousMs / SECOND} s`],
  ['## 4.5', `lives ${L.anonymousLifeMs / SECOND} s`],
  ['## 4.5', `from \`reg.start\` on ${L.registrationMs / MINUTE} min`],
  ['## 5.1', `<= ${L.displayNameCharacters} characters`],
  ['## 5.1', `At most ${L.renamesPerMonth} renames in 30 days`],
  ['## 5.3', `${L.freeGuesses} free, then 2^n s up to ${L.guessDelayMaxMs / HOUR} h`],
  ['## 5.3', `beyond ${L.guessesPerDayBeforePuzzle} a day`],
  ['## 5.3', `(w = ${L.guessPuzzleBits})`],
  ['## 5.4', `<=${L.devices}, gone:[[id,ts]]<=${L.goneDevices}, ?lks:[{id,lk}]<=${L.loginKeys}`],
  ['## 5.5', `na - nb <= ${L.bundleLifeMs / DAY} d`],
  ['## 6.4', `after ${L.streamLifeMs / HOUR} h or ${L.streamMessages} messages`],
  ['## 6.5', `<= ${L.streamDevices} devices`],
  ['## 6.5', `More than ${L.skipMessages} ahead`],
  ['## 6.5', `(<= ${L.skippedKeys} per stream, ${L.skippedKeyLifeMs / DAY} days)`],
  [
    '## 7.3',
    `at most ${L.strangerMessages} content messages and ${L.strangerFileOffers} file offer`,
  ],
  ['## 7.3', `(<= ${L.requestCharacters} characters)`],
  ['# 8.', `<=${L.members} strictly ascending`],
  ['## 9.2', `${L.unackedMails} mails or ${L.unackedMailBytes / MiB} MiB unacknowledged`],
  ['## 9.3', `no answer in ${L.requestTimeoutMs / SECOND} s`],
  ['## 9.3', `every ${L.pingIdleMs / SECOND} s idle`],
  ['# 10.', `chunks of ${L.chunkBytes}`],
  ['# 10.', `<= ${L.previewBytes / KiB} KiB`],
  ['## 14.2', `more than ${L.wrapsPerFrame} devices`],
] as const) {
  test(`limit in the text: ${where} ${sentence}`, (t) => {
    t.true(section(where).includes(sentence))
  })
}

test('the tables of the code use the limits', (t) => {
  const payloads: Readonly<Record<string, string>> = PAYLOADS
  t.true(PAYLOADS.text.startsWith(`b:s${L.textBytes} `))
  t.is(payloads['req'], `b:c${L.requestCharacters}`)
  t.is(payloads['profile'], `name:c${L.displayNameCharacters}`)
  t.true(PAYLOADS.file.includes(` ?pv:b1-${L.previewBytes} `))
  t.true(FRAMES['st.open'].fields.endsWith(` w:[wrap]${L.wrapsPerFrame}`))
  t.true(FRAMES['dir.find'].reply.startsWith(`users:[name]${L.foundNames} `))
  t.true(FRAMES['dir.seen'].fields.endsWith(`[b32]${L.seenAccounts}`))
  // nonce and tag around one chunk
  t.true(FRAMES['file.put'].fields.endsWith(`-${L.chunkBytes + 12 + 16}`))
})
