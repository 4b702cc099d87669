// What is typed about groups, through the command table, to the session.
import test from 'ava'

import { EXIT, exitCodeOf } from '../../../lib/cli/exit-codes.ts'
import { candidates } from '../../../lib/cli/client/candidates.ts'
import { runLine } from '../../../lib/cli/client/dispatch.ts'
import type { ChatRequest, Session } from '../../../lib/client/api.ts'
import type { GroupInfo, Groups } from '../../../lib/client/group-api.ts'
import type { ChatState, Life } from '../../../lib/client/life-api.ts'
import { SecureChatError } from '../../../lib/util/errors.ts'
import { ALICE, fakeApp, type FakeApp, OFFER, TEAM } from '../../helpers/fake-front.ts'

const CREW: GroupInfo = {
  ...TEAM,
  conv: 'g1',
  number: 6,
  chat: '#crew',
  name: 'crew',
  admin: false,
}
const OLD: GroupInfo = { ...TEAM, conv: 'g2', number: 7, chat: '#old', standing: 'left' }
const WAITING: GroupInfo = { ...TEAM, conv: 'g3', number: 8, chat: '#new', standing: 'pending' }
const INVITATION: ChatRequest = { number: 4, user: 'carol', note: '', at: 0, group: WAITING }

interface Told extends FakeApp {
  readonly calls: unknown[][]
}

/** Bob, in #team as its admin, in #crew as a member; he left #old and is invited to #new. */
function bob(session: Partial<Session> = {}, life: Partial<Life> = {}): Told {
  const calls: unknown[][] = []
  const note =
    <T>(name: string, result: T) =>
    (...args: unknown[]): Promise<T> => {
      calls.push([name, ...args])
      return Promise.resolve(result)
    }
  const groups: Groups = {
    create: note('create', TEAM),
    list: () => [TEAM, CREW, OLD, WAITING],
    of: () => TEAM,
    invite: note('invite', TEAM),
    kick: note('kick', TEAM),
    leave: note('leave', TEAM),
    topic: note('topic', TEAM),
    rename: note('rename', TEAM),
    admin: note('admin', TEAM),
  }
  const state = (group: GroupInfo): ChatState => ({
    ...{ conv: group.conv, number: group.number, user: group.chat, notes: false },
    ...{ mutedUntil: 0, timerSeconds: 0, group },
  })
  const sent = { mid: 'm', number: 1, chat: '#team', conv: 'g0', state: 'queued' } as const
  const fake = fakeApp({
    groups,
    send: note('send', sent),
    history: note('history', []),
    markRead: note('markRead', undefined),
    offerFile: note('offerFile', { ...OFFER, direction: 'out', peer: '#team' }),
    accept: note('accept', INVITATION),
    decline: note('decline', INVITATION),
    requests: () => [INVITATION],
    contacts: () => [ALICE, { ...ALICE, user: 'dave' }],
    life: {
      ...{ isMuted: () => false, choice: () => 'on', shown: () => Promise.resolve() },
      chatOf: (chat: string) => {
        calls.push(['chatOf', chat])
        return Promise.resolve(state(TEAM))
      },
      contactOf: note('contactOf', ALICE),
      mute: note('mute', state(TEAM)),
      deleteChat: note('deleteChat', undefined),
      disappear: note('disappear', sent),
      pins: note('pins', []),
      search: note('search', []),
      ...life,
    } as unknown as Life,
    ...session,
  })
  return { ...fake, calls }
}

test('#team hello is sent, word for word, in any case of the name', async (t) => {
  const { app, calls } = bob()
  t.is(await runLine(app, '#team hello  there\n!quit'), null)
  t.is(await runLine(app, '#TEAM again'), null)
  t.deepEqual(calls, [
    ['send', '#team', 'hello  there\n!quit'],
    ['send', '#team', 'again'],
  ])
})

