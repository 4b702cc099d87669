// Messages, ticks, transfers, questions, keys, pastes and resizes in any order, on emulators that measure and re-wrap
// differently. Seeds are fixed; SLOW=1 runs many more. After every run: the line is what was typed and in the right place,
// every message is there exactly once, and no tick went astray.
import test from 'ava'
import type { TickState } from '../../../lib/cli/theme.ts'
import { FakeTerminal, KEY, type WidthModel } from './fake-terminal.ts'

const runs = process.env['SLOW'] === undefined ? 3 : 300
const STEPS = 40
const WORDS = ['hello', 'at', 'a', 'internationalisation', 'x', '12:04', '|', '* no']
const WIDE = [
  ...WORDS,
  '\u4f60\u597d',
  '\u{1f600}',
  'e\u0301',
  '\u05e9\u05dc\u05d5\u05dd',
  '\u{1f1e7}\u{1f1f7}',
  '\u{1f44b}\u{1f3fd}',
]

/** Mulberry32: small, fast, the same everywhere. */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let z = Math.imul(state ^ (state >>> 15), 1 | state)
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z
    return Math.floor((((z ^ (z >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
}

interface Configuration {
  readonly name: string
  readonly widths: WidthModel
  readonly reflow: boolean
  readonly resize: boolean
  readonly words: readonly string[]
}

const CONFIGURATIONS: readonly Configuration[] = [
  { name: 'plain text, fixed size', widths: 'xterm', reflow: true, resize: false, words: WORDS },
  {
    name: 'plain text, resizing with reflow',
    widths: 'xterm',
    reflow: true,
    resize: true,
    words: WORDS,
  },
  {
    name: 'plain text, resizing without reflow',
    widths: 'xterm',
    reflow: false,
    resize: true,
    words: WORDS,
  },
  {
    name: 'wide text, emoji take one cell',
    widths: 'xterm',
    reflow: true,
    resize: false,
    words: WIDE,
  },
  {
    name: 'wide text, emoji take two cells',
    widths: 'emoji-wide',
    reflow: true,
    resize: false,
    words: WIDE,
  },
  {
    name: 'wide text, everything takes two cells',
    widths: 'all-wide',
    reflow: true,
    resize: false,
    words: WIDE,
  },
  { name: 'wide text, resizing', widths: 'emoji-wide', reflow: true, resize: true, words: WIDE },
]

const STATES: readonly TickState[] = ['queued', 'sent', 'delivered', 'read', 'failed']

/** What a run has done, to compare the screen with. */
class Run {
  readonly x: FakeTerminal
  readonly pick: (below: number) => number
  readonly configuration: Configuration
  line: string[] = []
  cursor = 0
  messages = 0
  ticked: string[] = []

  constructor(configuration: Configuration, seed: number) {
    this.pick = random(seed)
    this.configuration = configuration
    const { widths, reflow } = configuration
    const size = { cols: 30 + this.pick(40), rows: 8 + this.pick(10) }
    this.x = new FakeTerminal({ ...size, widths, reflow })
  }

  word(): string {
    return this.configuration.words[this.pick(this.configuration.words.length)] ?? ''
  }

  text(words: number): string {
    return Array.from({ length: words }, () => this.word()).join(' ')
  }

  async step(): Promise<void> {
    const { x, pick } = this
    switch (pick(this.configuration.resize ? 12 : 11)) {
      case 0:
      case 1:
        x.ui.message({
          time: '12:04',
          who: 'alice',
          body: `<${this.messages++}> ${this.text(pick(20))}`,
        })
        break
      case 2: {
        const id = String(this.messages++)
        this.ticked.push(id)
        x.ui.message(
          { time: '12:04', who: 'me @bob', body: `<${id}> ${this.text(pick(10))}` },
          { id, state: 'queued' },
        )
        break
      }
      case 3: {
        const id = this.ticked[pick(this.ticked.length)]
        if (id !== undefined) x.ui.setTick(id, STATES[pick(STATES.length)] ?? 'read')
        break
      }
      case 4:
        x.ui.setStatus(pick(2) === 0 ? '' : this.text(6))
        break
      case 5: {
        const view = {
          direction: 'down',
          name: this.word(),
          peer: 'bob',
          doneBytes: pick(9),
          totalBytes: 9,
        } as const
        x.ui.setProgress(String(pick(5)), pick(2) === 0 ? null : view)
        break
      }
      case 6:
        await this.insert('k')
        break
      case 7:
        await this.insert(`${this.text(1 + pick(4))} `)
        break
      case 8:
        await this.paste(`[${this.text(1 + pick(6)).replaceAll('*', '')}]`)
        break
      case 9:
        await this.move()
        break
      case 10:
        if (this.cursor > 0) {
          this.line.splice(--this.cursor, 1)
          await x.type(KEY.backspace)
        }
        break
      default:
        await x.resize(24 + pick(50), 6 + pick(14))
    }
    if (pick(3) === 0) await x.settled()
  }

  /** Text without clusters that merge with their neighbours, so that the model can count them. */
  async insert(text: string): Promise<void> {
    const clusters = Array.from(new Intl.Segmenter('en').segment(text), (s) => s.segment)
    this.line.splice(this.cursor, 0, ...clusters)
    this.cursor += clusters.length
    await this.x.type(text)
  }

  async paste(text: string): Promise<void> {
    const clusters = Array.from(new Intl.Segmenter('en').segment(text), (s) => s.segment)
    this.line.splice(this.cursor, 0, ...clusters)
    this.cursor += clusters.length
    await this.x.paste(text)
  }

  async move(): Promise<void> {
    const [key, to] = [
      [KEY.home, 0],
      [KEY.end, this.line.length],
      [KEY.left, Math.max(0, this.cursor - 1)],
      [KEY.right, Math.min(this.line.length, this.cursor + 1)],
    ][this.pick(4)] as [string, number]
    this.cursor = to
    await this.x.type(key)
  }

  /** What is wrong now, or ''. */
  fault(): string {
    const { x } = this
    const all = x.all()
    for (let i = 0; i < this.messages; i++) {
      const shown = all.split(`<${i}>`).length - 1
      // A repaint after a narrowing leaves the old screen in the scrollback: then a row may be there again.
      if (shown === 0 || (shown > 1 && !this.configuration.resize))
        return `message ${i} is there ${shown} times`
    }
    for (const row of all.split('\n')) {
      const known =
        /^(\d\d:\d\d (\.\.|\u2713 |\u2713\u2713|\u2713R|\u2717 | {2}) (me @bob|alice): |\| {2}|[*!?] | {2}|\u21e3| ?\d|me > )/u
      if (
        !this.configuration.resize &&
        this.configuration.widths === 'xterm' &&
        /^\d\d:/u.test(row) &&
        !known.test(row)
      ) {
        return `astray: ${row}`
      }
    }
    if (this.configuration.words === WORDS) {
      const [cx, cy] = x.cursor
      const rows = x.screen().split('\n')
      const prompt = rows.findLastIndex((row) => row.startsWith('me > '))
      const upTo = 5 + this.line.slice(0, this.cursor).join('').length
      if (prompt >= 0 && upTo < x.output.columns - 1 && (cx !== upTo || cy !== prompt)) {
        return `cursor at ${cx},${cy} instead of ${upTo},${prompt}`
      }
      const shown = rows
        .slice(Math.max(0, prompt))
        .map((row, i) => row.padEnd(x.output.columns - 1).slice(i === 0 ? 5 : 4))
        .join('')
      if (prompt >= 0 && rows.length - prompt < 6 && !shown.startsWith(this.line.join(''))) {
        return `the line is ${JSON.stringify(this.line.join(''))}, shown ${JSON.stringify(shown)}`
      }
    }
    return ''
  }
}

for (const configuration of CONFIGURATIONS) {
  test(configuration.name, async (t) => {
    for (let seed = 1; seed <= runs; seed++) {
      const run = new Run(configuration, seed)
      for (let step = 0; step < STEPS; step++) {
        await run.step()
        if (step % 8 === 7) {
          await run.x.advance(300)
          t.is(run.fault(), '', `seed ${seed}, step ${step}\n${run.x.screen()}`)
        }
      }
      const typed = run.line.join('')
      await run.x.type(KEY.enter)
      t.deepEqual(run.x.lines, typed.trim() === '' ? [] : [typed], `seed ${seed}`)
    }
  })
}

test('ticks are where their messages are, after any mixture that does not resize', async (t) => {
  for (let seed = 1; seed <= runs * 2; seed++) {
    const pick = random(seed)
    const x = new FakeTerminal({ cols: 50, rows: 6 + pick(12) })
    const states = new Map<string, TickState>()
    for (let step = 0; step < 60; step++) {
      const id = String(pick(12))
      const act = pick(6)
      if (act < 2 && !states.has(id)) {
        states.set(id, 'queued')
        x.ui.message({ time: '12:04', who: 'me @bob', body: `<${id}>` }, { id, state: 'queued' })
      } else if (act === 2) x.ui.setStatus(pick(2) === 0 ? '' : 'status')
      else if (act === 3) await x.type(pick(3) === 0 ? KEY.ctrl('u') : 'word '.repeat(pick(30)))
      else if (act === 4)
        x.ui.message({ time: '12:05', who: 'alice', body: 'text '.repeat(pick(25)) })
      else if (states.has(id)) {
        const state = STATES[pick(STATES.length)] ?? 'read'
        // Out of reach: the row keeps what it showed.
        if (x.ui.setTick(id, state)) states.set(id, state)
      }
      if (pick(4) === 0) await x.settled()
    }
    await x.settled()
    for (const [id, state] of states) {
      const row = x
        .all()
        .split('\n')
        .filter((r) => r.endsWith(`me @bob: <${id}>`))
      t.is(row.length, 1)
      const glyph = x.theme.glyphs.tick[state]
      t.is(row[0], `12:04 ${glyph} me @bob: <${id}>`, `seed ${seed}\n${x.all()}`)
    }
  }
})
