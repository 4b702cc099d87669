// What programs read and write: JSON lines in, JSON lines out, and nothing raw in them.
import { Writable } from 'node:stream'

import test from 'ava'

import { JsonFront } from '../../../lib/cli/client/json/json-front.ts'
import { parseJsonLine } from '../../../lib/cli/client/json/run-json.ts'
import {
  active,
  HOSTILE_FILE_NAMES,
  HOSTILE_TEXTS,
  LONG_LINES,
} from '../../fixtures/hostile-text.ts'

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

for (const { name, text: hostile } of [...HOSTILE_TEXTS, ...LONG_LINES, ...HOSTILE_FILE_NAMES]) {
  test(`hostile text is data and nothing else: ${name}`, (t) => {
    const { front, text } = collected()
    front.row('*', hostile)
    t.deepEqual(active(text()), [])
    t.is(text().split('\n').length, 2)
    t.deepEqual(JSON.parse(text()), { type: 'row', mark: '*', text: hostile })
  })
}
