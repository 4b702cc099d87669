// What a front end keeps on this device: there after a restart, bounded, and gone with the chat that it was about.
import test from 'ava'

import { LINE_CHARS_MAX, LINES_MAX, RecordNotebook } from '../../lib/client/session/notebook.ts'
import { createMemoryStore } from '../../lib/storage/memory.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { World } from './world.ts'

function notebooks(): () => RecordNotebook {
  const { records } = createMemoryStore({ clock: new FakeClock() })
  return () => new RecordNotebook(records, (work) => work())
}

test('lines typed are there at the next launch, in their order, however fast they came', async (t) => {
  const open = notebooks()
  const first = open()
  await Promise.all(['one', 'two', 'three'].map((line) => first.addLine(line, '')))
  const second = open()
  await second.addLine('four', '')
  t.deepEqual(await open().lines(), ['one', 'two', 'three', 'four'])
})

test('the newest lines are kept, and none that is as long as a book', async (t) => {
  const open = notebooks()
  const book = open()
  await book.addLine('x'.repeat(LINE_CHARS_MAX + 1), '')
  for (let i = 0; i < LINES_MAX + 3; i++) await book.addLine(String(i), '')
  const lines = await open().lines()
  t.is(lines.length, LINES_MAX)
  t.deepEqual([lines[0], lines.at(-1)], ['3', String(LINES_MAX + 2)])
})

test('what was said in a chat goes with it, and numbers go on', async (t) => {
  const open = notebooks()
  const book = open()
  await book.addLine('@alice secret', 'c1')
  await book.addLine('!chats', '')
  await book.addLine('@bob hi', 'c2')
  await book.forgetLines('c1')
  await book.addLine('last', '')
  t.deepEqual(await open().lines(), ['!chats', '@bob hi', 'last'])
})

test('half an emoji is no reason to lose the line', async (t) => {
  const open = notebooks()
  await open().addLine('a\ud83d', '')
  t.deepEqual(await open().lines(), ['a\ufffd'])
})

test('a session has one, sealed with everything else; after its end nothing is written', async (t) => {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const { notebook } = alice.session
  t.is(await notebook.read('window'), null)
  await notebook.write('window', '{"notify":"on"}')
  await notebook.addLine('@bob hello', '')
  await alice.session.close()
  await t.throwsAsync(notebook.addLine('late', ''), { code: 'E_CLOSED' })
  await t.throwsAsync(notebook.read('window'), { code: 'E_CLOSED' })
  await alice.start()
  t.is(await alice.session.notebook.read('window'), '{"notify":"on"}')
  t.deepEqual(await alice.session.notebook.lines(), ['@bob hello'])
  await alice.session.close()
})
