// Commands about one message and about chats, and how their outcome is worded.
import test from 'ava'

import type { ChatInfo } from '../../../lib/client/api.ts'
import type { ClientEvent, ContactInfo, MessageView } from '../../../lib/client/events.ts'
import type { ChatState, Life, SearchHit } from '../../../lib/client/life-api.ts'
import { runLine } from '../../../lib/cli/client/dispatch.ts'
import { emojiOf } from '../../../lib/cli/client/emoji.ts'
import { LineFront } from '../../../lib/cli/client/lines.ts'
import { changeWords, notesOf } from '../../../lib/cli/client/message-text.ts'
import { splitText } from '../../../lib/cli/client/parse.ts'
import { parseDate, spanWords } from '../../../lib/cli/client/when.ts'
import { parseSpan } from '../../../lib/util/span.ts'
import { ALICE, fakeApp, type FakeApp } from '../../helpers/fake-front.ts'
import { PassThrough } from 'node:stream'

const VIEW: MessageView = {
  ...{ number: 12, mid: 'aa', conv: 'c0', chat: 'alice', from: 'alice', acct: 'aa', own: false },
  ...{
    ts: 0,
    at: 0,
    saidAt: 0,
    timeDoubtful: false,
    body: { kind: 'text', text: 'hello' },
    resent: false,
  },
}
const STATE: ChatState = {
  ...{ conv: 'c0', number: 3, user: 'alice', notes: false, mutedUntil: 0, timerSeconds: 0 },
}
const SENT = { mid: 'm', number: 13, chat: 'alice', conv: 'c0', state: 'queued' } as const

function appWith(life: Partial<Life>, session: object = {}): FakeApp {
  const base = { isMuted: () => false, choice: () => 'on', shown: () => Promise.resolve() }
  return fakeApp({ ...session, life: { ...base, ...life } as Life })
}

test('texts are taken as they were typed, quotes and all', async (t) => {
  const calls: unknown[][] = []
  const { app } = appWith({
    reply: (...args) => {
      calls.push(args)
      return Promise.resolve(SENT)
    },
    edit: (...args) => {
      calls.push(args)
      return Promise.resolve(VIEW)
    },
  })
  t.is(await runLine(app, "!reply 12 it's  fine"), null)
  t.is(await runLine(app, '!edit ~12 "quoted" \\ text'), null)
  t.deepEqual(calls, [
    [12, "it's  fine"],
    [12, '"quoted" \\ text'],
  ])
  t.deepEqual(splitText(' a  b c ', 2), ['a', 'b c'])
  t.deepEqual(splitText('', 2), [])
})

test('reactions by name, on and off', async (t) => {
  const calls: unknown[][] = []
  const { app } = appWith({
    react: (...args) => {
      calls.push(args)
      return Promise.resolve(VIEW)
    },
  })
  await runLine(app, '!react 12 :+1:')
  await runLine(app, '!react 12 \u{1F389} off')
  t.deepEqual(calls, [
    [12, '\u{1F44D}', true],
    [12, '\u{1F389}', false],
  ])
  t.is(emojiOf(':nobody-knows:'), ':nobody-knows:')
  t.is(emojiOf(':constructor:'), ':constructor:')
})

test('wrong words are given back with a sentence', async (t) => {
  const { app, front } = appWith({ chatOf: () => Promise.resolve(STATE) })
  for (const line of [
    '!reply',
    '!reply 12',
    '!reply x text',
    '!edit twelve text',
    '!del',
    '!del -1',
    '!react 12',
    '!react 12 + on',
    '!pin 12 on',
    '!info all',
    '!mute alice soon',
    '!history alice --since 2026-01-02 --until 2026-01-01',
    '!mute alice 0s',
    '!disappear alice',
    '!disappear alice never',
    '!delete alice maybe',
    '!delete alice', // nobody to ask in a pipe
    '!history alice --since',
    '!history alice --since 2026-13-01',
    '!history alice --until 2026-02-30',
    '!history',
    '!history alice 5 6',
    '!set colour blue',
    '!search',
    '!new',
  ]) {
    t.like(await runLine(app, line), { code: 'E_USAGE' }, line)
    t.is(front.back, line)
  }
})

