// What is shown of groups: rows, changes, invitations, lists, in a window and in a pipe; and that no name of theirs gets raw
// to a terminal.
import { PassThrough } from 'node:stream'

import test from 'ava'

import { groupChanges } from '../../../lib/cli/client/chat-words.ts'
import { runLine } from '../../../lib/cli/client/dispatch.ts'
import { exportLines, jsonLine } from '../../../lib/cli/client/export-format.ts'
import { LineFront } from '../../../lib/cli/client/lines.ts'
import { bodyWords, changeWords, notesOf, preview } from '../../../lib/cli/client/message-text.ts'
import { notice, plainText } from '../../../lib/cli/client/rows.ts'
import { ScreenFront } from '../../../lib/cli/client/screen-front.ts'
import type { ChatInfo, ChatRequest } from '../../../lib/client/api.ts'
import type { ClientEvent, MessageView } from '../../../lib/client/events.ts'
import type { GroupChange, GroupInfo, Groups } from '../../../lib/client/group-api.ts'
import type { Life, MessageInfo } from '../../../lib/client/life-api.ts'
import { HOSTILE_TEXTS } from '../../fixtures/hostile-text.ts'
import { fakeApp, OFFER, TEAM } from '../../helpers/fake-front.ts'
import { FakeTerminal } from './fake-terminal.ts'

const VIEW: MessageView = {
  ...{ number: 12, mid: 'aa', conv: 'g0', chat: '#team', from: 'alice', acct: 'aa', own: false },
  ...{
    ts: 0,
    at: 0,
    saidAt: 0,
    timeDoubtful: false,
    body: { kind: 'text', text: 'hello' },
    resent: false,
  },
}
const OWN: MessageView = { ...VIEW, number: 13, from: 'bob', own: true, state: 'delivered' }
const ADDED: MessageView = {
  ...VIEW,
  body: { kind: 'group', by: 'alice', changes: [{ what: 'added', users: ['carol'] }] },
}
const groupEvent = (
  changes: readonly GroupChange[],
  more: Partial<Extract<ClientEvent, { type: 'group' }>> = {},
): ClientEvent => ({ type: 'group', group: TEAM, changes, by: 'alice', own: false, ...more })

function lineFront(): { front: LineFront; lines: () => string[] } {
  const [output, errors] = [new PassThrough(), new PassThrough()]
  const front = new LineFront({ input: new PassThrough(), output, errors })
  return {
    front,
    lines: () =>
      String(output.read() ?? '')
        .split('\n')
        .slice(0, -1),
  }
}

function screenFront(): { x: FakeTerminal; front: ScreenFront } {
  const x = new FakeTerminal({ cols: 70, rows: 12 })
  const prompts = { form: () => Promise.reject(new Error('no form in this test')) }
  return { x, front: new ScreenFront(x.ui, prompts, x.clock) }
}

const untimed = (text: string): string => text.replace(/\d\d:\d\d/g, 'HH:MM')

test('in a window: the group stands before who speaks, and in the prompt', async (t) => {
  const { x, front } = screenFront()
  front.place('bob', '#team')
  front.message(VIEW, false)
  front.message({ ...OWN, state: 'queued' }, false)
  front.past({ ...OWN, delivery: { delivered: 3, read: 2, of: 5 } })
  front.past(ADDED)
  await x.settled()
  const rows = untimed(x.screen())
    .split('\n')
    .filter((row) => !row.startsWith('- '))
  t.deepEqual(rows, [
    'HH:MM    12 #team alice: hello',
    'HH:MM .. 13 me #team: hello',
    'HH:MM \u2713\u2713 13 me #team: hello (delivered 3/5, read 2)',
    '* #team: alice added carol.',
    'bob #team >',
  ])
})

