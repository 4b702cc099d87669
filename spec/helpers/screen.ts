// bin/securechat on a real pseudo-terminal, with a terminal emulator that shows what a person would see.
import { fileURLToPath } from 'node:url'

import { spawn, type IPty } from '@lydell/node-pty'
import xterm from '@xterm/headless'

import type { CellRun } from './svg.ts'

const BIN = fileURLToPath(new URL('../../bin/', import.meta.url))
const PATIENCE_MS = 60_000

export interface ScreenOptions {
  readonly cols?: number
  readonly rows?: number
  /** Typed into a shell, as a job that can be stopped and continued. */
  readonly inShell?: boolean
}

export class Screen {
  readonly exited: Promise<{ readonly code: number; readonly signal: number }>
  /** Everything that was written to the terminal, escape sequences and all. */
  raw = ''
  readonly #pty: IPty
  readonly #term: xterm.Terminal
  #over = false

  constructor(
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    { cols = 90, rows = 30, inShell = false }: ScreenOptions = {},
  ) {
    this.#term = new xterm.Terminal({ cols, rows, scrollback: 5000, allowProposedApi: true })
    const client = [`${BIN}securechat`, ...args]
    const [file, rest] = inShell
      ? ['bash', ['--norc', '--noprofile', '-i']]
      : [process.execPath, client]
    this.#pty = spawn(file, rest, {
      name: 'xterm-256color',
      cols,
      rows,
      env: {
        PATH: process.env['PATH'] ?? '',
        TERM: 'xterm-256color',
        LANG: 'C.UTF-8',
        TZ: 'UTC',
        PS1: 'shell$ ',
        ...env,
      },
    })
    if (inShell) this.#pty.write(`${[process.execPath, ...client].join(' ')}\r`)
    this.#pty.onData((text) => {
      this.raw += text
      this.#term.write(text)
    })
    // the emulator answers questions of the program as a terminal does
    this.#term.onData((answer) => {
      if (!this.#over) this.#pty.write(answer)
    })
    this.exited = new Promise((resolve) => {
      this.#pty.onExit(({ exitCode, signal }) => {
        this.#over = true
        resolve({ code: exitCode, signal: signal ?? 0 })
      })
    })
  }

  type(keys: string): void {
    this.#pty.write(keys)
  }

  /** As a terminal with bracketed paste sends it. */
  paste(text: string): void {
    this.#pty.write(`\x1b[200~${text}\x1b[201~`)
  }

  resize(cols: number, rows: number): void {
    this.#pty.resize(cols, rows)
    this.#term.resize(cols, rows)
  }

  kill(signal: string): void {
    if (!this.#over) this.#pty.kill(signal)
  }

  /** Rows with what scrolled away above them, trailing blanks removed. */
  get text(): string {
    return this.#rows(0, this.#term.buffer.active.length)
  }

  /** What a person sees now, trailing blanks removed. */
  get view(): string {
    const { baseY } = this.#term.buffer.active
    return this.#rows(baseY, baseY + this.#term.rows)
  }

  #rows(from: number, to: number): string {
    const rows: string[] = []
    for (let y = from; y < to; y++) {
      rows.push(this.#term.buffer.active.getLine(y)?.translateToString(true) ?? '')
    }
    return rows.join('\n').trimEnd()
  }

  /** The window with its colours; the cell of the cursor is a block. */
  get cells(): readonly (readonly CellRun[])[] {
    const { baseY, cursorX, cursorY } = this.#term.buffer.active
    return Array.from({ length: cursorY + 1 }, (_, y) => {
      const line = this.#term.buffer.active.getLine(baseY + y)
      const runs: CellRun[] = []
      for (let x = 0; x < this.#term.cols; x++) {
        const cell = line?.getCell(x)
        if (cell === undefined || cell.getWidth() === 0) continue
        const isCursor = y === cursorY && x === cursorX
        const look = {
          colour: cell.isFgDefault() ? -1 : cell.getFgColor(),
          bold: cell.isBold() !== 0,
          dim: cell.isDim() !== 0,
        }
        const chars = isCursor ? '\u2588' : cell.getChars()
        const text = chars === '' ? ' ' : chars
        const last = runs.at(-1)
        const isSame =
          last?.colour === look.colour && last.bold === look.bold && last.dim === look.dim
        if (last !== undefined && isSame) {
          runs[runs.length - 1] = {
            ...last,
            text: last.text + text,
            cols: last.cols + cell.getWidth(),
          }
        } else runs.push({ text, col: x, cols: cell.getWidth(), ...look })
      }
      return runs
    })
  }

  /** The last row with anything on it: the prompt. */
  get lastRow(): string {
    return this.text.split('\n').at(-1) ?? ''
  }

  /** @throws with the whole screen when it does not come */
  async waitFor(pattern: RegExp, where: () => string = () => this.text): Promise<RegExpExecArray> {
    const deadline = Date.now() + PATIENCE_MS
    for (;;) {
      const match = pattern.exec(where())
      if (match !== null) return match
      if (Date.now() > deadline || this.#over) {
        throw new Error(`${String(pattern)} did not come:\n${this.text}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

/** A client on a terminal of its own, which ends with the test at the latest. */
export function openScreen(
  t: { teardown(fn: () => Promise<void>): void },
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  options: ScreenOptions = {},
): Screen {
  const screen = new Screen(args, env, options)
  t.teardown(async () => {
    screen.kill('SIGKILL')
    await screen.exited
  })
  return screen
}