test('what was done to a message is one short line', (t) => {
  const { front, emit } = fakeApp({})
  const base = { type: 'message-change', message: VIEW, was: VIEW.body, by: 'alice' } as const
  const events: ClientEvent[] = [
    { ...base, change: 'edited', own: false },
    { ...base, change: 'deleted', own: false },
    { ...base, change: 'reacted', own: true, emoji: '+' },
    { ...base, change: 'unreacted', own: false, emoji: '+' },
    { ...base, change: 'deleted', own: false, was: { kind: 'file', offer: 1, name: 'x', size: 1 } },
  ]
  for (const event of events) emit(event)
  t.deepEqual(front.said, [
    '~ 12 alice edited: hello',
    '~ 12 alice deleted it',
    '~ 12 you reacted: +',
    '~ 12 alice took back: +',
  ])
})

test('a muted chat is silent about changes, too, unless it is open or they are ours', (t) => {
  const { app, front, emit } = appWith({ isMuted: () => true })
  const event = {
    type: 'message-change',
    change: 'deleted',
    message: VIEW,
    was: VIEW.body,
  } as const
  emit({ ...event, by: 'alice', own: false })
  t.deepEqual(front.said, [])
  emit({ ...event, by: 'bob', own: true })
  app.openChat('alice', 'c0')
  emit({ ...event, by: 'alice', own: false })
  t.deepEqual(front.said, ['~ 12 you deleted it', '~ 12 alice deleted it'])
})

test('hostile words in changes, reactions and answers are inert', (t) => {
  const hostile = 'a\u001b]0;x\u0007\u202etxt\n* ours'
  const message: MessageView = {
    ...VIEW,
    body: { kind: 'text', text: hostile },
    reactions: [{ emoji: '\u001b[2J', from: ['alice'] }],
    answers: { number: 1, from: 'alice', body: { kind: 'text', text: hostile } },
  }
  const event = { type: 'message-change', change: 'edited', message, by: 'alice' } as const
  const { lines, front } = lineFront()
  front.message(message)
  front.past(message)
  const said = [
    ...lines(),
    changeWords({ ...event, was: message.body, own: false }),
    changeWords({ ...event, change: 'reacted', was: message.body, own: false, emoji: '\u0007' }),
    notesOf(message, false),
  ]
  for (const line of said) {
    t.notRegex(line, /\p{Cc}|\u202e/u, line)
    t.false(line.startsWith('* '), line)
  }
})

function lineFront(): { front: LineFront; lines: () => string[] } {
  const [output, errors] = [new PassThrough(), new PassThrough()]
  const front = new LineFront({ input: new PassThrough(), output, errors })
  return {
    front,
    lines: () => {
      const text = String(output.read() ?? '')
      return text.split('\n').slice(0, -1)
    },
  }
}

test('in a pipe: messages as ever, changes as ~, the past with numbers and dates', (t) => {
  const { front, lines } = lineFront()
  front.message(VIEW)
  front.row('~', '12 alice edited: bye')
  front.past({ ...VIEW, edited: true, reactions: [{ emoji: '+', from: ['bob', 'carol'] }] })
  front.past({ ...VIEW, number: 13, own: true, body: { kind: 'deleted', by: 'bob' } })
  const [live, change, past, notes, deleted] = lines()
  t.is(live, 'alice: hello')
  t.is(change, '~12 alice edited: bye')
  t.regex(past ?? '', /^12 \d{4}-\d\d-\d\d \d\d:\d\d alice: hello$/)
  t.is(notes, '   (edited) [+ bob, carol]')
  t.regex(deleted ?? '', /^13 \S+ \S+ me @alice: \[deleted\]$/)
})

test('chats by short ID, with what is special about each', async (t) => {
  const info = (state: Partial<ChatState>, more: Partial<ChatInfo> = {}): ChatInfo => ({
    ...{ conv: 'c0', contact: ALICE, notes: false, unread: 0, last: VIEW },
    state: { ...STATE, ...state },
    ...more,
  })
  const list = [
    info({ mutedUntil: Infinity, timerSeconds: 3600 }, { unread: 2 }),
    info({ number: 7, user: 'bob' }, { notes: true, contact: { ...ALICE, user: 'bob' } }),
  ]
  const { app, front } = appWith({}, { chats: () => Promise.resolve(list) })
  await runLine(app, '/listChats')
  t.regex(front.said[0] ?? '', /^\* {3}3 {2}alice .*2 unread, muted, vanishing after 1 hour$/)
  t.regex(front.said[1] ?? '', /^\* {3}7 {2}bob \(notes\)/)
  front.said.length = 0
  await runLine(app, '!unread')
  t.is(front.said.length, 2)
  t.true(front.said[1]?.includes('!chat 3'))
})

