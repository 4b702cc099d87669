import test from 'ava'
import { createTheme, ROLES, type ThemeOptions } from '../../lib/cli/theme.ts'
import { width } from '../../lib/cli/client/width.ts'

const ESC = '\x1b'
const utf8 = { TERM: 'xterm-256color', LANG: 'C.UTF-8' }

function colours(options: Partial<ThemeOptions>): boolean {
  const theme = createTheme({ env: utf8, tty: true, ...options })
  t0(theme.paint('warn', 'x').includes(ESC) === theme.colour)
  return theme.colour
}

function t0(same: boolean): void {
  if (!same) throw new Error('colour and paint() disagree')
}

test('colour: flag, FORCE_COLOR, NO_COLOR, dumb terminal, pipe', (t) => {
  t.true(colours({}))
  t.false(colours({ noColor: true }))
  t.false(colours({ noColor: true, env: { ...utf8, FORCE_COLOR: '1' } }))
  t.false(colours({ env: { ...utf8, NO_COLOR: '1' } }))
  t.true(colours({ env: { ...utf8, NO_COLOR: '' } }), 'no-color.org: empty means not set')
  t.false(colours({ env: { ...utf8, TERM: 'dumb' } }))
  t.false(colours({ tty: false }))
  t.true(colours({ tty: false, env: { ...utf8, FORCE_COLOR: '1', NO_COLOR: '1' } }))
  t.false(colours({ env: { ...utf8, FORCE_COLOR: '0' } }))
})

test('without colour no role leaves a trace', (t) => {
  const theme = createTheme({ env: { ...utf8, NO_COLOR: '1' }, tty: true })
  for (const role of ROLES.filter((r) => r !== 'qr')) t.is(theme.paint(role, 'text'), 'text')
  t.regex(theme.paint('qr', '\u2588'), /\[97m/u, 'a code that a scanner cannot read is of no use')
  t.is(createTheme({ env: {}, tty: false }).paint('qr', 'x'), 'x')
})

test('every role closes what it opens', (t) => {
  const theme = createTheme({ env: utf8, tty: true })
  for (const role of ROLES) {
    const painted = theme.paint(role, 'x').replaceAll(ESC, '')
    t.regex(painted, /^(\[\d+m)+x(\[(39|49|2[239])m)+$/u, role)
    t.is(theme.paint(role, ''), '')
  }
})

test('glyphs: two cells for each tick, ASCII where the terminal may not show more', (t) => {
  const unicode = createTheme({ env: utf8, tty: true }).glyphs
  const ascii = createTheme({ env: { TERM: 'xterm' }, tty: true }).glyphs
  for (const { tick, ...others } of [unicode, ascii]) {
    for (const glyph of Object.values(tick)) t.is(width(glyph), 2)
    for (const glyph of Object.values(others)) t.is(width(glyph), 1)
  }
  t.regex(JSON.stringify(ascii), /^[ -~]*$/u)
  t.not(unicode.down, ascii.down)
  const isAscii = (env: Record<string, string>, flag = false): boolean =>
    createTheme({ env, tty: true, ascii: flag }).glyphs.down === ascii.down
  t.true(isAscii(utf8, true))
  t.true(isAscii({ ...utf8, TERM: 'linux' }))
  t.true(isAscii({ ...utf8, SECURECHAT_ASCII: '1' }))
  t.true(isAscii({ ...utf8, LC_ALL: 'C' }), 'LC_ALL beats LANG')
  t.false(isAscii({ LC_CTYPE: 'de_DE.utf8' }))
  t.false(isAscii({ WT_SESSION: 'x' }))
})
