// What others send, in every place where something of theirs is shown, through every way out of the client: nothing of it may
// act on a terminal. Colours are off, so that every sequence in the output is known; JSON keeps the text as data.
import { PassThrough } from 'node:stream'

import test from 'ava'

import type { ChatInfo, Session } from '../../../lib/client/api.ts'
import type { ClientEvent, ContactInfo, MessageView } from '../../../lib/client/events.ts'
import type { GroupChange, GroupInfo } from '../../../lib/client/group-api.ts'
import type { App } from '../../../lib/cli/client/app.ts'
import { chats } from '../../../lib/cli/client/chat-commands.ts'
import { candidates } from '../../../lib/cli/client/candidates.ts'
import { runLine } from '../../../lib/cli/client/dispatch.ts'
import type { Forms, Front } from '../../../lib/cli/client/front.ts'
import { FullMode } from '../../../lib/cli/client/full/full-mode.ts'
import { JsonFront } from '../../../lib/cli/client/json/json-front.ts'
import { presentJson } from '../../../lib/cli/client/json/run-json.ts'
import { LineFront } from '../../../lib/cli/client/lines.ts'
import { inWords } from '../../../lib/cli/client/oneshot/printers.ts'
import { QuietFront } from '../../../lib/cli/client/oneshot/quiet-front.ts'
import { ScreenFront } from '../../../lib/cli/client/screen-front.ts'
import { SecureChatError } from '../../../lib/util/errors.ts'
import {
  active,
  hasMarkFlood,
  HOSTILE_FILE_NAMES,
  HOSTILE_TEXTS,
  LONG_LINES,
} from '../../fixtures/hostile-text.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { ALICE, fakeApp, OFFER, TEAM } from '../../helpers/fake-front.ts'
import { FakeTerminal } from './fake-terminal.ts'

/** Stands before everything: a control behind it is theirs, never ours. */
const MARK = 'ZqZ'
const ALL = [...HOSTILE_TEXTS, ...LONG_LINES, ...HOSTILE_FILE_NAMES]
const ENV = { TERM: 'xterm-256color', LANG: 'C.UTF-8', NO_COLOR: '1' }

const VIEW: MessageView = {
  ...{ number: 12, mid: 'aa', conv: 'c0', chat: 'alice', from: 'alice', acct: 'aa', own: false },
  ...{
    ts: 0,
    at: 0,
    saidAt: 0,
    timeDoubtful: false,
    body: { kind: 'text', text: '' },
    resent: false,
  },
}