test('a mistyped group is never written to: the nearest name is said, the line is given back', async (t) => {
  const { app, front, calls } = bob()
  for (const [line, words] of [
    ['#taem hello', 'Did you mean #team?'],
    ['#crow hello', 'Did you mean #crew?'],
    ['#nothing-like-it hello', '!chats lists yours'],
    ['!chat #taem', 'Did you mean #team?'],
    ['!history #taem', 'Did you mean #team?'],
    ['!mute #taem', 'Did you mean #team?'],
    ['!file #taem ./x', 'Did you mean #team?'],
    ['!delete #taem yes', 'Did you mean #team?'],
    ['!disappear #taem 1h', 'Did you mean #team?'],
    ['!export #taem x.md', 'Did you mean #team?'],
    ['!pin #taem', 'Did you mean #team?'],
    ['!search words in:#taem', 'Did you mean #team?'],
    ['!invite #taem dave', 'Did you mean #team?'],
    ['!leave #taem yes', 'Did you mean #team?'],
    ['!members #taem', 'Did you mean #team?'],
    ['!accept #taem', 'Did you mean #team?'],
    ['!rename #taem crew', 'Did you mean #team?'],
  ] as const) {
    front.said.length = 0
    t.like(await runLine(app, line), { code: 'E_NOT_FOUND' }, line)
    t.true(front.said[0]?.includes(words), front.said[0])
    t.is(front.back, line)
  }
  t.deepEqual(calls, [])
})

test('missing and wrong words are a sentence, and the line is given back', async (t) => {
  const { app, front, calls } = bob()
  for (const line of [
    '#',
    '# title',
    '#team',
    '!group',
    '!group team',
    '!group # alice',
    '!group @alice bob',
    '!group x #team',
    '!invite',
    '!invite #team',
    '!invite carol', // no group is open
    '!invite #team #crew',
    '!kick #team',
    '!kick #team carol no',
    '!kick #team carol', // nobody to ask in a pipe
    '!kick #team bob yes', // oneself
    '!kick carol',
    '!members',
    '!members #team more',
    '!leave',
    '!leave #team',
    '!leave #team now',
    '!topic',
    '!topic free words',
    '!admin #team',
    '!admin #team carol on',
    '!admin carol',
    '!rename #team',
    '!rename alicia again',
    '!new #team hello',
    '!block #team',
    '!unblock #team',
    '!verify #team',
    '!trust #team',
    '!who #team',
  ]) {
    t.like(await runLine(app, line), { code: 'E_USAGE' }, line)
    t.is(front.back, line)
  }
  t.deepEqual(calls, [])
})

test('what only people can be says what to do with a group instead', async (t) => {
  const { app, front } = bob()
  await runLine(app, '!block #team')
  await runLine(app, '!verify #team ok')
  t.true(front.said[0]?.includes('!mute #team') && front.said[0].includes('!leave #team'))
  t.true(front.said[1]?.includes('!members #team'))
})

test('a group is made with people, each once, with or without their mark', async (t) => {
  const { app, front, calls } = bob()
  t.is(await runLine(app, '!group hikers @Alice, carol alice'), null)
  t.is(await runLine(app, '!group #old carol'), null) // he left it: the name is free for him
  t.deepEqual(calls, [
    ['create', 'hikers', ['alice', 'carol']],
    ['create', 'old', ['carol']],
  ])
  t.true(front.said[0]?.includes('!chat #team opens it'))
  t.like(await runLine(app, '!group team alice'), { code: 'E_TAKEN' })
  t.like(await runLine(app, '!group alone @bob'), { code: 'E_USAGE' })
  t.is(calls.length, 2)
})

test('what the session refuses is shown in its words', async (t) => {
  const { app, front } = bob({
    groups: {
      list: () => [TEAM],
      create: () => Promise.reject(new SecureChatError('E_USAGE', 'A name has no blanks.')),
      invite: () => Promise.reject(new SecureChatError('E_NOT_FOUND', 'No user called @zed.')),
    } as unknown as Groups,
  })
  t.like(await runLine(app, '!group "my team" alice'), { code: 'E_USAGE' })
  t.like(await runLine(app, '!invite #team zed'), { code: 'E_NOT_FOUND' })
  t.deepEqual(front.said, ['! A name has no blanks.', '! No user called @zed.'])
})

