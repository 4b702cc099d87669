// What helps at the prompt: what is unread elsewhere, Tab for numbers and words, and a second look at what is probably a slip.
import test from 'ava'

import type { ChatInfo } from '../../../lib/client/api.ts'
import type { MessageView, Offer } from '../../../lib/client/events.ts'
import { candidates } from '../../../lib/cli/client/candidates.ts'
import { runLine } from '../../../lib/cli/client/dispatch.ts'
import { ScreenFront } from '../../../lib/cli/client/screen-front.ts'
import { Prompts } from '../../../lib/cli/prompts.ts'
import { doubtAbout } from '../../../lib/cli/client/doubt.ts'
import { UnreadCount, unreadOf, unreadWords } from '../../../lib/cli/client/unread.ts'
import { SecureChatError } from '../../../lib/util/errors.ts'
import { ALICE, fakeApp, OFFER, TEAM } from '../../helpers/fake-front.ts'
import { FakeTerminal, KEY } from './fake-terminal.ts'

function chatInfo(user: string, number: number, unread: number, mutedUntil = 0): ChatInfo {
  const state = { conv: user, number, user, notes: false, mutedUntil, timerSeconds: 0 }
  const contact = { ...ALICE, user }
  return { conv: user, contact, notes: false, unread, last: null, state }
}

const CHATS: readonly ChatInfo[] = [
  chatInfo('alice', 1, 2),
  chatInfo('bob', 2, 0),
  { ...chatInfo('x', 3, 1), contact: null, group: { ...TEAM, number: 3 } },
  chatInfo('loud', 4, 50, 9e15),
  chatInfo('dora', 5, 999),
]

test('unread: elsewhere, in the order of the list, without what is muted', (t) => {
  t.is(unreadWords(unreadOf(CHATS, null)), 'alice 2, #team 1, dora 999+')
  t.is(unreadWords(unreadOf(CHATS, 'alice')), '#team 1, dora 999+')
  t.is(unreadWords(unreadOf(CHATS, null), 1), 'alice 2 and 2 more')
  t.is(unreadWords([]), '')
})

test('a burst is one count; a session that is gone shows nothing', async (t) => {
  const { app } = fakeApp({ chats: () => Promise.resolve((counts++, CHATS)) })
  let counts = 0
  const shown: number[] = []
  const x = new FakeTerminal()
  const unread = new UnreadCount({
    clock: x.clock,
    session: () => app.session,
    openChat: () => null,
    show: (list) => shown.push(list.length),
  })
  for (let i = 0; i < 100; i++) unread.changed()
  await x.advance(1000)
  t.deepEqual([counts, shown], [1, [3]])
  if (app.session !== null) app.leave(app.session)
  unread.changed()
  await x.advance(1000)
  t.deepEqual(shown, [3, 0])
  unread.changed()
  unread.stop()
  t.is(x.clock.pending, 0)
})

test('!next opens the first chat with something unread, and says when there is none', async (t) => {
  const { app, front } = fakeApp({
    chats: () => Promise.resolve(CHATS.slice(1, 2)),
  })
  await runLine(app, '!next')
  t.deepEqual(front.said, ['* Nothing else is unread.'])
  const opened: string[] = []
  const some = fakeApp({
    chats: () => Promise.resolve(CHATS),
    history: () => Promise.resolve([]),
    markRead: (chat) => Promise.resolve(void opened.push(chat)),
    life: {
      chatOf: () => Promise.resolve(chatInfo('alice', 1, 2).state),
      contactOf: () => Promise.resolve(ALICE),
    } as never,
  })
  await runLine(some.app, '!next')
  t.deepEqual(opened, ['alice'])
})

test('Alt-A asks for the next one, but never with words on the line', async (t) => {
  let asked = 0
  const x = new FakeTerminal({ onNext: () => asked++ })
  await x.type(KEY.alt('a'))
  t.is(asked, 1)
  await x.type(`half a line${KEY.alt('a')}`)
  t.is(asked, 1)
  t.regex(x.screen(), /me > half a line$/u)
})

const own = (number: number, isOwn: boolean): MessageView =>
  ({ number, own: isOwn }) as unknown as MessageView

test('Tab knows the numbers that a command can be about', async (t) => {
  const files: Offer[] = [
    { ...OFFER, number: 3 },
    { ...OFFER, number: 4, state: 'running' },
    { ...OFFER, number: 5, state: 'paused', direction: 'out' },
    { ...OFFER, number: 6, state: 'done' },
  ]
  const { app } = fakeApp({
    files: () => Promise.resolve(files),
    requests: () => [{ number: 9, user: 'carol', note: '', at: 0 }],
    history: () => Promise.resolve([own(11, false), own(12, true)]),
    contacts: () => [ALICE],
    account: {
      devices: () => [
        { number: 1, isThis: true },
        { number: 2, isThis: false },
      ],
    } as never,
  })
  app.openChat('alice')
  const tab = async (line: string): Promise<readonly string[]> =>
    (await candidates(app, line, line.length)).items.map((item) => item.trim())
  t.deepEqual(await tab('!accept '), ['3', '9'])
  t.deepEqual(await tab('!accept al'), ['alice'])
  t.deepEqual(await tab('!decline 9'), ['9'])
  t.deepEqual(await tab('!cancel '), ['3', '4', '5'])
  t.deepEqual(await tab('!pause '), ['3', '4'])
  t.deepEqual(await tab('!resume '), ['5'])
  t.deepEqual(await tab('!reply 1'), ['11', '12'])
  t.deepEqual(await tab('!edit '), ['12'])
  t.deepEqual(await tab('!edit 12 '), [])
  t.deepEqual(await tab('!devices revoke '), ['2'])
  t.deepEqual(await tab('!set req'), ['requests'])
  t.deepEqual(await tab('!set requests s'), ['soft', 'strict'])
  t.deepEqual(await tab('!set notify c'), ['content'])
  t.deepEqual(await tab('!verify alice '), ['ok'])
  t.deepEqual(await tab('!help ver'), ['verify'])
})