/** Everything of theirs, as the session has it. */
function world(text: string): {
  session: Partial<Session>
  views: MessageView[]
  events: ClientEvent[]
} {
  const contact: ContactInfo = { ...ALICE, displayName: text, formerNames: [text] }
  const members = [...TEAM.members, { ...TEAM.members[1], user: text, admin: true, me: false }]
  const group = { ...TEAM, chat: `#${text}`, name: text, topic: text, members } as GroupInfo
  const changes: readonly GroupChange[] = [
    { what: 'named', name: text },
    { what: 'topic', topic: text },
    { what: 'added', users: [text] },
    { what: 'removed', users: [text] },
    { what: 'admin', user: text, on: true },
    { what: 'left', user: text },
  ]
  const offer = { ...OFFER, name: text, path: `/tmp/${text}`, mime: text }
  const answers = { number: 3, from: text, body: { kind: 'text', text } } as const
  const reactions = [{ emoji: text, from: [text] }]
  const views: MessageView[] = [
    { ...VIEW, body: { kind: 'text', text }, answers, reactions },
    { ...VIEW, number: 13, chat: group.chat, conv: 'g0', body: { kind: 'text', text } },
    {
      ...VIEW,
      ...{ number: 14, own: true, state: 'read', chat: group.chat, conv: 'g0', from: 'bob' },
      body: { kind: 'file', offer: 3, name: text, size: 9, caption: text },
    },
    { ...VIEW, number: 15, body: { kind: 'request', request: 4, note: text } },
    { ...VIEW, number: 16, chat: group.chat, body: { kind: 'group', by: text, changes } },
    { ...VIEW, number: 17, body: { kind: 'unsupported', what: text } },
    { ...VIEW, number: 18, body: { kind: 'deleted', by: text, admin: true } },
  ]
  const [first = VIEW] = views
  const state = { conv: 'g0', number: 5, user: group.chat, notes: false, mutedUntil: 0 }
  const list = views.slice(0, 3).map((last, i) => ({
    ...{ conv: last.conv, contact: i === 0 ? contact : null, notes: false, unread: 1, last },
    ...(i === 0 ? {} : { group }),
    state: { ...state, ...(i === 0 ? { user: 'alice' } : { group }), timerSeconds: 0 },
  })) as ChatInfo[]
  const pending: GroupInfo = { ...group, conv: 'g1', standing: 'pending' }
  const request = { number: 4, user: 'alice', note: text, at: 0 }
  const session = {
    contacts: () => [contact],
    blocked: () => [contact],
    requests: () => [request, { ...request, number: 6, group: pending }],
    files: () => Promise.resolve([offer]),
    groups: { list: () => [group] },
    chats: () => Promise.resolve(list),
    history: () => Promise.resolve(views),
    markRead: () => Promise.resolve(),
    reconnect: () => undefined,
    status: () => ({ connection: { state: 'offline', code: 'E_CONNECT', reason: text } }),
    life: {
      ...{ isMuted: () => false, choice: () => 'off', shown: () => Promise.resolve() },
      chatOf: (typed: string) =>
        Promise.resolve(typed === 'alice' ? { ...state, user: 'alice' } : { ...state, group }),
      contactOf: () => Promise.resolve(contact),
      search: () => Promise.resolve([{ message: first, before: views, after: views }]),
      pins: () => Promise.resolve(views),
      info: () => Promise.resolve({ message: first, versions: [1, 2].map((at) => ({ text, at })) }),
    },
  } as unknown as Partial<Session>
  const events: ClientEvent[] = [
    ...views.map((message) => ({ type: 'message', message, fills: true }) as const),
    {
      type: 'message-change',
      change: 'edited',
      message: first,
      was: first.body,
      by: text,
      own: false,
    },
    {
      type: 'message-change',
      change: 'reacted',
      emoji: text,
      message: first,
      was: first.body,
      by: text,
      own: false,
    },
    { type: 'message-state', number: 14, mid: 'aa', chat: group.chat, state: 'held', reason: text },
    {
      type: 'message-state',
      number: 14,
      mid: 'aa',
      chat: group.chat,
      state: 'failed',
      reason: text,
    },
    { type: 'file-offer', offer },
    { type: 'file-progress', offer: { ...offer, state: 'running' }, bytesPerSecond: 1 },
    { type: 'file-done', offer: { ...offer, state: 'done' } },
    { type: 'file-failed', offer, code: 'E_FILE', reason: text },
    { type: 'file-answer', offer: { ...offer, direction: 'out', receiver: 'received' } },
    { type: 'contact', change: 'new', contact },
    { type: 'contact', change: 'renamed', contact, other: text },
    { type: 'contact', change: 'lookalike', contact, other: text },
    { type: 'group', group, changes, by: text, own: false },
    { type: 'group', group: pending, changes, by: text, own: false },
    { type: 'notice', level: 'alarm', code: null, text },
    { type: 'connection', connection: { state: 'offline', code: 'E_CONNECT', reason: text } },
    { type: 'forced-logout', code: 'E_REPLACED', text },
  ]
  return { session, views, events }
}

const LINES = [
  ...['!chats', '!unread', '!who', '!requests', '!files', '!blocked', '!members 5', '!topic'],
  ...['!history alice', '!search x', '!info 12', '!pin alice', '!chat alice', '!chat 5', '!leave'],
  ...['!delete 5', '!status', '!profile', '!verify', '!nobody', 'a line for the group'],
]

interface Scene {
  readonly front: Front
  /** All that was written. */
  readonly output: () => Promise<string>
  readonly attach?: (app: App) => void
  readonly present?: (event: ClientEvent, app: App) => void
}

/** Everything happens and everything is asked for. */
async function play(text: string, { front, attach, present }: Scene): Promise<string[]> {
  const { session, events } = world(text)
  const listeners: ((event: ClientEvent) => void)[] = []
  const on = (listener: (event: ClientEvent) => void): (() => void) => {
    listeners.push(listener)
    return () => undefined
  }
  const { app } = fakeApp(
    { ...session, on },
    { front, ...(present === undefined ? {} : { present }) },
  )
  attach?.(app)
  const asked: string[] = []
  const form = front.form.bind(front)
  front.form = (fn) =>
    form(() => {
      const forms = { confirm: (words: string) => Promise.resolve(asked.push(words) < 0) }
      Object.assign(front, { forms: forms as unknown as Forms })
      return fn().finally(() => Object.assign(front, { forms: null }))
    })
  // how much there is to wrap matters for what is long, not where it stands
  const isLong = text.length > 2000
  for (const event of events.slice(0, isLong ? 2 : -1)) for (const tell of listeners) tell(event)
  for (const line of isLong ? ['!history alice'] : LINES) await runLine(app, line)
  asked.push(...(await candidates(app, '#', 1)).items)
  for (const tell of listeners) tell(events.at(-1) ?? { type: 'closed' })
  app.showError(new SecureChatError('E_STATE', text))
  return asked
}

