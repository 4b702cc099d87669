// What a person sets for this window: words in, words out, and whatever cannot be read is as it is for everybody.
import test from 'ava'

import type { Notebook } from '../../../lib/client/notebook-api.ts'
import { clockTime } from '../../../lib/cli/client/format.ts'
import { runLine } from '../../../lib/cli/client/dispatch.ts'
import { Notifier } from '../../../lib/cli/client/notifier.ts'
import { notifyHook } from '../../../lib/cli/client/notify-hook.ts'
import {
  DEFAULT_PREFERENCES,
  prefer,
  PREFERENCES,
  preferenceValues,
  preferenceWords,
  readPreferences,
  writePreferences,
} from '../../../lib/cli/client/preferences.ts'
import { ScreenFront } from '../../../lib/cli/client/screen-front.ts'
import { silentLog } from '../../../lib/util/log.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { ALICE, fakeApp, OFFER } from '../../helpers/fake-front.ts'
import { FakeTerminal } from './fake-terminal.ts'

test('what is set is written and read back; every value that Tab offers is one', (t) => {
  let now = DEFAULT_PREFERENCES
  for (const name of PREFERENCES) {
    for (const value of preferenceValues(name)) {
      now = prefer(now, name, value.toUpperCase())
      t.deepEqual(readPreferences(writePreferences(now)), now)
    }
  }
  t.deepEqual(
    PREFERENCES.map((name) => preferenceWords(now, name)),
    ['12 hours', 'content', 'files of contacts up to 10.0 MB', 'after 10 minutes without a key'],
  )
})

for (const [name, value] of [
  ['time', '25'],
  ['time', ''],
  ['notify', 'maybe'],
  ['autoaccept', '0'],
  ['autoaccept', '-1'],
  ['autoaccept', '10XB'],
  ['autoaccept', '1e9'],
  ['autoaccept', '0.0001'],
  ['lock', '0m'],
  ['lock', '5s'],
  ['lock', '8d'],
  ['lock', '10'],
] as const) {
  test(`refused, with what is possible: ${name} "${value}"`, (t) => {
    t.throws(() => prefer(DEFAULT_PREFERENCES, name, value), { code: 'E_USAGE' })
  })
}

test('a note that is damaged, of another version or of somebody else changes nothing', (t) => {
  for (const text of [
    null,
    '',
    '{',
    '[]',
    '"x"',
    '12',
    '{"time":12,"notify":"all","acceptBytes":-1,"lockSeconds":"9"}',
    '{"acceptBytes":1e300}',
  ]) {
    t.deepEqual(readPreferences(text), DEFAULT_PREFERENCES, String(text))
  }
})

test('!set shows everything, takes a value, and names the nearest when it is mistyped', async (t) => {
  const notes: string[] = []
  const notebook = {
    read: () => Promise.resolve('{"time":"12"}'),
    write: (_: string, text: string) => Promise.resolve(void notes.push(text)),
  } as unknown as Notebook
  const { app, front } = fakeApp({ notebook })
  await runLine(app, '!set time')
  t.is(front.said.at(-1), '* time is 12 hours.')
  await runLine(app, '!set notify content')
  t.is(front.said.at(-1), '* notify is content.')
  t.regex(notes.join(), /"time":"12","notify":"content"/u)
  front.said.length = 0
  await runLine(app, '!set')
  for (const name of ['receipts', 'requests', 'presence', 'bell', ...PREFERENCES]) {
    t.true(
      front.said.some((line) => line.startsWith(`*   ${name}`)),
      name,
    )
  }
  t.is((await runLine(app, '!set notfy on'))?.code, 'E_USAGE')
  t.regex(front.said.join(), /Did you mean notify\?/u)
  t.is((await runLine(app, '!set lock soon'))?.code, 'E_USAGE')
  t.is(app.preferences.now.lockSeconds, 0)
})

test('nobody is logged in: what the person before set does not stay', async (t) => {
  const { app } = fakeApp({})
  await runLine(app, '!set notify content')
  t.is(app.preferences.now.notify, 'content')
  if (app.session !== null) app.leave(app.session)
  t.is(app.preferences.now.notify, 'off')
})

test('files of contacts up to a size are taken; programs, big ones and strangers are asked about', async (t) => {
  const accepted: number[] = []
  const { app, front, emit } = fakeApp({
    contacts: () => [ALICE, { ...ALICE, user: 'mallory', accepted: false }],
    accept: (number) => {
      accepted.push(number)
      return Promise.resolve({ ...OFFER, number })
    },
    files: () => Promise.resolve([]),
  })
  await runLine(app, '!set autoaccept 3MB')
  const offers = [
    OFFER,
    { ...OFFER, number: 4, name: 'run.sh' },
    { ...OFFER, number: 5, size: 3_000_001 },
    { ...OFFER, number: 6, peer: 'mallory' },
    { ...OFFER, number: 7, peer: 'nobody' },
  ]
  for (const offer of offers) emit({ type: 'file-offer', offer })
  await runLine(app, '!set')
  t.deepEqual(accepted, [3])
  t.is(front.questions.length, 4)
})

