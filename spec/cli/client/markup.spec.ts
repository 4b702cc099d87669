// Formatted text: a small part of Markdown, and what must stay as it was typed.
import test from 'ava'
import fc from 'fast-check'

import { markup, type Piece } from '../../../lib/cli/client/markup.ts'
import { message, paintRow, plainText } from '../../../lib/cli/client/rows.ts'
import { createTheme } from '../../../lib/cli/theme.ts'
import { HOSTILE_TEXTS } from '../../fixtures/hostile-text.ts'

const numRuns = process.env['SLOW'] === undefined ? 200 : 5000

function roles(line: string): string {
  return markup(line, false)
    .map(({ text, role }) => (role === undefined ? text : `<${role}:${text}>`))
    .join('')
}

for (const [typed, shown] of [
  ['a **b c** d', 'a <bold:b c> d'],
  ['*soft* and _soft_', '<italic:soft> and <italic:soft>'],
  ['~~gone~~, here', '<struck:gone>, here'],
  ['run `a *b* _c_` now', 'run <code:a *b* _c_> now'],
  ['(*really*)', '(<italic:really>)'],
  ['**one** **two**', '<bold:one> <bold:two>'],
] as const) {
  test(`shown formatted: ${typed}`, (t) => {
    t.is(roles(typed), shown)
  })
}

for (const plain of [
  'snake_case_name and __init__',
  '2*3*4 = 24, 2 * 3 * 4',
  'rm *.ts *.js',
  'a ** b ** c',
  'not *closed',
  '`not closed',
  '** **',
  '****',
  '~~~~',
  '``',
  'x~~y~~z',
  '',
]) {
  test(`as it was typed: ${plain}`, (t) => {
    t.is(roles(plain), plain)
  })
}

test('right-to-left lines are left alone', (t) => {
  t.deepEqual(markup('\u05d0 **\u05d1** \u05d2', false), [{ text: '\u05d0 **\u05d1** \u05d2' }])
})

test('nothing is added, and with the marks nothing is lost', (t) => {
  const line = fc
    .array(fc.constantFrom('*', '**', '_', '~~', '`', ' ', 'a', 'word', '.', '\u4f60'), {
      maxLength: 60,
    })
    .map((parts) => parts.join(''))
  const joined = (pieces: readonly Piece[]): string => pieces.map(({ text }) => text).join('')
  fc.assert(
    fc.property(line, (text) => {
      t.is(joined(markup(text, true)), text)
      const bare = joined(markup(text, false))
      t.true(bare.length <= text.length)
      t.is(bare.replace(/[*_~`]/g, ''), text.replace(/[*_~`]/g, ''))
    }),
    { numRuns },
  )
})

test('a text of nothing but marks costs no more than one of letters', (t) => {
  for (const part of ['*a ', '_a ', '**a ', '`', '*', '~~a', '* a*']) {
    const line = part.repeat(8192 / part.length)
    t.true(markup(line, true).length <= 102)
  }
})

test('in a coloured terminal the marks are drawn, in any other they are shown', (t) => {
  const entry = { time: '12:04', who: 'alice', body: 'so **bold**\nand `code`', formatted: true }
  const colour = createTheme({ env: { TERM: 'xterm', LANG: 'C.UTF-8' }, tty: true })
  const plain = createTheme({ env: { NO_COLOR: '1', LANG: 'C.UTF-8' }, tty: true })
  t.deepEqual(message(entry, colour)(60).map(plainText), ['12:04    alice: so bold', '|  and code'])
  t.deepEqual(message(entry, plain)(60).map(plainText), [
    '12:04    alice: so **bold**',
    '|  and `code`',
  ])
  t.deepEqual(message({ ...entry, formatted: false }, colour)(60).map(plainText), [
    '12:04    alice: so **bold**',
    '|  and `code`',
  ])
})

for (const { name, text } of HOSTILE_TEXTS) {
  test(`formatting lets nothing through: ${name}`, (t) => {
    const theme = createTheme({ env: { TERM: 'xterm', LANG: 'C.UTF-8' }, tty: true })
    const body = `**${text}** \`${text}\``
    for (const row of message({ time: '12:04', who: 'm', body, formatted: true }, theme)(40)) {
      const painted = paintRow(row, theme)
        .split('\x1b')
        .map((part, i) => (i === 0 ? part : part.replace(/^\[\d+m/u, '')))
        .join('')
      t.notRegex(painted, /[\p{Cc}\u202a-\u202e\u2066\u2067\u200b]/u)
    }
  })
}
