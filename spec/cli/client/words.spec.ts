// What a person is told who types the right command at the wrong moment: true sentences, and nothing cut off.
import test from 'ava'
import { PassThrough } from 'node:stream'

import type { SafetyNumber, Unauthenticated } from '../../../lib/client/api.ts'
import type { ContactInfo, MessageView, Offer } from '../../../lib/client/events.ts'
import { COMMANDS } from '../../../lib/cli/client/commands.ts'
import { runLine } from '../../../lib/cli/client/dispatch.ts'
import { finishRegistration } from '../../../lib/cli/client/account-commands.ts'
import { TOPICS } from '../../../lib/cli/client/help-command.ts'
import { LineFront } from '../../../lib/cli/client/lines.ts'
import { listing, plainText } from '../../../lib/cli/client/rows.ts'
import { nearest } from '../../../lib/cli/nearest.ts'
import { SecureChatError } from '../../../lib/util/errors.ts'
import { ALICE, fakeApp, OFFER } from '../../helpers/fake-front.ts'

test('!trust decides about changed keys only: nobody else loses a verification by it', async (t) => {
  for (const trust of ['unverified', 'verified'] as const) {
    const { app, front } = fakeApp({
      contacts: () => [{ ...ALICE, trust }],
      trust: () => t.fail(),
    })
    t.is((await runLine(app, '!trust alice'))?.code, 'E_STATE')
    t.regex(front.said.join(), /@alice have not changed/)
  }
  const changed: ContactInfo = { ...ALICE, trust: 'changed' }
  const { app } = fakeApp({ contacts: () => [changed], trust: () => Promise.resolve(ALICE) })
  t.is(await runLine(app, '!trust alice'), null)
})

test('one does not compare numbers with oneself', async (t) => {
  const { app } = fakeApp({ safetyNumber: () => t.fail() })
  t.is((await runLine(app, '!verify bob'))?.code, 'E_USAGE')
})

test('a safety number comes as digits, as words and as a code; a pipe has the first two', async (t) => {
  const groups = Array.from({ length: 12 }, (_, i) => String(10_000 + i))
  const safetyNumber = (): Promise<SafetyNumber> =>
    Promise.resolve({ user: 'alice', groups, verified: false })
  const { app, front } = fakeApp({ safetyNumber })
  t.is(await runLine(app, '!verify alice'), null)
  t.true(front.said.includes(`qr ${groups.join('')}`))
  t.true(front.said.includes('* 10000 10001 10002 10003'))
  const output = new PassThrough()
  const pipe = new LineFront({ input: new PassThrough(), output, errors: new PassThrough() })
  pipe.qr(groups.join(''), ['10000 10001', '', 'aardvark adroitness'])
  t.is(String(output.read()), '*     10000 10001\n*\n*     aardvark adroitness\n')
})

test('!whoami gives the link to scan as well', async (t) => {
  const { app, front } = fakeApp({})
  t.is(await runLine(app, '!whoami'), null)
  t.is(front.said.at(-1), 'qr u')
})

test('an own file is done when its receiver has it, not when the server has', async (t) => {
  const own: Offer = { ...OFFER, direction: 'out', state: 'done' }
  const list: Offer[] = [
    own,
    { ...own, receiver: 'accepted' },
    { ...own, receiver: 'received' },
    { ...own, receiver: 'declined' },
    { ...own, peer: '#team' },
    { ...OFFER, state: 'done' },
  ]
  const { app, front } = fakeApp({ files: () => Promise.resolve(list) })
  await runLine(app, '!files')
  t.deepEqual(
    front.said.map((line) => line.replace(/^.*: /, '')),
    [
      'on the server, for @alice to answer',
      '@alice takes it',
      'received',
      'declined',
      'on the server, for its members to answer',
      'done',
    ],
  )
})