test('what is unread and not on the page that opens is shown, or it is said that it is there', async (t) => {
  const line = (number: number, more = {}): MessageView => ({ ...VIEW, number, ...more })
  const calls: string[] = []
  const page = [line(40), line(41)]
  const { app, front } = appWith(
    { contactOf: () => Promise.resolve(ALICE) },
    {
      history: () => Promise.resolve(page),
      unread: () => Promise.resolve([line(38), line(39), ...page, line(42, { before: 7 })]),
      markRead: () => Promise.resolve(void calls.push('read')),
    },
  )
  await runLine(app, '!chat alice')
  t.deepEqual(front.said.slice(1), [
    ...['40', 'alice: hello', '41', 'alice: hello'],
    '* Unread, and further up because of when it was written:',
    ...['42', 'alice: hello'],
    '* 2 more unread further up: !history alice COUNT',
  ])
  t.deepEqual(calls, ['read'])
})

test('!info names what a message answers', async (t) => {
  const answers = { number: 3, from: 'bob', body: { kind: 'text', text: 'lunch?' } } as const
  const { app, front } = appWith({
    info: () => Promise.resolve({ message: { ...VIEW, answers }, versions: [] }),
  })
  t.is(await runLine(app, '!info 12'), null)
  t.true(front.said.some((row) => /^\* {3}re 3 bob: .?lunch\?/u.test(row)))
})

test('what is not muted cannot be made loud', async (t) => {
  const { app } = appWith({ chatOf: () => Promise.resolve(STATE), mute: () => t.fail() })
  t.like(await runLine(app, '!mute alice off'), { code: 'E_STATE' })
})

test('a span of time that holds more than one answer says so', async (t) => {
  const views = Array.from({ length: 1000 }, (_, i) => ({ ...VIEW, number: i + 1 }))
  const { app, front } = appWith(
    { contactOf: () => Promise.resolve(ALICE) },
    { history: (_: string, { limit = 0 }) => Promise.resolve(views.slice(-limit)) },
  )
  await runLine(app, '!history alice --since 2026-01-01')
  t.regex(front.said.at(-1) ?? '', /^\* Only the newest 1000/)
  await runLine(app, '!history alice 3 --since 2026-01-01')
  t.is(front.said.at(-1), 'alice: hello')
})

test('the names of the TCP messenger do the same', async (t) => {
  const calls: string[] = []
  const { app, quits } = appWith(
    {
      chatOf: () => Promise.resolve(STATE),
      contactOf: () => Promise.resolve(ALICE),
      deleteChat: (chat) => {
        calls.push(`delete ${chat}`)
        return Promise.resolve()
      },
      request: (user, note) => {
        calls.push(`new ${user} ${note}`)
        return Promise.resolve(SENT)
      },
    },
    {
      history: () => Promise.resolve([VIEW]),
      markRead: () => {
        calls.push('read')
        return Promise.resolve()
      },
    },
  )
  await runLine(app, '/newChat alice it is me')
  await runLine(app, '/chat 3')
  t.is(app.chat, 'alice')
  await runLine(app, '/deleteChat 3 yes')
  t.is(app.chat, null)
  await runLine(app, '/quit')
  t.deepEqual(calls, ['new alice it is me', 'read', 'delete alice'])
  t.is(quits.length, 1)
})

test('a request is declined by the name of who asked', async (t) => {
  const calls: number[] = []
  const request = { number: 4, user: 'carol', note: '', at: 0 }
  const { app } = appWith(
    {},
    {
      requests: () => [request],
      decline: (number: number) => {
        calls.push(number)
        return Promise.resolve(request)
      },
      markRead: () => Promise.resolve(),
    },
  )
  t.is(await runLine(app, '!decline @carol'), null)
  t.like(await runLine(app, '!decline dave'), { code: 'E_NOT_FOUND' })
  t.deepEqual(calls, [4])
})

test('who wrote without asking first is listed, and cannot be declined', async (t) => {
  const stranger: ContactInfo = { ...ALICE, user: 'dave', accepted: false, waitsFor: 'us' }
  const info: ChatInfo = {
    ...{ conv: 'c0', contact: stranger, notes: false, unread: 1, last: VIEW, state: STATE },
  }
  const unseen: ChatInfo = { ...info, contact: { ...stranger, user: 'erin' }, last: null }
  const { app, front } = appWith({}, { chats: () => Promise.resolve([info, unseen]) })
  t.is(await runLine(app, '!requests'), null)
  t.deepEqual(front.said, [
    '*      @dave has written: an answer or !accept dave accepts, !block dave ends it',
  ])
  t.like(await runLine(app, '!decline dave'), { code: 'E_STATE' })
  t.like(await runLine(app, '!decline erin'), { code: 'E_NOT_FOUND' })
  t.like(await runLine(app, '!accept'), { code: 'E_USAGE' })
  t.regex(front.said.at(-1) ?? '', /!accept dave, or !block dave/)
})

