// Typed lines, through the command table, to the session.
import test from 'ava'

import { COMMANDS } from '../../../lib/cli/client/commands.ts'
import { runLine } from '../../../lib/cli/client/dispatch.ts'
import type { Forms } from '../../../lib/cli/client/front.ts'
import type { AccountActions } from '../../../lib/client/account-api.ts'
import type { ChatRequest } from '../../../lib/client/api.ts'
import type { MessageView } from '../../../lib/client/events.ts'
import type { Groups } from '../../../lib/client/group-api.ts'
import type { Life } from '../../../lib/client/life-api.ts'
import { SecureChatError } from '../../../lib/util/errors.ts'
import { ALICE, fakeApp, OFFER, TEAM } from '../../helpers/fake-front.ts'

const SAID: MessageView = {
  ...{ number: 9, mid: 'aa', conv: 'c0', chat: 'alice', from: 'alice', acct: 'aa', own: false },
  ...{ ts: 0, at: 0, saidAt: 0, timeDoubtful: false, resent: false },
  body: { kind: 'text', text: 'hello' },
}
const sent = { mid: 'm', number: 1, chat: 'alice', conv: 'c', state: 'queued' } as const

test('@alice hello is sent, word for word', async (t) => {
  const calls: string[][] = []
  const { app } = fakeApp({
    send: (to, text) => {
      calls.push([to, text])
      return Promise.resolve(sent)
    },
  })
  t.is(await runLine(app, '@Alice hello  there\n!quit'), null)
  t.deepEqual(calls, [['alice', 'hello  there\n!quit']])
})

test('whoever answers on a screen has read what was said before; a pipe has not', async (t) => {
  const read: string[] = []
  const { app, front } = fakeApp({
    send: () => Promise.resolve(sent),
    markRead: (chat) => {
      read.push(chat)
      return Promise.resolve()
    },
    life: { reply: () => Promise.resolve({ ...sent, chat: '#team' }) } as unknown as Life,
  })
  await runLine(app, '@alice hi')
  t.deepEqual(read, [])
  front.attended = true
  await runLine(app, '@alice hi')
  await runLine(app, '!reply 3 yes')
  t.deepEqual(read, ['alice', '#team'])
})

test('a message that waits is told as "later", one that failed by its reason', (t) => {
  const { app, emit } = fakeApp({})
  const told = { type: 'message-state', number: 1, mid: 'm', chat: 'alice' } as const
  t.is(app.undelivered, 0)
  emit({ ...told, state: 'held', code: 'E_STATE', reason: 'not accepted yet' })
  t.is(app.undelivered, 75)
  emit({ ...told, state: 'failed', code: 'E_AUTH', reason: 'refused' })
  t.is(app.undelivered, 77)
  emit({ ...told, state: 'accepted' })
  t.is(app.undelivered, 0)
})

test('before login every command that needs one says what to type', async (t) => {
  const { app, front } = fakeApp(null)
  const needing = COMMANDS.filter((c) => c.needs === 'login').map((c) => c.example)
  for (const line of ['@alice hi', 'hello', ...needing]) {
    t.like(await runLine(app, line), { code: 'E_NOT_LOGGED_IN' }, line)
  }
  t.true(front.said.every((s) => s.includes('!login') && s.includes('!register')))
})

test('wrong words lose nothing: a sentence, and the line is given back', async (t) => {
  const { app, front } = fakeApp({})
  for (const line of [
    'hello',
    '@',
    '@alice',
    '!hlep',
    '!re',
    '!file alice',
    '!file alice a b',
    '!file alice "x',
    '!accept x1',
    '!verify alice no',
    '!wait soon',
    '!help nonsense',
    '!unblock',
    '!cancel x',
    '!history alice 0',
  ]) {
    t.like(await runLine(app, line), { code: 'E_USAGE' }, line)
    t.is(front.back, line)
  }
})

