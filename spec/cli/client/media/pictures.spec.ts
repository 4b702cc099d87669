// Pictures on terminals of every kind: which kind it is, what is sent to it, and that the line and the rows around it stay.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import test from 'ava'

import { workerDecoder } from '../../../../lib/cli/client/media/decoder.ts'
import { type Graphics, graphicsOf } from '../../../../lib/cli/client/media/graphics.ts'
import { Pictures } from '../../../../lib/cli/client/media/pictures.ts'
import { decodePng } from '../../../../lib/cli/client/media/png.ts'
import type { Raster } from '../../../../lib/cli/client/media/raster.ts'
import { pictureSequence } from '../../../../lib/cli/client/media/sequences.ts'
import { notice } from '../../../../lib/cli/client/rows.ts'
import { createNodeFiles } from '../../../../lib/cli/node-files.ts'
import { createTheme } from '../../../../lib/cli/theme.ts'
import { scratch } from '../../../helpers/programs.ts'
import { FakeTerminal, KEY } from '../fake-terminal.ts'
import { png, PROGRESSIVE } from './samples.ts'

const UTF8 = { LANG: 'C.UTF-8' }
const TRUE = { ...UTF8, TERM: 'xterm-256color', COLORTERM: 'truecolor' }

for (const [graphics, env] of [
  ['kitty', { TERM: 'xterm-kitty' }],
  ['kitty', { TERM: 'xterm-256color', KITTY_WINDOW_ID: '1' }],
  ['kitty', { TERM: 'xterm-ghostty', TERM_PROGRAM: 'ghostty' }],
  ['kitty', { TERM: 'xterm-256color', KONSOLE_VERSION: '230805' }],
  ['blocks', { TERM: 'xterm-256color', KONSOLE_VERSION: '210800' }],
  ['iterm', { TERM: 'xterm-256color', TERM_PROGRAM: 'iTerm.app' }],
  ['iterm', { TERM: 'xterm-256color', TERM_PROGRAM: 'WezTerm' }],
  ['iterm', { TERM: 'xterm-256color', LC_TERMINAL: 'iTerm2' }],
  ['sixel', { TERM: 'foot' }],
  ['sixel', { TERM: 'mlterm' }],
  ['blocks', { TERM: 'xterm-256color' }],
  ['blocks', { TERM: 'xterm', COLORTERM: 'truecolor' }],
  ['blocks', { TERM: 'tmux-256color', TERM_PROGRAM: 'tmux', KITTY_WINDOW_ID: '1' }],
  ['blocks', { TERM: 'xterm-kitty', TMUX: '/tmp/tmux-0/default,1,0' }],
  ['none', { TERM: 'xterm' }],
  ['none', { TERM: 'linux' }],
  ['none', { TERM: 'dumb', COLORTERM: 'truecolor' }],
  ['none', { TERM: 'xterm-kitty', NO_COLOR: '1' }],
  ['none', { TERM: 'xterm-kitty', SECURECHAT_PREVIEW: 'none' }],
  ['sixel', { TERM: 'xterm-256color', SECURECHAT_PREVIEW: 'sixel' }],
  ['blocks', { TERM: 'xterm-256color', SECURECHAT_PREVIEW: 'nonsense' }],
] as const) {
  test(`${graphics}: ${JSON.stringify(env)}`, (t) => {
    const all = { ...UTF8, ...env }
    t.is(graphicsOf(all, createTheme({ env: all, tty: true })), graphics)
  })
}

test('a terminal without half blocks in its font shows none', (t) => {
  const env = { TERM: 'xterm-256color', LANG: 'C' }
  t.is(graphicsOf(env, createTheme({ env, tty: true })), 'none')
})

function shown(x: FakeTerminal, graphics: Exclude<Graphics, 'none'>): Pictures {
  return new Pictures({
    graphics,
    files: createNodeFiles('/nowhere'),
    decode: workerDecoder(x.clock),
    print: (entry) => {
      x.ui.print(entry)
    },
    room: () => x.ui,
  })
}

/** 4x4: red over blue. */
const FLAG = png({
  width: 4,
  height: 4,
  raw: Buffer.from(
    [0, 1, 2, 3].flatMap((y) => [
      0,
      ...Array.from({ length: 4 }, () => (y < 2 ? [255, 0, 0] : [0, 0, 255])).flat(),
    ]),
  ),
})

