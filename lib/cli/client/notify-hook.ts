// A program of the person's own that is told of new messages: SECURECHAT_NOTIFY=notify-send. Never through a shell, so
// that nothing in a message can become a command; what it prints goes nowhere.
import { spawn } from 'node:child_process'

import type { Log } from '../../util/log.ts'

export type NotifyHook = (text: string) => void

const TITLE = 'SecureChat'
/** One that hangs is not started again and again. */
const RUNNING_MAX = 3

/** Undefined: there is none. The value is a program and its first arguments, separated by blanks. */
export function notifyHook(
  env: Readonly<Record<string, string | undefined>>,
  log: Log,
): NotifyHook | undefined {
  const [program, ...args] = (env['SECURECHAT_NOTIFY'] ?? '').split(/\s+/u).filter((w) => w !== '')
  if (program === undefined) return undefined
  let running = 0
  return (text) => {
    if (running >= RUNNING_MAX) return
    running++
    const child = spawn(program, [...args, TITLE, text], { stdio: 'ignore', detached: true })
    let isOver = false
    const over = (why: string): void => {
      if (isOver) return
      isOver = true
      running--
      if (why !== '0') log.info('notify', { why })
    }
    child.on('error', (error) => {
      over('code' in error ? String(error.code) : 'failed')
    })
    child.on('exit', (code) => {
      over(String(code))
    })
    child.unref()
  }
}