test('in the open chat of a group its name may be left out', async (t) => {
  const { app, calls } = bob()
  t.is(await runLine(app, '!chat #team'), null)
  t.is(app.chat, '#team')
  calls.length = 0
  for (const line of [
    'plain words',
    '!invite dave',
    '!kick carol yes',
    '!topic release  on Friday',
    '!topic off',
    '!admin alice',
    '!history 7',
    '!leave yes',
  ]) {
    t.is(await runLine(app, line), null, line)
  }
  t.deepEqual(calls, [
    ['send', '#team', 'plain words'],
    ['invite', '#team', ['dave']],
    ['kick', '#team', 'carol'],
    ['topic', '#team', 'release  on Friday'],
    ['topic', '#team', ''],
    ['admin', '#team', 'alice', true],
    ['history', '#team', { limit: 7 }],
    ['leave', '#team'],
  ])
  t.is(app.chat, null, 'what one has left is not open')
})

test('elsewhere by name, or by the number of the chat', async (t) => {
  const { app, calls } = bob()
  for (const line of [
    '!invite 5 dave',
    '!kick 5 carol yes',
    '!topic #team new',
    '!topic #team ""',
    '!leave 5 yes',
    '!rename #team #hikers',
  ]) {
    t.is(await runLine(app, line), null, line)
  }
  t.deepEqual(calls, [
    ['invite', '#team', ['dave']],
    ['kick', '#team', 'carol'],
    ['topic', '#team', 'new'],
    ['topic', '#team', ''],
    ['leave', '#team'],
    ['rename', '#team', 'hikers'],
  ])
})

test('the topic is shown when none is given', async (t) => {
  const { app, front, calls } = bob({
    groups: { list: () => [TEAM, { ...CREW, topic: 'boats' }] } as unknown as Groups,
  })
  await runLine(app, '!topic #team')
  await runLine(app, '!topic #crew')
  t.deepEqual(front.said, ['* #team has no topic. !topic #team TEXT sets one.', '* #crew: boats'])
  t.deepEqual(calls, [])
})

test('who is no admin is told before anything is asked, and who is', async (t) => {
  const { app, front, calls } = bob()
  for (const line of [
    '!invite #crew dave',
    '!kick #crew carol',
    '!topic #crew x',
    '!admin #crew carol',
  ]) {
    front.said.length = 0
    const error = await runLine(app, line)
    t.like(error, { code: 'E_NOT_ADMIN' }, line)
    t.is(exitCodeOf(error), EXIT.denied)
    t.is(front.said[0], '! Only admins of #crew can do that: @bob.')
  }
  t.deepEqual(calls, [])
})

test('who is no member is no admin and cannot be removed; what is so already is said', async (t) => {
  const { app, calls } = bob()
  for (const [line, code] of [
    ['!kick #team zed yes', 'E_NOT_FOUND'],
    ['!admin #team zed', 'E_NOT_FOUND'],
    ['!admin #team bob', 'E_STATE'],
    ['!admin #team carol off', 'E_STATE'],
    ['!leave #old yes', 'E_STATE'],
    ['!kick #old carol yes', 'E_STATE'],
    ['!leave #new yes', 'E_STATE'],
    ['!chat #new', 'E_STATE'],
  ] as const) {
    t.like(await runLine(app, line), { code }, line)
  }
  t.deepEqual(calls, [])
})

test('on a terminal it asks before somebody goes', async (t) => {
  const asked: string[] = []
  for (const yes of [false, true]) {
    const { app, front, calls } = bob()
    front.forms = {
      confirm: (message: string) => {
        asked.push(message)
        return Promise.resolve(yes)
      },
    } as never
    t.is(await runLine(app, '!kick #team carol'), null)
    t.is(await runLine(app, '!leave #team'), null)
    t.is(calls.length, yes ? 2 : 0)
  }
  t.is(asked.length, 4)
  t.true(asked[0]?.includes('@carol') && asked[0].includes('#team'))
})

