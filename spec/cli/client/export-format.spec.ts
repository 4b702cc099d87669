// A chat as a document: nothing in it acts on a terminal or breaks out of its place, and it says the same everywhere.
import test from 'ava'
import fc from 'fast-check'

import { type ExportFormat, exportLines, jsonLine } from '../../../lib/cli/client/export-format.ts'
import type { MessageBody, MessageView } from '../../../lib/client/events.ts'
import { runs } from '../../helpers/refusals.ts'

const T = Date.UTC(2026, 1, 2, 23, 59, 58)

function view(body: MessageBody, more: Partial<MessageView> = {}): MessageView {
  return {
    ...{ number: 7, mid: 'ab', conv: 'c0', chat: 'bob', from: 'alice', acct: 'aa', own: true },
    ...{
      ts: T,
      at: T + 5,
      saidAt: T,
      timeDoubtful: false,
      body,
      state: 'read',
      resent: false,
      ...more,
    },
  }
}

const text = (words: string): MessageView => view({ kind: 'text', text: words })

async function all(format: ExportFormat, ...views: readonly MessageView[]): Promise<string> {
  async function* messages(): AsyncGenerator<MessageView> {
    for (const each of views) yield await Promise.resolve(each)
  }
  let document = ''
  for await (const part of exportLines(format, 'bob', messages())) document += part
  return document
}

test('Markdown: days, times, names, every further line in its place', async (t) => {
  const document = await all(
    'markdown',
    text('hello\n\n  indented'),
    view({ kind: 'text', text: 'next day' }, { ts: T + 2000, from: 'bob', own: false }),
    view({ kind: 'placeholder', why: 'gap' }),
  )
  t.is(
    document,
    [
      '# Conversation with @bob',
      '',
      '## 2026-02-02',
      '',
      '- **23:59:58 alice:** hello\\',
      '  \u00A0\\',
      '  \u00A0\u00A0indented',
      '',
      '## 2026-02-03',
      '',
      '- **00:00:00 bob:** next day',
      '',
      '## 2026-02-02',
      '',
      '- **23:59:58 alice:** \\[a message that could not be read yet\\]',
      '',
    ].join('\n'),
  )
})

test('Markdown: what a message answers, that it was edited, and reactions to it', async (t) => {
  const body = { kind: 'text', text: 'at one' } as const
  const answers = { number: 3, from: 'bob', body: { kind: 'text', text: 'lunch?' } } as const
  const reactions = [{ emoji: '+', from: ['bob', 'carol'] }]
  const document = await all(
    'markdown',
    view(body, { answers, edited: true, reactions }),
    view(body, { answers: 'unknown' }),
  )
  const plain = document.replace(/[\u2068\u2069]/gu, '')
  t.deepEqual(plain.trimEnd().split('\n').slice(4), [
    '- **23:59:58 alice:** (re bob: lunch?)\\',
    '  at one\\',
    '  (edited) \\[+ bob, carol\\]',
    '- **23:59:58 alice:** (re: a message that is not here)\\',
    '  at one',
  ])
})

test('Markdown: what others write stays text', async (t) => {
  const hostile = [
    ...['# title', '- item', '1. item', '=====', '> quote', '    code', '<b>&lt;', '![x](y)'],
    ...['**bold** _it_ `c` ~~s~~ a|b', '\u001b[31mred', 'x\u202Ey'],
  ]
  const document = await all('markdown', text(hostile.join('\n')))
  const lines = document.trimEnd().split('\n').slice(4)
  t.is(lines.length, hostile.length)
  t.true(lines.slice(1).every((line) => line.startsWith('  ')))
  for (const sign of [
    '\\# title',
    '\\- item',
    '1\\. item',
    '\\=====',
    '\\> quote',
    '\\<b\\>\\&lt;',
  ]) {
    t.true(document.includes(sign), sign)
  }
  t.false(document.includes('\u001b') || document.includes('\u202E'))
})

test('JSON: one object a line, alphabetical, nothing of this device', (t) => {
  const line = jsonLine(view({ kind: 'file', offer: 3, name: 'a.pdf', size: 9 }))
  t.is(
    line,
    '{"acct":"aa","body":{"kind":"file","name":"a.pdf","size":9},"chat":"bob","conv":"c0","from":"alice","mid":"ab","own":true,"resent":false,"time":"2026-02-02T23:59:58.000Z","timeDoubtful":false}',
  )
  t.is(jsonLine(text('x')), jsonLine({ ...text('x'), number: 99, at: 1, state: 'queued' }))
})

test('a time from nowhere is still a time', async (t) => {
  const document = await all('markdown', view({ kind: 'text', text: 'x' }, { ts: 2 ** 53 - 1 }))
  t.true(document.includes('## 9999-12-31'))
})

test('any text comes back out of its line of JSON, and stays in its item of Markdown', async (t) => {
  const property = fc.asyncProperty(fc.string({ unit: 'binary' }), async (words) => {
    const document = await all('json', text(words))
    const lines = document.trimEnd().split('\n')
    const parsed = JSON.parse(lines[0] ?? '') as { readonly body: { readonly text: string } }
    const items = (await all('markdown', text(words))).trimEnd().split('\n').slice(4)
    return (
      lines.length === 1 &&
      parsed.body.text === words &&
      items.every((line, i) => line.startsWith(i === 0 ? '- **' : '  '))
    )
  })
  await fc.assert(property, runs(100))
  t.pass()
})
