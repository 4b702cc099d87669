// The terminal of this process, opened once: its keyboard, its look, and the forms that may be shown on it.
import { Prompts } from '../prompts.ts'
import { createTheme, type Theme } from '../theme.ts'
import { TtyInput } from './tty-input.ts'

export interface OwnTerminal {
  readonly tty: TtyInput
  readonly theme: Theme
  readonly prompts: Prompts
}

export function openTerminal(noColor = false): OwnTerminal {
  const tty = new TtyInput(process.stdin)
  const theme = createTheme({ env: process.env, tty: process.stdout.isTTY, noColor })
  return { tty, theme, prompts: new Prompts({ tty, output: process.stdout, theme }) }
}
