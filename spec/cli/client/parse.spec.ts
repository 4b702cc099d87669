import test from 'ava'
import fc from 'fast-check'

import { parseLine, splitArguments, userArgument } from '../../../lib/cli/client/parse.ts'

const COMMANDS = [
  { name: 'register' },
  { name: 'resetkeys' },
  { name: 'quit' },
  { name: 'file' },
  { name: 'files' },
  { name: 'help' },
  { name: 'chats', aliases: ['listChats'] },
] as const

const parse = (line: string) => parseLine(line, COMMANDS)

test('commands by full name, unique prefix, alias, either mark', (t) => {
  const help = { kind: 'command', name: 'help', rest: '' } as const
  for (const typed of ['!help', '/help', '!HELP', '!he', '/h', '  !help  ']) {
    t.deepEqual(parse(typed), help)
  }
  t.deepEqual(parse('!reg now'), { kind: 'command', name: 'register', rest: 'now' })
  t.deepEqual(parse('/listChats'), { kind: 'command', name: 'chats', rest: '' })
  t.deepEqual(parse('/listchats'), { kind: 'command', name: 'chats', rest: '' })
})

test('a full name wins over a longer one; a shared prefix is not guessed', (t) => {
  t.deepEqual(parse('!file x'), { kind: 'command', name: 'file', rest: 'x' })
  t.deepEqual(parse('!re'), {
    kind: 'ambiguous',
    typed: 're',
    candidates: ['register', 'resetkeys'],
  })
  t.like(parse('!fil'), { kind: 'ambiguous' })
})

test('an unknown command names the nearest one, or none', (t) => {
  t.deepEqual(parse('!hlep'), { kind: 'unknown', typed: 'hlep', suggestions: ['help'] })
  t.deepEqual(parse('!xyzzy'), { kind: 'unknown', typed: 'xyzzy', suggestions: [] })
  t.deepEqual(parse('!'), { kind: 'unknown', typed: '', suggestions: [] })
})

test('people: the text is kept as typed, newlines and all', (t) => {
  t.deepEqual(parse('@alice hello  there'), { kind: 'to', user: 'alice', text: 'hello  there' })
  t.deepEqual(parse('@alice one\n!quit\n@bob x'), {
    kind: 'to',
    user: 'alice',
    text: 'one\n!quit\n@bob x',
  })
  t.deepEqual(parse('@bob'), { kind: 'to', user: 'bob', text: '' })
  t.deepEqual(parse('@'), { kind: 'to', user: '', text: '' })
})

test('groups: the name keeps its mark, the text is as typed', (t) => {
  t.deepEqual(parse('#team hello  there\n#x'), {
    kind: 'group',
    group: '#team',
    text: 'hello  there\n#x',
  })
  t.deepEqual(parse('#Team'), { kind: 'group', group: '#Team', text: '' })
  t.deepEqual(parse('# title'), { kind: 'group', group: '#', text: 'title' })
})

test('doubled marks are literal', (t) => {
  t.deepEqual(parse('!!important'), { kind: 'text', text: '!important' })
  t.deepEqual(parse('//etc'), { kind: 'text', text: '/etc' })
  t.deepEqual(parse('@@home'), { kind: 'text', text: '@home' })
  t.deepEqual(parse('## a title'), { kind: 'text', text: '# a title' })
})

test('arguments: quotes and backslashes keep blanks', (t) => {
  t.deepEqual(splitArguments(`alice "./my doc.pdf"`), ['alice', './my doc.pdf'])
  t.deepEqual(splitArguments(`alice ./my\\ doc.pdf 'it"s' ""`), [
    'alice',
    './my doc.pdf',
    'it"s',
    '',
  ])
  t.deepEqual(splitArguments('  '), [])
  t.is(splitArguments('alice "unfinished'), null)
})

test('any line parses to something, and text is never lost', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (line) => {
      const parsed = parse(line)
      splitArguments(line)
      if (parsed.kind === 'text') return line.includes(parsed.text)
      if (parsed.kind === 'group') return line.includes(parsed.group) && line.includes(parsed.text)
      if (parsed.kind === 'to') return line.includes(parsed.user) && line.includes(parsed.text)
      return true
    }),
    { numRuns: process.env['SLOW'] === undefined ? 300 : 20000 },
  )
  t.pass()
})

test('a person is named with or without the mark, in any case', (t) => {
  for (const typed of ['alice', '@alice', 'Alice', '@ALICE']) t.is(userArgument(typed), 'alice')
})