test('a command without its mark is doubted in an open chat, everyday words and sentences are not', (t) => {
  for (const line of ['quit', ' Quit ', '1quit', 'help', 'logout', '1file', 'EXIT']) {
    t.regex(doubtAbout(line, 'alice') ?? '', /^Did you mean !\w+\?/u, line)
  }
  for (const line of [
    'file',
    'who',
    'quit it',
    'hello',
    '!quit',
    ' !quit',
    '@alice quit',
    'ok',
    '',
  ]) {
    t.is(doubtAbout(line, 'alice'), null, line)
  }
  t.is(doubtAbout('quit', null), null)
})

test('a blank before a command is a slip, not a message', async (t) => {
  const { app, quits } = fakeApp({ send: () => t.fail() })
  app.openChat('alice')
  await runLine(app, '  !quit')
  t.is(quits.length, 1)
})

test('a doubted line is sent by a second Enter only; any other key begins anew', async (t) => {
  const x = new FakeTerminal({ doubt: (line) => (line === 'quit' ? 'Did you mean !quit?' : null) })
  await x.type(`quit${KEY.enter}`)
  t.deepEqual(x.lines, [])
  t.regex(x.screen(), /Did you mean !quit\?\nme > quit$/u)
  await x.type(KEY.left)
  await x.type(KEY.enter)
  t.deepEqual(x.lines, [])
  await x.type(KEY.enter)
  t.deepEqual(x.lines, ['quit'])
  t.notRegex(x.screen(), /Did you/u)
  await x.type(`quit${KEY.enter}${KEY.ctrl('c')}`)
  t.deepEqual(x.lines, ['quit'])
})

test('a backslash at the very end goes on below; two are two', async (t) => {
  const x = new FakeTerminal()
  await x.type(`@bob one\\${KEY.enter}two`)
  t.deepEqual(x.lines, [])
  await x.type(KEY.enter)
  t.deepEqual(x.lines, ['@bob one\ntwo'])
  await x.type(`C:\\\\${KEY.enter}`)
  t.is(x.lines.at(-1), 'C:\\\\')
  await x.type(`a\\${KEY.left}${KEY.enter}`)
  t.is(x.lines.at(-1), 'a\\')
})

test('ten pasted lines are one Enter, eleven are two', async (t) => {
  const x = new FakeTerminal({ cols: 80, rows: 20 })
  const text = (n: number): string => Array.from({ length: n }, (_, i) => `l${i}`).join('\n')
  await x.paste(text(10))
  await x.type(KEY.enter)
  t.is(x.lines.length, 1)
  await x.paste(text(11))
  await x.type(KEY.enter)
  t.is(x.lines.length, 1)
  t.regex(x.screen(), /11 lines: Enter again sends them as ONE message/u)
  await x.type(KEY.enter)
  t.is(x.lines.length, 2)
})

test('nobody of that name: the text is back, with the name that was probably meant', async (t) => {
  const { app, front } = fakeApp({
    contacts: () => [ALICE],
    send: () => Promise.reject(new SecureChatError('E_NOT_FOUND', 'No user called @alcie.')),
  })
  t.is((await runLine(app, '@alcie hello'))?.code, 'E_NOT_FOUND')
  t.is(front.said.at(-1), '! No user called @alcie. Did you mean @alice?')
  t.is(front.back, '@alcie hello')
})

test('what was typed before the prompt stood is on it, and answers no question', async (t) => {
  const answers: unknown[] = []
  const x = new FakeTerminal({ idle: true, quietMs: 600 })
  x.ui.setPrompt('me > ')
  void x.ui.ask({ text: 'Accept?' }).answer.then((answer) => answers.push(answer))
  x.ui.typedAhead(`y${KEY.enter}@bob hel`)
  x.ui.start()
  await x.settled()
  t.deepEqual([x.lines, answers], [['y'], []])
  t.regex(x.screen(), /me > @bob hel$/u)
  x.ui.typedAhead('later')
  await x.type('lo')
  t.regex(x.screen(), /me > @bob hello$/u)
})

test('nothing is printed onto a question of a form: rows wait for its answer', async (t) => {
  const x = new FakeTerminal({ idle: true })
  const prompts = new Prompts({ tty: x.tty, output: x.output, theme: x.theme })
  const front = new ScreenFront(x.ui, prompts, x.clock)
  const form = front.form(async () => {
    front.row('*', 'before')
    await front.forms?.password({ message: 'Password:' })
    front.row('*', 'after')
  })
  while (!x.screen().includes('Password:')) await x.settled()
  front.row('*', 'Generating keys')
  await x.settled()
  t.regex(x.screen(), /^\* before\n\? Password:\s*$/u)
  await x.type(`x${KEY.enter}`)
  await form
  await x.settled()
  t.regex(x.screen(), /\* Generating keys\n\* after$/u)
})
