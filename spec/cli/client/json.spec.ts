// What programs read and write: JSON lines in, JSON lines out, and nothing raw in them.
import { readFileSync } from 'node:fs'
import { Writable } from 'node:stream'

import test from 'ava'

import type { DirectView } from '../../../lib/client/direct-api.ts'
import type { ClientEvent } from '../../../lib/client/events.ts'
import { runLine } from '../../../lib/cli/client/dispatch.ts'
import { JsonFront } from '../../../lib/cli/client/json/json-front.ts'
import { parseJsonLine, presentJson } from '../../../lib/cli/client/json/run-json.ts'
import {
  active,
  HOSTILE_FILE_NAMES,
  HOSTILE_TEXTS,
  LONG_LINES,
} from '../../fixtures/hostile-text.ts'
import { fakeApp } from '../../helpers/fake-front.ts'

function collected(): { readonly front: JsonFront; text(): string } {
  let text = ''
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString()
      done()
    },
  })
  return { front: new JsonFront(output), text: () => text }
}

test('a line is a command, or an object with one', (t) => {
  t.deepEqual(parseJsonLine('@alice {"id":1}'), { line: '@alice {"id":1}' })
  t.deepEqual(parseJsonLine('{"line":"!chats"}'), { line: '!chats' })
  t.deepEqual(parseJsonLine('{"id":7,"line":"@a b"}'), { id: 7, line: '@a b' })
  t.deepEqual(parseJsonLine('{"id":"x","line":"hi","more":1}'), { id: 'x', line: 'hi' })
  for (const bad of [
    '{',
    '{"id":1}',
    '{"line":5}',
    '{"line":"two\\nlines"}',
    '{"id":[],"line":"x"}',
    `{"id":"${'x'.repeat(129)}","line":"x"}`,
  ]) {
    t.throws(() => parseJsonLine(bad), { code: 'E_USAGE' }, bad)
  }
})

test('rows belong to the line that is being answered', (t) => {
  const { front, text } = collected()
  front.answering('a')
  front.row('*', 'one')
  front.answering(undefined)
  front.rows('!', ['two'])
  t.deepEqual(
    text()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
    [
      { type: 'row', mark: '*', text: 'one', id: 'a' },
      { type: 'row', mark: '!', text: 'two' },
    ],
  )
})

/** A new event is missing here until it has a row in JSON.md. */
const EVENTS: Readonly<Record<ClientEvent['type'], true>> = {
  ...{ message: true, 'message-state': true, 'message-change': true, 'message-expired': true },
  ...{ 'file-offer': true, 'file-progress': true, 'file-done': true, 'file-failed': true },
  ...{ 'file-answer': true, contact: true, group: true, direct: true, connection: true },
  ...{ notice: true, restore: true, keys: true, 'forced-logout': true, closed: true },
}

test('every event, and no other, has its row in JSON.md', (t) => {
  const path = new URL('../../../lib/cli/client/json/JSON.md', import.meta.url)
  const [, part = ''] = readFileSync(path, 'utf8').split('\n## Events\n')
  const rows = [...part.matchAll(/^\| `([a-z-]+)` /gm)].map(([, type]) => type ?? '')
  t.deepEqual(rows.sort(), Object.keys(EVENTS).sort())
})

test('a direct connection: whom it is asked of, what that tells him, and which way a chat goes', async (t) => {
  const { front, text } = collected()
  const view: DirectView = {
    ...{ user: 'alice', conv: 'c0', state: 'up', number: 4 },
    ...{ own: ['192.0.2.1:5000'], theirs: [] },
  }
  let all: readonly DirectView[] = []
  const direct = { addresses: () => Promise.resolve(['192.0.2.1']), list: () => all }
  const more = { front, present: presentJson(front) }
  const { app, emit } = fakeApp({ direct: direct as never }, more)
  front.answering(7)
  t.is(await runLine(app, '!direct alice'), null)
  front.answering(undefined)
  all = [view]
  emit({ type: 'direct', direct: view })
  t.true(app.isDirect('alice'))
  all = []
  emit({ type: 'direct', direct: { ...view, state: 'down' } })
  t.false(app.isDirect('alice'))
  const hint = '(y/n, or !direct alice ok)'
  const question = `This tells @alice your address 192.0.2.1. Ask for a direct connection? ${hint}`
  t.deepEqual(
    text()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
    [
      { type: 'row', mark: '?', text: question, id: 7 },
      { type: 'direct', direct: view },
      { type: 'direct', direct: { ...view, state: 'down' } },
    ],
  )
})

for (const { name, text: hostile } of [...HOSTILE_TEXTS, ...LONG_LINES, ...HOSTILE_FILE_NAMES]) {
  test(`hostile text is data and nothing else: ${name}`, (t) => {
    const { front, text } = collected()
    front.row('*', hostile)
    t.deepEqual(active(text()), [])
    t.is(text().split('\n').length, 2)
    t.deepEqual(JSON.parse(text()), { type: 'row', mark: '*', text: hostile })
  })
}