/** Sequences that the screens send; colours are not among them. */
const ESC = String.fromCharCode(27)
const MOVES = String.raw`\[\d*[ABCGK]|\[\d+;\d+H|\[[23]J|\[H|\[\?(?:7|25|2004|1004|1049|2026)[hl]|[78]`
const OURS = new RegExp(`\\r?${ESC}(?:${MOVES})\\r?`, 'gu')
/** How the full screen goes on with the next row. */
const NEXT_ROW = new RegExp(`${ESC}\\[\\d+;1H${ESC}\\[2K`, 'gu')

function judged(output: string): string[] {
  const moved = output.replace(NEXT_ROW, '\n')
  const theirs = moved.match(new RegExp(`${MARK}(?!\\r?\\n)\\p{Cc}`, 'gu')) ?? []
  const rest = output.replace(OURS, '').replaceAll(/\r(?=\n|$)/gu, '')
  return [...theirs, ...active(rest), ...(hasMarkFlood(rest) ? ['too many marks'] : [])]
}

function terminal(full: boolean): Scene {
  const clock = new FakeClock()
  const mode = full ? new FullMode(clock) : null
  const x = new FakeTerminal({
    ...{ cols: 90, rows: full ? 10 : 24, env: ENV, idle: true, clock },
    ...(mode === null ? {} : { createScreen: mode.createScreen, onKey: mode.onKey }),
  })
  const prompts = { form: <T>(fn: (forms: Forms) => Promise<T>) => fn({} as Forms) }
  const front = mode?.front(x.ui, prompts) ?? new ScreenFront(x.ui, prompts, x.clock)
  // the bytes are judged, no picture: an emulator would take most of the time
  x.output.write = (written) => {
    x.output.raw += written
    return true
  }
  x.ui.start()
  return {
    front,
    attach: (app) => mode?.attach(app),
    output: async () => {
      await x.settled()
      return x.output.raw
    },
  }
}

function pipe(): {
  streams: { input: PassThrough; output: PassThrough; errors: PassThrough }
  read: () => Promise<string>
} {
  const streams = { input: new PassThrough(), output: new PassThrough(), errors: new PassThrough() }
  const read = (): Promise<string> =>
    Promise.resolve(`${String(streams.output.read() ?? '')}${String(streams.errors.read() ?? '')}`)
  return { streams, read }
}

function plain(): Scene {
  const { streams, read } = pipe()
  return { front: new LineFront(streams), output: read }
}

const WAYS = { interactive: () => terminal(false), full: () => terminal(true), plain }

for (const [way, scene] of Object.entries(WAYS)) {
  test(`nothing of theirs acts: ${way}`, async (t) => {
    for (const { name, text } of ALL) {
      const here = scene()
      const asked = await play(MARK + text, here)
      const output = await here.output()
      if (text.length <= 2000) t.true(output.includes(MARK), name)
      t.deepEqual(judged(output), [], name)
      t.deepEqual(active(asked.join('')), [], name)
    }
  })
}

test('nothing of theirs acts: one-shot commands', async (t) => {
  for (const { name, text } of ALL) {
    const { streams, read } = pipe()
    const front = new QuietFront(streams)
    const { session, views } = world(MARK + text)
    const { app } = fakeApp(session, { front })
    const print = inWords(app, front)
    for (const view of views) print.message(view)
    await print.chats([])
    await print.status()
    app.showError(new SecureChatError('E_STATE', MARK + text))
    await chats(app)
    const output = await read()
    t.true(output.includes(MARK), name)
    t.deepEqual(judged(output), [], name)
  }
})

test('JSON has it as data: nothing raw, nothing lost', async (t) => {
  for (const { name, text } of ALL) {
    const { streams, read } = pipe()
    const front = new JsonFront(streams.output)
    await play(text, { front, output: read, present: presentJson(front) })
    const lines = (await read()).trimEnd().split('\n')
    t.deepEqual(active(lines.join('')), [], name)
    const strings = new Set<unknown>()
    for (const line of lines) JSON.parse(line, (_, value: unknown) => strings.add(value))
    t.true(strings.has(text), name)
  }
})