test('@me writes notes', async (t) => {
  const calls: string[][] = []
  const { app } = appWith(
    {},
    {
      send: (...args: string[]) => {
        calls.push(args)
        return Promise.resolve(SENT)
      },
    },
  )
  await runLine(app, '@me remember the milk')
  await runLine(app, '@notes and the bread')
  t.deepEqual(calls, [
    ['bob', 'remember the milk'],
    ['bob', 'and the bread'],
  ])
})

test('a muted chat is silent unless it is open', (t) => {
  const { app, front, emit } = appWith(
    { isMuted: () => true },
    { markRead: () => Promise.resolve() },
  )
  emit({ type: 'message', message: VIEW, fills: false })
  t.deepEqual(front.said, [])
  app.openChat('alice')
  emit({ type: 'message', message: VIEW, fills: false })
  t.deepEqual(front.said, ['alice: hello'])
})

test('search takes a chat behind the words, and shows the lines around', async (t) => {
  const calls: unknown[] = []
  const { app, front } = appWith({
    search: (text, query) => {
      calls.push([text, query?.chat])
      return Promise.resolve([{ message: VIEW, before: [], after: [{ ...VIEW, number: 13 }] }])
    },
  })
  await runLine(app, "!search it's late @alice")
  await runLine(app, '!search late in:3')
  await runLine(app, '!search @alice')
  t.deepEqual(calls, [
    ["it's late", '@alice'],
    ['late', '3'],
    ['@alice', undefined],
  ])
  t.deepEqual(front.said.slice(1, 5), ['12', 'alice: hello', '13', 'alice: hello'])
})

test('hits that stand together are one passage', async (t) => {
  const line = (number: number): MessageView => ({ ...VIEW, number })
  const hit = (number: number): SearchHit => ({
    ...{ message: line(number), before: [line(number - 1)], after: [line(number + 1)] },
  })
  const { app, front } = appWith({ search: () => Promise.resolve([hit(30), hit(13), hit(12)]) })
  await runLine(app, '!search hello')
  t.deepEqual(
    front.said.filter((row) => /^(-|\d)/.test(row)).map((row) => row.slice(0, 2)),
    ['- ', '11', '12', '13', '14', '- ', '29', '30', '31'],
  )
})

test('history by count, by ID, by days', async (t) => {
  const calls: unknown[] = []
  const { app } = appWith(
    { contactOf: () => Promise.resolve(ALICE), chatOf: () => Promise.resolve(STATE) },
    {
      history: (...args: unknown[]) => {
        calls.push(args)
        return Promise.resolve([VIEW])
      },
    },
  )
  await runLine(app, '!history 3 100')
  await runLine(app, '!history alice --since 1970-01-02 --until 1970-01-03')
  app.openChat('alice')
  await runLine(app, '!history 7')
  const midnight = (day: number): number => new Date(1970, 0, day).getTime()
  t.deepEqual(calls, [
    ['alice', { limit: 100 }],
    ['alice', { limit: 1000, since: midnight(2), until: midnight(4) }],
    ['alice', { limit: 7 }],
  ])
})

test('spans and dates', (t) => {
  t.deepEqual(['90s', '5m', '1h', '2D', '1w', 'off', '1', '-1h', '1y'].map(parseSpan), [
    90,
    300,
    3600,
    172_800,
    604_800,
    null,
    null,
    null,
    null,
  ])
  t.deepEqual([5, 3600, 7200, 86_400, 604_800].map(spanWords), [
    '5 seconds',
    '1 hour',
    '2 hours',
    '1 day',
    '1 week',
  ])
  const now = new Date(2026, 10, 20, 15).getTime()
  t.is(parseDate('today', now), new Date(2026, 10, 20).getTime())
  t.is(parseDate('yesterday', now, true), new Date(2026, 10, 20).getTime())
  t.is(parseDate('2h', now), now - 7_200_000)
  t.is(parseDate('2026-11-19T12:30', now), new Date(2026, 10, 19, 12, 30).getTime())
  t.throws(() => parseDate('19.11.2026', now), { code: 'E_USAGE' })
})