test('an unknown user is a sentence; the text is kept', async (t) => {
  const { app, front } = fakeApp({
    send: () => Promise.reject(new SecureChatError('E_NOT_FOUND', 'No user called @alcie.')),
  })
  await runLine(app, '@alcie hi')
  t.deepEqual(front.said, ['! No user called @alcie.'])
  t.is(front.back, '@alcie hi')
})

test('an unexpected failure is shown without its inside', async (t) => {
  const { app, front } = fakeApp({ send: () => Promise.reject(new Error('secret detail')) })
  t.like(await runLine(app, '@alice hi'), { code: 'E_INTERNAL' })
  t.false(front.said.join().includes('secret detail'))
})

test('two offers wait side by side and are answered in either order', async (t) => {
  const accepted: number[] = []
  const declined: number[] = []
  const { app, front, emit } = fakeApp({
    accept: (n) => {
      accepted.push(n)
      return Promise.resolve({ ...OFFER, number: n })
    },
    decline: (n) => {
      declined.push(n)
      return Promise.resolve({ ...OFFER, number: n })
    },
    files: () => Promise.resolve([OFFER, { ...OFFER, number: 4 }]),
  })
  emit({ type: 'file-offer', offer: OFFER })
  emit({ type: 'file-offer', offer: { ...OFFER, number: 4, name: 'run.sh' } })
  t.is(front.questions.length, 2)
  t.true(front.questions[1]?.text.includes('PROGRAM'))
  t.like(await runLine(app, '!accept'), { code: 'E_USAGE' }) // which of the two?
  await runLine(app, '!accept 4')
  await runLine(app, '!decline 3')
  t.deepEqual([accepted, declined], [[4], [3]])
  t.true(front.questions.every((q) => !q.open))
})

test('a question answered on the prompt does the same as the command', async (t) => {
  const answered = new Promise<number>((resolve) => {
    const { front, emit } = fakeApp({
      accept: (n) => {
        resolve(n)
        return Promise.resolve(OFFER)
      },
    })
    emit({ type: 'file-offer', offer: OFFER })
    front.questions[0]?.answer(true)
  })
  t.is(await answered, 3)
})

test('a question that was answered by other means stands no longer', (t) => {
  const asked = { user: 'alice', note: '', at: 0 }
  let waiting: ChatRequest[] = [
    { ...asked, number: 4 },
    { ...asked, number: 5, group: { ...TEAM, standing: 'pending' } },
  ]
  const { front, emit } = fakeApp({ requests: () => waiting })
  const body = { kind: 'request', request: 4, note: 'may I?' } as const
  emit({ type: 'message', message: { ...SAID, body }, fills: false })
  const group = { type: 'group', changes: [], by: 'alice', own: false } as const
  emit({ ...group, group: { ...TEAM, standing: 'pending' } })
  emit({ type: 'file-offer', offer: OFFER })
  const open = (): boolean[] => front.questions.map((each) => each.open)
  t.deepEqual(open(), [true, true, true])
  waiting = waiting.slice(1) // writing back is accepting
  emit({ type: 'contact', change: 'accepted', contact: ALICE })
  t.deepEqual(open(), [false, true, true])
  waiting = []
  emit({ ...group, group: TEAM }) // accepted on another device
  t.deepEqual(open(), [false, false, true])
})

test('chat mode: plain lines go to the open chat, !exit leaves it, then quits', async (t) => {
  const calls: string[][] = []
  const { app, front, quits } = fakeApp({
    send: (to, text) => {
      calls.push([to, text])
      return Promise.resolve(sent)
    },
    life: { contactOf: () => Promise.resolve(ALICE) } as unknown as Life,
    history: () => Promise.resolve([]),
    markRead: () => Promise.resolve(),
  })
  await runLine(app, '/chat alice')
  t.deepEqual(front.where, ['bob', 'alice'])
  await runLine(app, 'hello')
  await runLine(app, '!!important')
  await runLine(app, '@carol hi')
  t.deepEqual(calls, [
    ['alice', 'hello'],
    ['alice', '!important'],
    ['carol', 'hi'],
  ])
  await runLine(app, '!exit')
  t.deepEqual([front.where[1], quits.length], [null, 0])
  await runLine(app, '/exit')
  t.is(quits.length, 1)
})