async function flag(t: Parameters<typeof scratch>[0], bytes: Uint8Array = FLAG): Promise<string> {
  const path = join(await scratch(t), 'no-extension')
  await writeFile(path, bytes)
  return path
}

test('half blocks: the colours of the picture, two rows in one', async (t) => {
  const x = new FakeTerminal({ env: TRUE })
  await x.type('half a line')
  await shown(x, 'blocks').show(await flag(t))
  x.ui.print(notice('*', 'below'))
  await x.settled()
  t.is(
    x.screen(),
    '  \u2580\u2580\u2580\u2580\n  \u2580\u2580\u2580\u2580\n* below\nme > half a line',
  )
  const cell = (y: number): { fg: number | undefined; bg: number | undefined } => {
    const found = x.term.buffer.active.getLine(y)?.getCell(3)
    return { fg: found?.getFgColor(), bg: found?.getBgColor() }
  }
  t.deepEqual(cell(0), { fg: 0xff0000, bg: 0xff0000 })
  t.deepEqual(cell(1), { fg: 0x0000ff, bg: 0x0000ff })
  t.is(x.style(0, 2).colour, -1)
})

test('half blocks in 256 colours', async (t) => {
  const x = new FakeTerminal()
  await shown(x, 'blocks').show(await flag(t))
  await x.settled()
  t.regex(x.output.raw, /\[38;5;196m.*\[48;5;196m/u)
  t.notRegex(x.output.raw, /38;2/u)
})

for (const graphics of ['kitty', 'iterm', 'sixel'] as const) {
  test(`${graphics}: drawn once into its room; what is drawn again are half blocks`, async (t) => {
    const x = new FakeTerminal({ env: TRUE, cols: 70, rows: 14 })
    await x.type('half a line')
    x.ui.print(notice('*', 'above'))
    await shown(x, graphics).show(await flag(t, PROGRESSIVE))
    x.ui.print(notice('*', 'below'))
    await x.settled()
    const begins = { kitty: '\x1b_Ga=T', iterm: '\x1b]1337;File=', sixel: '\x1bP0;1;0q' }[graphics]
    t.is(x.output.raw.split(begins).length, 2)
    const rows = x.screen().split('\n')
    t.is(rows[0], '* above')
    t.is(rows.at(-2), '* below')
    t.is(rows.at(-1), 'me > half a line')
    t.true(rows.slice(1, -2).every((row) => row === ''))
    await x.type(KEY.ctrl('l'))
    t.is(x.output.raw.split(begins).length, 2)
    t.regex(x.screen(), /\* above\n {2}\u2580{32}\n/u)
    t.regex(x.screen(), /\* below\nme > half a line$/u)
  })
}

function gradient(width: number, height: number): Raster {
  const data = new Uint8Array(width * height * 4)
  for (let i = 0; i < width * height; i++) {
    data.set([(i * 3) % 256, (i * 7) % 256, (i >> 4) % 256, 255], i * 4)
  }
  return { width, height, data }
}

test('kitty: pieces of at most 4096, no answer asked, our own PNG', (t) => {
  const raster = gradient(100, 80)
  const sequence = pictureSequence(raster, { cols: 10, rows: 4 }, 'kitty') ?? ''
  const pieces = [...sequence.matchAll(/\p{Cc}_G([^;]*);([^\p{Cc}]*)\p{Cc}\\/gu)]
  t.true(pieces.length > 1)
  t.is(pieces.map(([all]) => all).join(''), sequence)
  t.is(pieces[0]?.[1], 'a=T,f=100,q=2,C=1,c=10,r=4,m=1')
  t.deepEqual(
    new Set(pieces.slice(1, -1).map(([, head]) => head)),
    new Set(['m=1'].slice(0, pieces.length > 2 ? 1 : 0)),
  )
  t.is(pieces.at(-1)?.[1], 'm=0')
  t.true(pieces.every(([, , text = '']) => text.length <= 4096))
  const file = Buffer.from(pieces.map(([, , text]) => text).join(''), 'base64')
  t.deepEqual(Buffer.from(decodePng(file).data), Buffer.from(raster.data))
})

test('iTerm2: one sequence with its size, the cursor stays', (t) => {
  const raster = gradient(20, 10)
  const sequence = pictureSequence(raster, { cols: 10, rows: 4 }, 'iterm') ?? ''
  const [, head, text = ''] =
    /^\p{Cc}\]1337;File=([^:]*):([A-Za-z0-9+/=]+)\p{Cc}$/u.exec(sequence) ?? []
  const file = Buffer.from(text, 'base64')
  t.is(
    head,
    `inline=1;size=${file.length};width=10;height=4;preserveAspectRatio=1;doNotMoveCursor=1`,
  )
  t.deepEqual(Buffer.from(decodePng(file).data), Buffer.from(raster.data))
})

test('sixel: a reader of sixels sees the picture', (t) => {
  const [width, height] = [23, 13]
  const data = new Uint8Array(width * height * 4)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      data.set(
        x < 10 ? [255, 0, 0, 255] : y < 7 ? [0, 255, 0, 255] : [0, 0, 0, 255],
        (y * width + x) * 4,
      )
    }
  }
  const sequence = pictureSequence({ width, height, data }, { cols: 1, rows: 1 }, 'sixel') ?? ''
  const seen = readSixel(sequence)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const wanted = x < 10 ? '100;0;0' : y < 7 ? '0;100;0' : '0;0;0'
      t.is(seen.get(`${x} ${y}`), wanted, `${x} ${y}`)
    }
  }
  t.is(seen.size, width * height)
})

