// What of the lines typed is kept: never a password, never the words of a chat whose messages vanish.
import test from 'ava'

import type { Life } from '../../../lib/client/life-api.ts'
import type { Notebook } from '../../../lib/client/notebook-api.ts'
import { isSecretLine, keepLine } from '../../../lib/cli/client/typed-lines.ts'
import { ALICE, type FakeApp, fakeApp, TEAM } from '../../helpers/fake-front.ts'
import { FakeTerminal, KEY } from './fake-terminal.ts'

test('a password typed behind a command is not kept, however the command was spelled', (t) => {
  for (const line of [
    '!passwd correct horse',
    '!login alice correct-horse',
    '!log alice pw',
    '/recover alice AAAAA-BBBBB',
    '!pass x',
    ' !passwrd hunter2',
    '!lock hunter2',
    '!deleteaccount pw',
    '!rename alicia pw pw',
    '!login "unfinished',
  ]) {
    t.true(isSecretLine(line), line)
  }
  for (const line of [
    '!passwd',
    '!login alice',
    '!recover alice',
    '@alice !passwd x',
    'hello there',
    '!chat alice',
    '!hlep me please',
    '',
  ]) {
    t.false(isSecretLine(line), line)
  }
})

interface Kept extends FakeApp {
  readonly kept: [string, string][]
}

function keeping(timerSeconds = 0): Kept {
  const kept: [string, string][] = []
  const notebook = {
    addLine: (text: string, conv: string) => Promise.resolve(void kept.push([text, conv])),
  } as unknown as Notebook
  const chatOf = (chat: string) =>
    Promise.resolve({ conv: chat === '#team' ? 'g0' : 'c0', timerSeconds })
  const fake = fakeApp({
    notebook,
    contacts: () => [ALICE],
    groups: { list: () => [TEAM] } as never,
    message: () => Promise.resolve({ chat: 'alice' } as never),
    life: { chatOf, isMuted: () => false, choice: () => 'on' } as unknown as Life,
  })
  return { ...fake, kept }
}

test('each line is kept with the conversation whose words it holds', async (t) => {
  const { app, kept } = keeping()
  for (const line of ['@alice hi', '#team hi', '!reply 3 yes', '!mute alice', '!chats', '@bob x']) {
    await keepLine(app, line, null)
  }
  await keepLine(app, 'and this', 'alice')
  await keepLine(app, '!passwd oops', null)
  await keepLine(app, '   ', null)
  t.deepEqual(kept, [
    ['@alice hi', 'c0'],
    ['#team hi', 'g0'],
    ['!reply 3 yes', 'c0'],
    ['!mute alice', 'c0'],
    ['!chats', ''],
    ['@bob x', ''],
    ['and this', 'c0'],
  ])
})

test('what was said to vanish is not kept elsewhere', async (t) => {
  const { app, kept } = keeping(60)
  await keepLine(app, '@alice burn this', null)
  await keepLine(app, 'and this', 'alice')
  await keepLine(app, '!edit 3 and that', null)
  await keepLine(app, '!chats', null)
  t.deepEqual(kept, [['!chats', '']])
})

test('nobody is logged in: nothing is kept', async (t) => {
  const { app } = fakeApp(null)
  await t.notThrowsAsync(keepLine(app, '!help', null))
})

test('the lines of earlier launches are before those of this one, for the arrows and for Ctrl-R', async (t) => {
  const x = new FakeTerminal()
  await x.type(`first now${KEY.enter}half a dra`)
  await x.type(KEY.up)
  x.ui.addHistory(['@alice old words', '!chats'])
  await x.type(KEY.up)
  t.regex(x.screen(), /me > !chats$/u)
  await x.type(KEY.down + KEY.down)
  t.regex(x.screen(), /me > half a dra$/u)
  await x.type(`${KEY.ctrl('r')}old w`)
  t.regex(x.screen(), /@alice old words$/u)
  await x.type(KEY.ctrl('g'))
  x.ui.forgetHistory()
  await x.type(KEY.up)
  t.regex(x.screen(), /me > half a dra$/u)
  x.ui.forgetHistory(true)
  await x.type(KEY.ctrl('y'))
  t.regex(x.screen(), /me >$/u)
})