test('an error of several lines is several lines in a pipe', (t) => {
  const errors = new PassThrough()
  const front = new LineFront({ input: new PassThrough(), output: new PassThrough(), errors })
  const { app } = fakeApp(null)
  const said: string[] = []
  app.front.rows = (mark, lines) => {
    said.push(...lines)
    front.rows(mark, lines)
  }
  app.showError(new SecureChatError('E_SERVER_IDENTITY', 'STOP\n  known: a\n  now:   b'))
  t.deepEqual(said, ['STOP', '  known: a', '  now:   b'])
  t.is(String(errors.read()), '! STOP\n!   known: a\n!   now:   b\n')
})

test('a new name is judged before the password is asked', async (t) => {
  const { app } = fakeApp({})
  app.givenPassword = () => t.fail()
  t.is((await runLine(app, '!rename al'))?.code, 'E_FORMAT')
  t.is((await runLine(app, '!rename @Bob'))?.code, 'E_USAGE')
})

test('one is not told of the own new name as of that of somebody else', (t) => {
  const { front, emit } = fakeApp({})
  const me: ContactInfo = { ...ALICE, user: 'bob', acct: 'bb' }
  emit({ type: 'contact', change: 'renamed', contact: me, other: 'rob' })
  t.deepEqual(front.said, [])
})

test('who accepted is said: the other side, oneself, or another device', async (t) => {
  const { app, front, emit } = fakeApp({
    contacts: () => [ALICE],
    acceptContact: () => t.fail(),
  })
  for (const own of [{ own: false }, { own: true }, {}]) {
    emit({ type: 'contact', change: 'accepted', contact: ALICE, ...own })
  }
  t.deepEqual(front.said, [
    '* @alice accepted: you can write to each other.',
    '* You accepted @alice: you can write to each other.',
    '* @alice is accepted: you can write to each other.',
  ])
  t.like(await runLine(app, '!accept alice'), { code: 'E_STATE' })
})

test('who declines a request has read it; who asked is told', async (t) => {
  const read: string[] = []
  const asked = { number: 4, user: 'alice', note: '', at: 0 }
  const { app, front, emit } = fakeApp({
    requests: () => [asked],
    decline: () => Promise.resolve(asked),
    markRead: (chat) => {
      read.push(chat)
      return Promise.resolve()
    },
  })
  t.is(await runLine(app, '!decline alice'), null)
  t.deepEqual(read, ['alice'])
  front.said.length = 0
  for (const own of [true, false]) {
    emit({ type: 'contact', change: 'declined', contact: ALICE, own })
  }
  t.deepEqual(front.said, ['* @alice declined your request.'])
})

test('a text that becomes a request says so on its own side', (t) => {
  const { front, emit } = fakeApp({})
  const message: MessageView = {
    ...{ number: 1, mid: 'aa', conv: 'c0', chat: 'alice', from: 'bob', acct: 'bb', own: true },
    ...{ ts: 0, at: 0, saidAt: 0, timeDoubtful: false, resent: false },
    body: { kind: 'request', request: 0, note: 'may I?' },
  }
  emit({ type: 'message', message, fills: false })
  t.deepEqual(front.said, [
    'bob: request',
    '* @alice is asked first: nothing else goes there before they accept.',
  ])
  t.deepEqual(front.questions, [])
})

test('one is told who comes into the own account and who leaves it, and what to do about it', (t) => {
  const { front, emit } = fakeApp({})
  const me: ContactInfo = { ...ALICE, user: 'bob', acct: 'bb' }
  emit({ type: 'contact', change: 'new-device', contact: me })
  t.regex(front.said.join(' '), /new device.* !devices revoke NUMBER .* !passwd$/)
  emit({ type: 'contact', change: 'removed-device', contact: me })
  t.regex(front.said.at(-1) ?? '', /^! A device was removed from your account/)
  emit({ type: 'contact', change: 'identity-alarm', contact: { ...me, alarm: 'E_FORK' } })
  t.true(front.said.some((line) => line.includes('E_FORK')))
  t.false(front.said.some((line) => line.includes('@bob has')))
})