test('an offer that comes while the choices are still being read is taken all the same', async (t) => {
  const accepted: number[] = []
  const notebook = { read: () => Promise.resolve('{"acceptBytes":3000000}') } as unknown as Notebook
  const { app, front, emit } = fakeApp({
    notebook,
    contacts: () => [ALICE],
    accept: (number) => Promise.resolve((accepted.push(number), OFFER)),
  })
  emit({ type: 'file-offer', offer: OFFER })
  await app.preferences.ready
  await runLine(app, '!set')
  t.deepEqual(accepted, [OFFER.number])
  t.deepEqual(
    front.questions.map(({ open }) => open),
    [false],
  )
})

test('a clock of twelve hours, always as wide', (t) => {
  const at = (h: number): number => new Date(2026, 10, 20, h, 4).getTime()
  t.deepEqual(
    [0, 1, 12, 23].map((h) => clockTime(at(h), '12')),
    ['12:04am', '01:04am', '12:04pm', '11:04pm'],
  )
})

test('a wider time moves the tick with it', async (t) => {
  const x = new FakeTerminal()
  x.ui.message({ time: '01:04pm', who: 'me @bob', body: 'hi' }, { id: '1', state: 'queued' })
  await x.settled()
  t.regex(x.screen(), /^01:04pm \.\. me @bob: hi$/mu)
  t.true(x.ui.setTick('1', 'delivered'))
  await x.settled()
  t.regex(x.screen(), /^01:04pm \u2713\u2713 me @bob: hi$/mu)
})

const NEWS = { from: 'alice', words: 'the \x1b]0;secret\x07 plan' }
const AWAY = { focused: false, idleMs: 0 }

test('an alarm only while nobody looks, at most every ten seconds, and what came meanwhile is counted', (t) => {
  const clock = new FakeClock()
  const notifier = new Notifier(clock)
  const both = { bell: true, desktop: 'on' } as const
  t.is(notifier.alarm(NEWS, both, { focused: true, idleMs: 1000 }), null)
  t.is(notifier.alarm(NEWS, both, { focused: undefined, idleMs: 1000 }), null)
  t.deepEqual(notifier.alarm(NEWS, both, AWAY), { bell: true, desktop: 'Message from alice' })
  t.is(notifier.alarm(NEWS, both, AWAY), null)
  t.is(notifier.alarm(NEWS, both, AWAY), null)
  clock.advance(10_000)
  const later = notifier.alarm(NEWS, both, { focused: undefined, idleMs: 61_000 })
  t.is(later?.desktop, 'Message from alice (and 2 more)')
})

test('no words of a message leave the window unless they were asked for, and then none that act', (t) => {
  const quiet = { bell: false, desktop: 'off' } as const
  t.is(new Notifier(new FakeClock()).alarm(NEWS, quiet, AWAY), null)
  const bell = new Notifier(new FakeClock()).alarm(NEWS, { ...quiet, bell: true }, AWAY)
  t.deepEqual(bell, { bell: true, desktop: undefined })
  const content = { bell: false, desktop: 'content' } as const
  const told = new Notifier(new FakeClock()).alarm(NEWS, content, AWAY)
  t.is(told?.desktop, 'alice: the \ufffd]0;secret\ufffd plan')
  const long = { from: 'a', words: 'x'.repeat(9000) }
  t.true((new Notifier(new FakeClock()).alarm(long, content, AWAY)?.desktop ?? '').length < 200)
})

test('a message for a window without the focus rings and is told to the desktop and the hook', async (t) => {
  const x = new FakeTerminal()
  const hooked: string[] = []
  const front = new ScreenFront(
    x.ui,
    { form: () => Promise.reject(new Error('no form')) },
    x.clock,
    (text) => hooked.push(text),
  )
  front.preferences({ ...DEFAULT_PREFERENCES, notify: 'on' })
  const view = {
    ...{ number: 1, mid: 'm', conv: 'c', chat: 'alice', from: 'alice', acct: 'aa', own: false },
    ...{ ts: 0, at: 0, saidAt: 0, timeDoubtful: false, resent: false },
    body: { kind: 'text', text: 'secret plan' },
  } as const
  front.message(view, false)
  t.false(x.output.raw.includes('\x07'))
  await x.type('\x1b[O')
  front.message(view, false)
  await x.settled()
  t.true(x.output.raw.includes('\x1b]9;Message from alice\x07') || x.output.raw.includes('777'))
  t.deepEqual(hooked, ['Message from alice'])
  t.false(/\x1b\][^\x07]*secret/u.test(x.output.raw)) // eslint-disable-line no-control-regex
})

test('a hook is a program with its arguments; one that is not there does no harm', async (t) => {
  t.is(notifyHook({}, silentLog), undefined)
  t.is(notifyHook({ SECURECHAT_NOTIFY: '  ' }, silentLog), undefined)
  const failed: unknown[] = []
  const log = {
    ...silentLog,
    info: (_: string, fields?: object) => {
      failed.push(fields)
    },
  }
  const hook = notifyHook({ SECURECHAT_NOTIFY: '/nowhere/at-all --flag' }, log)
  hook?.('Message from alice')
  while (failed.length === 0) await new Promise((resolve) => setImmediate(resolve))
  t.deepEqual(failed, [{ why: 'ENOENT' }])
})
