// !direct as it is typed: what it asks of the session, what it refuses before anything is told to anybody, and the words for
// what comes of it.
import test from 'ava'

import { candidates } from '../../../lib/cli/client/candidates.ts'
import { runLine } from '../../../lib/cli/client/dispatch.ts'
import type { DirectApi, DirectState, DirectView } from '../../../lib/client/direct-api.ts'
import { SecureChatError } from '../../../lib/util/errors.ts'
import { HOSTILE_TEXTS, active } from '../../fixtures/hostile-text.ts'
import { ALICE, fakeApp, type FakeApp } from '../../helpers/fake-front.ts'

const VIEW: DirectView = {
  ...{ user: 'alice', conv: 'c0', state: 'offered', number: 4 },
  ...{ own: ['192.0.2.1'], theirs: ['192.0.2.2:5000'] },
}

interface Scene extends FakeApp {
  readonly calls: unknown[][]
  readonly all: DirectView[]
  /** Tells what has become of it. */
  readonly becomes: (state: DirectState, more?: Partial<DirectView>) => void
}

function scene(direct: Partial<DirectApi> = {}): Scene {
  const calls: unknown[][] = []
  const all: DirectView[] = []
  const note =
    <T>(name: string, result: T) =>
    (...args: unknown[]): Promise<T> => {
      calls.push([name, ...args])
      return Promise.resolve(result)
    }
  const fake = fakeApp({
    contacts: () => [ALICE],
    direct: {
      addresses: note('addresses', ['192.0.2.1', '2001:db8::1']),
      offer: note('offer', VIEW),
      answer: note('answer', VIEW),
      off: note('off', [VIEW]),
      list: () => all,
      isUp: () => false,
      rule: () => 'ask',
      setRule: note('setRule', undefined),
      ...direct,
    },
  })
  const becomes = (state: DirectState, more: Partial<DirectView> = {}): void => {
    const view = { ...VIEW, state, ...more }
    all.splice(0, all.length, ...(['declined', 'failed', 'down'].includes(state) ? [] : [view]))
    fake.emit({ type: 'direct', direct: view })
  }
  return { ...fake, calls, all, becomes }
}

test('the own addresses are shown, and only a yes asks the other side', async (t) => {
  for (const [line, leave, hint] of [
    ['!direct @Alice', false, '!direct alice ok)'],
    ['!direct alice --leave', true, '!direct alice ok --leave)'],
  ] as const) {
    const { app, front, calls } = scene()
    t.is(await runLine(app, line), null)
    t.deepEqual(calls, [['addresses', 'alice']])
    const [asked] = front.questions
    t.regex(asked?.text ?? '', /This tells @alice your addresses 192\.0\.2\.1, 2001:db8::1\./)
    t.true(asked?.text.endsWith(hint))
    asked?.answer(false)
    t.is(calls.length, 1)
    asked?.answer(true)
    t.deepEqual(calls.at(-1), ['offer', 'alice', { leave }])
  }
})

test('words say the same without a question', async (t) => {
  for (const [line, ...call] of [
    ['!direct alice ok', 'offer', 'alice', { leave: false }],
    ['!direct alice OK --leave', 'offer', 'alice', { leave: true }],
    ['!direct --leave alice yes', 'answer', 'alice', true, { leave: true }],
    ['!direct alice no', 'answer', 'alice', false, { leave: false }],
    ['!direct alice always', 'setRule', 'alice', 'always'],
    ['!direct alice never', 'setRule', 'alice', 'never'],
    ['!direct alice ask', 'setRule', 'alice', 'ask'],
    ['!direct off', 'off', undefined],
    ['!direct OFF @alice', 'off', 'alice'],
    ['!direct @off ok', 'offer', 'off', { leave: false }],
  ] as const) {
    const { app, calls } = scene()
    t.is(await runLine(app, line), null, line)
    t.deepEqual(calls, [call], line)
  }
})

test('what it does not know is refused, comes back for correction, and does nothing', async (t) => {
  for (const line of [
    '!direct alice maybe',
    '!direct alice --leeve',
    '!direct alice yes now',
    '!direct alice bob',
    '!direct off alice bob',
    '!direct alice bob carol dave',
    '!direct #team',
    '!direct off #team',
    '!direct --leave',
    '!direct off --leave',
    '!direct alice no --leave',
    '!direct alice always --leave',
  ]) {
    const { app, front, calls } = scene()
    t.is((await runLine(app, line))?.code, 'E_USAGE', line)
    t.is(front.back, line)
    t.deepEqual(calls, [], line)
    t.deepEqual(front.questions, [], line)
  }
})

