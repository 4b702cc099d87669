// What a row of the command table says; the rows are in commands.ts and the tables beside it.
import type { App } from './app.ts'
import type { CommandSpec } from './parse.ts'

export const GROUPS = [
  'Write',
  'People',
  'Groups',
  'Files',
  'Safety',
  'You',
  'This window',
] as const

export interface Command extends CommandSpec {
  readonly group: (typeof GROUPS)[number]
  /** Arguments as shown behind the name. */
  readonly usage: string
  readonly summary: string
  readonly example: string
  readonly needs: 'nothing' | 'login'
  /** Fewest and most arguments; a sentence with the usage follows when they do not fit. */
  readonly args: readonly [number, number]
  /** The last of the arguments is a text, taken as it was typed. */
  readonly text?: true
  run(app: App, args: readonly string[]): Promise<void> | void
}