test('the open chat stays open when the other side takes a new name', async (t) => {
  const read: string[] = []
  const life = { contactOf: () => Promise.resolve(ALICE), isMuted: () => true }
  const { app, front, emit } = fakeApp({
    life: { ...life, choice: () => 'on' } as unknown as Life,
    history: () => Promise.resolve([]),
    unread: () => Promise.resolve([]),
    markRead: (chat) => {
      read.push(chat)
      return Promise.resolve()
    },
  })
  await runLine(app, '!chat alice')
  const contact = { ...ALICE, user: 'alicia', formerNames: ['alice'] }
  emit({ type: 'contact', change: 'renamed', contact, other: 'alice' })
  t.deepEqual(front.where, ['bob', 'alicia'])
  emit({ type: 'message', message: { ...SAID, chat: 'alicia', from: 'alicia' }, fills: false })
  t.is(front.said.at(-1), 'alicia: hello')
  t.deepEqual(read, ['alice', 'alicia'])
})

test('the end of a session closes its questions and its chat', (t) => {
  const { app, front, emit } = fakeApp({})
  emit({ type: 'file-offer', offer: OFFER })
  emit({
    type: 'forced-logout',
    code: 'E_REPLACED',
    text: 'Another session started with this account. Forced to log out.',
  })
  t.is(app.session, null)
  t.false(front.questions[0]?.open ?? true)
  t.true(front.said.includes('! Another session started with this account. Forced to log out.'))
})

test('!help lists every command and explains each', async (t) => {
  const { app, front } = fakeApp(null)
  await runLine(app, '!help')
  const all = front.said.join('\n')
  for (const { name } of COMMANDS) t.true(all.includes(`!${name}`), name)
  for (const { name, example } of COMMANDS) {
    front.said.length = 0
    await runLine(app, `!help ${name}`)
    t.true(front.said.join('\n').includes(example), name)
  }
})

test('every example in the table is one that its command understands', async (t) => {
  for (const { name, example } of COMMANDS) {
    const { app, front } = fakeApp({
      groups: { list: () => [TEAM] } as unknown as Groups,
      account: { devices: () => [{ number: 2, isThis: false }] } as unknown as AccountActions,
      blocked: () => [ALICE, { ...ALICE, user: 'bob' }],
      files: () => Promise.resolve([OFFER]),
    })
    front.forms = { confirm: () => Promise.resolve(false) } as unknown as Forms
    // what the session would do is not here: only the words count
    const line = name === 'block' ? example.replace('bob', 'dave') : example
    const error = await runLine(app, line)
    t.not(error?.code, 'E_USAGE', `${line}: ${error?.message ?? ''}`)
    t.is(error?.code === 'E_NOT_FOUND' ? error.message : null, null, line)
  }
})

test('every example in the table names its own command, and no name is taken twice', (t) => {
  for (const { name, example } of COMMANDS) {
    t.regex(example, new RegExp(`^!${name}( |$)`))
  }
  const names = COMMANDS.flatMap((c) => [c.name, ...(c.aliases ?? [])])
  t.is(new Set(names).size, names.length)
})

test('hostile names in events reach no front raw', (t) => {
  const { front, emit } = fakeApp({})
  const hostile = 'a\u001b]0;x\u0007\u202etxt.exe'
  emit({ type: 'file-offer', offer: { ...OFFER, name: hostile } })
  emit({ type: 'file-done', offer: { ...OFFER, name: hostile, path: `/d/${hostile}` } })
  emit({ type: 'contact', change: 'new', contact: { ...ALICE, displayName: hostile } })
  emit({ type: 'notice', level: 'warning', code: null, text: hostile })
  const shown = [...front.said, ...front.questions.map((q) => q.text)].join('\n')
  t.notRegex(shown, /(?!\n)\p{Cc}|\u202e/u)
})