test('members: admins, oneself, who was compared', async (t) => {
  const [bobs, alice, carol] = TEAM.members
  const members = [bobs, alice, { ...carol, trust: 'changed' }] as GroupInfo['members']
  const { app, front } = bob({
    groups: { list: () => [{ ...TEAM, members, topic: 'boats' }] } as unknown as Groups,
  })
  await runLine(app, '!members #team')
  t.deepEqual(
    front.said.map((row) => row.replace(/ +/g, ' ')),
    ['* #team, 3 people: boats', '* @bob you, admin', '* @alice verified', '* @carol keys changed'],
  )
})

test('every command that takes a chat takes a group, by its true name', async (t) => {
  const { app, calls } = bob()
  for (const line of [
    '!chat #Team',
    '!history #Team 3',
    '!mute #Team 1h',
    '!delete #Team yes',
    '!disappear #Team 1d',
    '!file #Team ./x',
    '!pin #Team',
    '!search words #Team',
    '!search words in:#Team',
    '!search issue #42',
    '!chat 5',
  ]) {
    t.is(await runLine(app, line), null, line)
  }
  const names = calls.map(([name, first, second]) => [
    name,
    name === 'search' ? [first, (second as { chat?: string }).chat] : first,
  ])
  t.deepEqual(names, [
    ['history', '#team'],
    ['markRead', '#team'],
    ['history', '#team'],
    ['mute', '#team'],
    ['chatOf', '#team'],
    ['deleteChat', '#team'],
    ['chatOf', '#team'],
    ['disappear', '#team'],
    ['offerFile', '#team'],
    ['pins', '#team'],
    ['search', ['words', '#team']],
    ['search', ['words', '#team']],
    ['search', ['issue #42', undefined]],
    ['chatOf', '5'],
    ['history', '#team'],
    ['markRead', '#team'],
  ])
})

test('an invitation is answered by number or by the name of the group', async (t) => {
  const { app, front, calls } = bob()
  await runLine(app, '!requests')
  t.is(front.said[0], '*   4  #new, 3 people: @carol invites you')
  await runLine(app, '!accept #new')
  await runLine(app, '!accept')
  await runLine(app, '!decline #new')
  t.like(await runLine(app, '!accept #team'), { code: 'E_NOT_FOUND' })
  t.deepEqual(calls, [
    ['accept', 4],
    ['accept', 4],
    ['decline', 4],
  ])
  t.is(front.said[1], '* You are in #new now. #new TEXT writes to it, !chat #new opens it.')
  t.is(front.said[3], '* You are not in #new: declined.')
})

test('Tab completes groups, and people behind them', async (t) => {
  const hostile = { ...TEAM, chat: '#a\u001b[2J' }
  const { app } = bob({
    groups: { list: () => [TEAM, CREW, hostile, { ...TEAM, chat: '#a b' }] } as unknown as Groups,
  })
  const items = async (line: string): Promise<readonly string[]> =>
    (await candidates(app, line, line.length)).items
  t.deepEqual(await items('#'), ['#crew ', '#team '])
  t.deepEqual(await items('#TE'), ['#team '])
  t.deepEqual(await items('#a'), [])
  t.deepEqual(await items('!chat #c'), ['#crew '])
  t.deepEqual(await items('!chat al'), ['alice '])
  t.deepEqual(await items('!kick '), ['#crew ', '#team '])
  t.deepEqual(await items('!kick #team '), ['alice ', 'bob ', 'carol '])
  t.deepEqual(await items('!kick #team c'), ['carol '])
  t.deepEqual(await items('!invite #team '), ['dave '])
  t.deepEqual(await items('!invite #nobody @d'), ['@dave '])
  t.deepEqual(await items('!group hikers a'), ['alice '])
  t.deepEqual(await items('!group hik'), [])
  t.deepEqual(await items('!group hikers alice d'), ['dave '])
  t.deepEqual(await items('!leave #t'), ['#team '])
  t.deepEqual(await items('!leave #team '), [])
  t.deepEqual(await items('!search words #t'), ['#team '])
  t.deepEqual(await items('!search words @a'), ['@alice '])
  t.deepEqual(await items('!block #t'), [])
  app.openChat('#team')
  t.deepEqual(await items('!admin c'), ['carol '])
  t.deepEqual(await items('!admin #'), ['#crew ', '#team '])
  const done = await candidates(app, '!kick #team ca', 14)
  t.is(done.from, 12)
})