test('nothing of a list is cut: it goes on in the column where it began', (t) => {
  const link = 'x'.repeat(31)
  const entry = listing('*', [
    'Title',
    '  !who    Lists your contacts, all of them',
    `link: ${link}`,
  ])
  t.deepEqual(entry(33).map(plainText), [
    '* Title',
    '*   !who    Lists your contacts,',
    '            all of them',
    '* link:',
    `  ${link.slice(0, 30)}`,
    '  x',
  ])
})

test('a narrow list breaks between its columns, and within one only where that is wider than a row', (t) => {
  const entry = listing('*', [
    '  2  bob                 you: a text that needs a row and more of its own  07:53  1 unread',
    '  4  alice (notes)       note  07:53',
    '  5  carol               hi',
    '',
    '  6  \u05d0\u05d1\u05d2                 \u05d3\u05d4\u05d5  07:53  1 unread',
  ])
  t.deepEqual(
    entry(40).map((row) => plainText(row).replaceAll(/[\u2068\u2069]/gu, '')),
    [
      '*   2  bob',
      '       you: a text that needs a row and',
      '       more of its own  07:53  1 unread',
      '*   4  alice (notes)       note  07:53',
      '*   5  carol               hi',
      '* ',
      '*   6  \u05d0\u05d1\u05d2                 \u05d3\u05d4\u05d5  07:53',
      '       1 unread',
    ],
  )
  for (const cols of [1, 2, 5, 20, 60]) {
    const letters = (text: string): string => text.replaceAll(/[^a-z0-9]/gu, '')
    t.is(letters(entry(cols).map(plainText).join('')), letters(entry(200).map(plainText).join('')))
  }
  t.is(
    entry(60)[1]
      ?.map(({ text }) => text)
      .join(''),
    '       you: a text that needs a row and more of its own',
  )
})

test('every summary of !help stands in its column, whatever the command takes', async (t) => {
  const { app, front } = fakeApp({})
  await runLine(app, '!help all')
  for (const { summary } of COMMANDS) {
    t.true(
      front.said.some((line) => line.indexOf(summary) === 26),
      summary,
    )
  }
})

test('!help fits a small window; a topic is a table of what the page names, every command is of one', async (t) => {
  const { app, front } = fakeApp({})
  await runLine(app, '!help')
  t.true(
    listing(
      '*',
      front.said.map((line) => line.slice(2)),
    )(80).length <= 23,
  )
  const seen: string[] = []
  for (const topic of Object.values(TOPICS)) {
    t.false(
      COMMANDS.some(({ name, aliases }) => name === topic || aliases?.includes(topic)),
      topic,
    )
    front.said.length = 0
    t.is(await runLine(app, `!help ${topic}`), null)
    seen.push(...front.said.flatMap((line) => /^\* !(\w+)/.exec(line)?.[1] ?? []))
  }
  t.deepEqual(seen.sort(), COMMANDS.map(({ name }) => name).sort())
})

test('who has just signed up is told what to type first, where somebody looks, and once', async (t) => {
  const { session } = fakeApp({}).app
  const register = (): unknown => Promise.resolve({ session, recoveryCode: '' })
  for (const registration of ['open', 'invite', null] as const) {
    const { app, front } = fakeApp(null)
    front.attended = registration !== null
    const server = { registration: registration ?? 'open' }
    app.lobby = () => Promise.resolve({ server, register } as unknown as Unauthenticated)
    await finishRegistration(app, {
      ...{ username: 'bob', password: '', displayName: '', invite: '', email: '' },
      confirmCode: () => undefined,
    })
    const said = front.said.join('\n')
    t.regex(said, /^\* Welcome, bob\./)
    for (const words of ['@carl hello', '!whoami', '!verify carl', '!help;']) {
      t.is(said.includes(words), registration !== null, words)
    }
    t.is(said.includes('invitation'), registration === 'invite')
    t.true(front.said.every((line) => line.length < 80))
  }
})

test('a short word is not taken for another short word', (t) => {
  t.is(nearest('foo', ['who', 'file']), undefined)
  t.is(nearest('woh', ['who', 'file']), undefined)
  t.is(nearest('whoo', ['who', 'file']), 'who')
  t.is(nearest('prot', ['port']), 'port')
})