test('what the session refuses is said, also when it refuses the yes', async (t) => {
  const no = (): Promise<never> => Promise.reject(new SecureChatError('E_STATE', 'Not now.'))
  const { app, front } = scene({ addresses: no, answer: no, off: no, setRule: no })
  for (const line of [
    '!direct alice',
    '!direct alice yes',
    '!direct off',
    '!direct alice always',
  ]) {
    t.is((await runLine(app, line))?.code, 'E_STATE', line)
  }
  t.deepEqual(front.questions, [])
  const late = scene({ offer: no })
  await runLine(late.app, '!direct alice')
  late.front.questions[0]?.answer(true)
  await Promise.resolve()
  t.deepEqual(late.front.said, ['! Not now.'])
  t.is((await runLine(fakeApp(null).app, '!direct alice'))?.code, 'E_NOT_LOGGED_IN')
})

test('whoever is asked sees both addresses; the question goes when it has become pointless', (t) => {
  const { front, calls, becomes } = scene()
  becomes('asked', { own: [] })
  const [asked] = front.questions
  t.regex(asked?.text ?? '', /@alice wants to talk to you directly \(192\.0\.2\.2:5000\)/)
  t.regex(asked?.text ?? '', /no address of yours/)
  asked?.answer(true)
  t.deepEqual(calls, [['answer', 'alice', true, { number: 4 }]])
  becomes('asked')
  becomes('failed', { reason: 'There was no answer.' })
  t.false(front.questions[1]?.open)
  t.true(front.said.at(-1)?.includes('There was no answer. You go on over the server.'))
})

test('unknown addresses are no missing ones, and a question that comes again stays open', async (t) => {
  const again: DirectView = { ...VIEW, state: 'asked' }
  const { app, front, becomes } = scene({
    answer: () => {
      becomes('asked', { reason: 'Other addresses.' })
      return Promise.resolve(again)
    },
  })
  becomes('asked', { own: null })
  t.regex(front.questions[0]?.text ?? '', /not known now/)
  t.notRegex(front.questions[0]?.text ?? '', /no address/)
  t.is(await runLine(app, '!direct alice yes'), null)
  t.is(front.said.at(-1), '! Nothing was told: Other addresses.')
  t.deepEqual(
    front.questions.map(({ open }) => open),
    [false, true],
  )
})

test('never takes the open question with it', async (t) => {
  const { app, front, becomes } = scene()
  becomes('asked')
  t.is(await runLine(app, '!direct alice never'), null)
  t.false(front.questions[0]?.open)
})

test('the way is told with the place, in the list and for a message, until it is another', async (t) => {
  const { app, front, becomes } = scene()
  app.openChat('alice')
  await runLine(app, '!direct')
  t.true(front.said.at(-1)?.includes('Everything goes over the server'))
  for (const state of ['offered', 'trying'] as const) becomes(state, { attempt: 0 })
  t.false(front.isDirect)
  becomes('trying', { attempt: 1 })
  t.is(front.said.at(-1), "* Couldn't reach the host, trying again...")
  becomes('up')
  t.true(front.isDirect)
  await runLine(app, '!direct')
  t.is(front.said.at(-1), '* @alice: is connected directly')
  app.openChat('bobby')
  t.false(front.isDirect, 'another chat')
  app.openChat('alice')
  t.true(front.isDirect)
  becomes('down')
  t.false(front.isDirect)
})

test('Tab knows people, words, and whose connection can be ended', async (t) => {
  const { app, becomes } = scene()
  const tab = async (line: string) => (await candidates(app, line, line.length)).items
  t.deepEqual(await tab('!direct al'), ['alice '])
  t.deepEqual(await tab('!direct alice n'), ['no ', 'never '])
  t.deepEqual(await tab('!direct alice --'), ['--leave '])
  t.deepEqual(await tab('!direct off '), [])
  becomes('up')
  t.deepEqual(await tab('!direct off '), ['alice '])
})

test('nothing that came from elsewhere acts upon the terminal', (t) => {
  for (const { text } of HOSTILE_TEXTS) {
    const { front, becomes } = scene()
    becomes('trying', { attempt: 0, theirs: [text] })
    becomes('failed', { reason: text })
    becomes('asked', { theirs: [text] })
    t.deepEqual(active([...front.said, ...front.questions.map((q) => q.text)].join('\n')), [])
  }
})