test('what is too large for a slow line is not sent as graphics', (t) => {
  const raster = gradient(900, 900)
  let noise = 1
  for (let i = 0; i < raster.data.length; i++) {
    noise = (Math.imul(noise, 1_103_515_245) + 12_345) >>> 0
    raster.data[i] = noise >>> 24
  }
  t.true(pictureSequence(raster, { cols: 60, rows: 20 }, 'iterm') === null)
  t.is(pictureSequence(raster, { cols: 60, rows: 20 }, 'blocks'), null)
})

test('refused: no picture, nothing there, a folder, too many bytes', async (t) => {
  const x = new FakeTerminal({ env: TRUE })
  const pictures = shown(x, 'blocks')
  await t.throwsAsync(pictures.show(await flag(t, Buffer.from('%PDF-1.4'))), { code: 'E_FORMAT' })
  await t.throwsAsync(pictures.show(await flag(t, Buffer.alloc(0))), { code: 'E_FORMAT' })
  await t.throwsAsync(pictures.show('/nowhere/at/all.png'), { code: 'E_FILE' })
  await t.throwsAsync(pictures.show('/tmp'), { code: 'E_FILE' })
  const huge = Buffer.concat([FLAG, Buffer.alloc(21_000_000)])
  await t.throwsAsync(pictures.show(await flag(t, huge)), { code: 'E_TOO_BIG' })
  await pictures.show(await flag(t)) // and the next one is shown
  pictures.close()
  await t.throwsAsync(pictures.show(await flag(t)), { code: 'E_CANCELLED' })
})

test('a tiny terminal gets a tiny picture', async (t) => {
  const x = new FakeTerminal({ env: TRUE, cols: 10, rows: 5 })
  await shown(x, 'blocks').show(await flag(t, PROGRESSIVE))
  await x.settled()
  t.true(
    x
      .all()
      .split('\n')
      .every((row) => row.length < 10),
  )
})

/** Colours of all pixels, by `x y`. */
function readSixel(sequence: string): Map<string, string> {
  const [, , , body = ''] =
    /^\p{Cc}P0;1;0q"1;1;(\d+);(\d+)([^\p{Cc}]*)\p{Cc}\\$/u.exec(sequence) ?? []
  const palette = new Map<string, string>()
  const seen = new Map<string, string>()
  let [colour, left, top] = ['', 0, 0]
  for (const [, register, rgb, count, char, move] of body.matchAll(
    /#(\d+)(?:;2;(\d+;\d+;\d+))?|(?:!(\d+))?([?-~])|([$-])/gu,
  )) {
    if (register !== undefined) {
      if (rgb === undefined) colour = register
      else palette.set(register, rgb)
    } else if (move !== undefined) {
      left = 0
      if (move === '-') top += 6
    } else {
      const bits = (char?.charCodeAt(0) ?? 63) - 63
      for (let i = 0; i < Number(count ?? 1); i++, left++) {
        for (let y = 0; y < 6; y++) {
          if ((bits & (1 << y)) !== 0) seen.set(`${left} ${top + y}`, palette.get(colour) ?? '?')
        }
      }
    }
  }
  return seen
}