test('late receipts of a group are summed up, and promise not too much', async (t) => {
  const { x, front } = screenFront()
  front.past(OWN)
  x.ui.clear()
  front.messageState(13, 'delivered')
  await x.advance(5000)
  t.regex(x.screen(), /^\* Somebody in #team has your message of \d\d:\d\d$/m)
})

test('what was read while its row was out of reach is told as well, once', async (t) => {
  const { x, front } = screenFront()
  for (const number of [13, 14, 15]) front.past({ ...OWN, number, chat: 'alice', state: 'sent' })
  front.past({ ...OWN, number: 16 })
  await x.settled()
  x.ui.clear()
  for (const number of [13, 14, 15]) front.messageState(number, 'delivered')
  for (const number of [13, 14, 16]) front.messageState(number, 'read')
  await x.advance(5000)
  const rows = untimed(x.screen()).split('\n')
  t.deepEqual(
    rows.filter((row) => row.startsWith('* ')),
    [
      '* @alice has read your 2 messages since HH:MM',
      '* @alice has your message of HH:MM',
      '* All in #team have read your message of HH:MM',
    ],
  )
})

test('in a pipe: the group before the speaker, changes as rows of ours', (t) => {
  const { front, lines } = lineFront()
  front.message(VIEW)
  front.message({ ...VIEW, answers: { number: 3, from: 'carol', body: VIEW.body } })
  front.message({ ...VIEW, body: { kind: 'text', text: 'two\nlines' } }, true)
  front.past(VIEW)
  front.past({ ...OWN, delivery: { delivered: 5, read: 5, of: 5 } })
  front.past(ADDED)
  t.deepEqual(
    lines().map((line) => untimed(line).replace(/\d{4}-\d\d-\d\d/, 'DATE')),
    [
      '#team alice: hello',
      '#team alice: (re 3 carol: hello)',
      '#team alice: hello',
      '* A message from alice in #team of HH:MM that was missing:',
      '#team alice: two',
      '#team alice: lines',
      '12 DATE HH:MM #team alice: hello',
      '13 DATE HH:MM me #team: hello',
      '   (read 5/5)',
      '12 DATE HH:MM #team: alice added carol.',
    ],
  )
})

test('each change in words; oneself is "you"', (t) => {
  const words = (...changes: readonly GroupChange[]): string =>
    groupChanges(changes, 'alice', 'bob')
  t.deepEqual(
    [
      words({ what: 'created', users: ['bob', 'carol'] }),
      words({ what: 'created', users: [] }),
      words({ what: 'added', users: ['carol', 'dave'] }),
      words({ what: 'removed', users: ['bob'] }),
      words({ what: 'left', user: 'carol' }),
      words({ what: 'named', name: 'crew' }),
      words({ what: 'topic', topic: 'boats' }),
      words({ what: 'topic', topic: '' }),
      words({ what: 'admin', user: 'bob', on: true }, { what: 'admin', user: 'carol', on: false }),
      words(
        { what: 'left', user: 'carol' },
        { what: 'named', name: 'x' },
        { what: 'topic', topic: '' },
      ),
      words(),
      groupChanges([{ what: 'left', user: 'bob' }], 'bob', 'bob'),
    ],
    [
      'alice made this group with you, carol',
      'alice made this group',
      'alice added carol, dave',
      'alice removed you',
      'carol left',
      'alice renamed it to crew',
      'alice set the topic: boats',
      'alice took the topic away',
      "alice made you an admin, took the admin's rights from carol",
      'carol left, alice renamed it to x, took the topic away',
      'alice changed something',
      'you left',
    ],
  )
  const many = Array.from({ length: 99 }, (_, i) => `user${String(i)}`)
  t.regex(words({ what: 'added', users: many }), /user11 and 87 more$/)
})

test('a change is told once, by its event; its line of the transcript is for later', (t) => {
  const { app, front, emit } = fakeApp({ markRead: () => Promise.resolve() })
  emit(groupEvent([{ what: 'added', users: ['dave'] }]))
  emit({ type: 'message', message: ADDED, fills: false })
  emit(groupEvent([{ what: 'removed', users: ['dave'] }], { own: true, by: 'bob' }))
  emit(groupEvent([{ what: 'created', users: ['bob'] }]))
  t.deepEqual(front.said, [
    '* #team: alice added dave.',
    '* #team: you removed dave.',
    '* #team: alice made this group with you. #team TEXT writes to it; !leave #team leaves it.',
  ])
  t.is(app.chat, null, 'what happens never opens a chat')
})

test('a muted group is silent but for what one does oneself, or while it is open', (t) => {
  const life = { isMuted: () => true, choice: () => 'on', shown: () => Promise.resolve() }
  const { app, front, emit } = fakeApp({ life: life as unknown as Life })
  const topic = groupEvent([{ what: 'topic', topic: 'x' }])
  emit(topic)
  t.deepEqual(front.said, [])
  emit({ ...topic, own: true } as ClientEvent)
  app.openChat('#team', 'g0')
  emit(topic)
  t.is(front.said.length, 2)
})

test('an open group that gets another name stays open under it', (t) => {
  const { app, front, emit } = fakeApp({})
  app.openChat('#team', 'g0')
  emit(groupEvent([{ what: 'named', name: 'crew' }], { group: { ...TEAM, chat: '#crew' } }))
  t.is(app.chat, '#crew')
  t.deepEqual(front.where, ['bob', '#crew'])
  t.deepEqual(front.said, ['* #crew: alice renamed it to crew. It is chat 5, as before.'])
  const other = { ...TEAM, conv: 'g9', chat: '#other' }
  emit(groupEvent([{ what: 'named', name: 'other' }], { group: other }))
  t.is(app.chat, '#crew')
})

test('an invitation is a question, asked once and answered like any other', async (t) => {
  const group: GroupInfo = { ...TEAM, standing: 'pending' }
  const request: ChatRequest = { number: 4, user: 'alice', note: '', at: 0, group }
  const calls: string[] = []
  const { app, front, emit } = fakeApp({
    requests: () => [request],
    groups: { list: () => [group] } as unknown as Groups,
    accept: (n) => {
      calls.push(`accept ${String(n)}`)
      return Promise.resolve(request)
    },
  })
  emit(groupEvent([{ what: 'created', users: ['bob'] }], { group }))
  emit(groupEvent([{ what: 'topic', topic: 'noise' }], { group }))
  t.deepEqual(
    front.questions.map((q) => q.text),
    ['@alice invites you to the group #team (3 people). Accept? (y/n, or !accept 4, !decline 4)'],
  )
  t.deepEqual(front.said, [])
  t.is(await runLine(app, '!accept 4'), null)
  t.deepEqual(calls, ['accept 4'])
  t.false(front.questions[0]?.open ?? true)
})

test('lists of chats: how many people, where one stands, who spoke last', async (t) => {
  const info = (group: GroupInfo, more: Partial<ChatInfo> = {}): ChatInfo => ({
    ...{ conv: group.conv, contact: null, group, notes: false, unread: 0, last: VIEW },
    state: {
      ...{ conv: group.conv, number: group.number, user: group.chat, notes: false, group },
      ...{ mutedUntil: 0, timerSeconds: 0 },
    },
    ...more,
  })
  const { app, front } = fakeApp({
    chats: () =>
      Promise.resolve([
        info(TEAM, { unread: 2 }),
        info({ ...TEAM, chat: '#old', standing: 'left' }, { last: OWN }),
        info({ ...TEAM, chat: '#out', standing: 'removed' }, { last: ADDED }),
        info({ ...TEAM, chat: '#new', standing: 'pending' }),
      ]),
  })
  await runLine(app, '!chats')
  t.deepEqual(
    front.said.map((row) => untimed(row).replace(/ {2,}/g, ' ')),
    [
      '* 5 #team alice: hello HH:MM 2 unread, 3 people',
      '* 5 #old you: hello HH:MM 3 people, you left',
      '* 5 #out alice added carol HH:MM 3 people, you were removed',
      '* 5 #new HH:MM 3 people, you are invited',
    ],
  )
})

test('!info tells how far a message got, and to whom', async (t) => {
  const told: MessageInfo = {
    ...{ message: { ...OWN, delivery: { delivered: 2, read: 1, of: 3 } }, versions: [] },
    state: 'delivered',
    members: [
      { user: 'alice', state: 'delivered' },
      { user: 'carol', state: 'read' },
      { user: 'dave', state: 'accepted' },
    ],
  }
  const { app, front } = fakeApp({ life: { info: () => Promise.resolve(told) } as unknown as Life })
  await runLine(app, '!info 13')
  t.is(front.said[0], '* Message 13 from you to #team: hello')
  t.deepEqual(front.said.slice(2, 6), [
    '*   state: delivered; delivered to 2 of 3, read by 1',
    '*   read by: @carol',
    '*   delivered to: @alice',
    '*   on the server for: @dave',
  ])
})

test('what an admin removed says so, in the row and in the change', (t) => {
  const body = { kind: 'deleted', by: 'carol', admin: true } as const
  t.is(bodyWords(body), '[removed by admin @carol]')
  const event = { type: 'message-change', change: 'deleted', was: VIEW.body, by: 'carol' } as const
  const message = { ...VIEW, body }
  t.is(changeWords({ ...event, message, own: false }), '12 carol removed it, as an admin')
  t.is(changeWords({ ...event, message, own: true }), '12 you removed it, as an admin')
})

test('nothing is said of receipts before there is one', (t) => {
  const note = (delivered: number, read: number, of: number): string =>
    notesOf({ ...OWN, delivery: { delivered, read, of } }, false)
  t.deepEqual(
    [note(0, 0, 5), note(0, 0, 0), note(1, 0, 5), note(0, 1, 5), note(5, 5, 5)],
    ['', '', '(delivered 1/5)', '(delivered 1/5, read 1)', '(read 5/5)'],
  )
})

test('whom a message was not sent to stands beside it', async (t) => {
  const missed = { ...VIEW, notTo: ['carol', 'dave'] }
  t.is(notesOf(missed, false), '(not sent to @carol, @dave)')
  const crowd = Array.from({ length: 14 }, (_, i) => `user${String(i)}`)
  t.true(notesOf({ ...VIEW, notTo: crowd }, false).endsWith(', @user11 and 2 more)'))
  const { front, lines } = lineFront()
  front.message(missed)
  t.deepEqual(lines(), ['#team alice: hello', '#team alice: (not sent to @carol, @dave)'])
  const message = { ...OWN, notTo: ['dave'], delivery: { delivered: 1, read: 0, of: 2 } }
  const info = (): Promise<MessageInfo> =>
    Promise.resolve({ message, versions: [], members: [{ user: 'alice', state: 'delivered' }] })
  const { app, front: shown } = fakeApp({ life: { info } as unknown as Life })
  await runLine(app, '!info 13')
  t.true(shown.said.includes('*   not sent to: @dave'))
})

test('files in groups: to whom, and who has them', async (t) => {
  const offer = { ...OFFER, direction: 'out', peer: '#team', name: 'x' } as const
  const { app, front, emit } = fakeApp({ files: () => Promise.resolve([offer]) })
  await runLine(app, '!files')
  emit({ type: 'file-answer', offer: { ...offer, receiver: 'received' } })
  emit({ type: 'message-state', number: 1, mid: 'm', chat: '#team', state: 'held', reason: 'why' })
  t.true(front.said[0]?.includes('to #team: '))
  t.is(front.said[1], '* Somebody in #team has received x (2.1 MB), complete and unaltered.')
  t.is(front.said[3], '! Your message to #team waits here: why')
})

test('an export of a group names it, and every author', async (t) => {
  async function* messages(): AsyncGenerator<MessageView> {
    for (const view of [VIEW, OWN, ADDED]) yield await Promise.resolve(view)
  }
  let document = ''
  for await (const part of exportLines('markdown', '#team', messages())) document += part
  t.true(document.startsWith('# Conversation in \\#team\n'))
  t.true(document.includes('alice:** hello') && document.includes('bob:** hello'))
  t.true(document.includes('\\[alice added carol\\]'))
  const own = { ...OWN, delivery: { delivered: 1, read: 0, of: 2 } }
  t.is(jsonLine(own), jsonLine(OWN), 'ticks are of this device')
})

for (const { name, text } of HOSTILE_TEXTS) {
  test(`no name or topic of a group lets it through: ${name}`, async (t) => {
    const group: GroupInfo = {
      ...{ ...TEAM, chat: `#${text}`, name: text, topic: text },
      members: [
        ...TEAM.members,
        { user: text, acct: 'dd', admin: true, me: false, trust: 'changed' },
      ],
    }
    const changes: readonly GroupChange[] = [
      { what: 'named', name: text },
      { what: 'topic', topic: text },
      { what: 'added', users: [text] },
      { what: 'admin', user: text, on: true },
      { what: 'left', user: text },
    ]
    const pending: GroupInfo = { ...group, conv: 'g1', standing: 'pending' }
    const { app, front, emit } = fakeApp({
      requests: () => [{ number: 4, user: 'alice', note: text, at: 0, group: pending }],
      groups: { list: () => [group] } as unknown as Groups,
      history: () => Promise.resolve([]),
      markRead: () => Promise.resolve(),
      life: {
        ...{ isMuted: () => false, choice: () => 'on', search: () => Promise.resolve([]) },
        chatOf: () => Promise.resolve({ group, user: group.chat }),
        mute: () => Promise.resolve({ user: group.chat }),
      } as unknown as Life,
    })
    emit(groupEvent(changes, { group, by: text }))
    emit(groupEvent(changes, { group: pending }))
    emit({ type: 'message-state', number: 1, mid: 'm', chat: group.chat, state: 'failed' })
    for (const line of [
      '!chat 5',
      '!members 5',
      '!topic',
      '!requests',
      '!mute 5',
      '!leave',
      '#x y',
    ]) {
      await runLine(app, line)
    }
    const view: MessageView = { ...VIEW, chat: group.chat, from: text }
    const change: MessageView = { ...view, body: { kind: 'group', by: text, changes } }
    const { front: pipe, lines } = lineFront()
    for (const each of [view, change, { ...view, own: true }]) {
      pipe.message(each, true)
      pipe.past(each)
    }
    const said = [...front.said, ...front.questions.map((q) => q.text), ...lines()]
    for (const row of [...said, preview(change)]) {
      t.notRegex(row, /[\p{Cc}\u2028-\u202e\u2066\u2067]/u)
    }
    const { x, front: window } = screenFront()
    window.place('bob', group.chat)
    for (const each of [view, change, { ...view, own: true }]) window.past(each)
    await x.settled()
    const rows = x.all().split('\n')
    t.true(
      rows.every((row) => /^(\d\d:\d\d|[|*-] | {2}|bob )/.test(row)),
      x.all(),
    )
  })
}

test('a right-to-left name is fenced in its row, not defaced', (t) => {
  const chat = '#\u05d0\u05d1'
  const { front, emit } = fakeApp({})
  emit(groupEvent([{ what: 'topic', topic: 'x' }], { group: { ...TEAM, chat } }))
  const [said = ''] = front.said
  t.is(said, `* \u2068${chat}\u2069: alice set the topic: x.`)
  const rows = notice('*', said.slice(2))(60).map(plainText)
  t.deepEqual(rows, [said])
})
