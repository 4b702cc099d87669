import test from 'ava'
import { createTheme, PEER_ROLES, peerRole, ROLES, type ThemeOptions } from '../../lib/cli/theme.ts'
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
  for (const role of [...ROLES, ...PEER_ROLES].filter((r) => r !== 'qr'))
    t.is(theme.paint(role, 'text'), 'text')
  t.regex(theme.paint('qr', '\u2588'), /\[97m/u, 'a code that a scanner cannot read is of no use')
  t.is(createTheme({ env: {}, tty: false }).paint('qr', 'x'), 'x')
})

test('every role closes what it opens', (t) => {
  const theme = createTheme({ env: utf8, tty: true })
  for (const role of ROLES) {
    const painted = theme.paint(role, 'x').replaceAll(ESC, '')
    t.regex(painted, /^(\[[\d;]+m)+x(\[(39|49|2[239])m)+$/u, role)
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
  const isAscii = (env: Record<string, string>): boolean =>
    createTheme({ env, tty: true }).glyphs.down === ascii.down
  t.false(isAscii(utf8))
  t.true(isAscii({ ...utf8, TERM: 'linux' }))
  t.true(isAscii({ ...utf8, SECURECHAT_ASCII: '1' }))
  t.false(isAscii({ ...utf8, SECURECHAT_ASCII: '0' }))
  t.true(isAscii({ ...utf8, LC_ALL: 'C' }), 'LC_ALL beats LANG')
  t.false(isAscii({ LC_CTYPE: 'de_DE.utf8' }))
  t.false(isAscii({ WT_SESSION: 'x' }))
})

/** Of WCAG: 1 (nothing to see) to 21. */
function contrast(a: number, b: number): number {
  const [light = 0, dark = 0] = [a, b].sort((x, y) => y - x)
  return (light + 0.05) / (dark + 0.05)
}

/** Relative luminance of a colour of the cube of 256. */
function luminance(index: number): number {
  const levels = [0, 95, 135, 175, 215, 255]
  const digits = [Math.floor((index - 16) / 36), Math.floor((index - 16) / 6) % 6, (index - 16) % 6]
  const [red = 0, green = 0, blue = 0] = digits.map((digit) => {
    const part = (levels[digit] ?? 0) / 255
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

test('names stand out from a dark and from a light ground', (t) => {
  const theme = createTheme({ env: utf8, tty: true })
  const colours = PEER_ROLES.map((role) =>
    Number(/\[38;5;(\d+)m/.exec(theme.paint(role, 'x'))?.[1]),
  )
  t.is(new Set(colours).size, PEER_ROLES.length)
  colours.push(Number(/\[38;5;(\d+)m/.exec(theme.paint('warn', 'x'))?.[1]))
  for (const colour of colours) {
    t.true(contrast(luminance(colour), 0) > 3.2, String(colour))
    t.true(contrast(luminance(colour), 1) > 3.2, String(colour))
  }
})

test('a colour comes from the account alone; sixteen colours are enough, two of them for names', (t) => {
  t.is(peerRole('00000001ff'), 'peer1')
  t.is(peerRole('0000000cff'), 'peer0')
  t.is(peerRole(''), 'peer')
  const few = createTheme({ env: { ...utf8, TERM: 'xterm' }, tty: true })
  const painted = new Set(PEER_ROLES.map((role) => few.paint(role, 'x')))
  t.deepEqual([...painted].sort(), [`${ESC}[35mx${ESC}[39m`, `${ESC}[36mx${ESC}[39m`])
})
