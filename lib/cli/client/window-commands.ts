// Commands about this window: clear, wait, exit, quit.
import { fail } from '../../util/errors.ts'
import type { App } from './app.ts'

const MAX_WAIT_S = 24 * 3600

export function clear(app: App): void {
  app.front.clear()
}

export async function wait(app: App, [seconds = '']: readonly string[]): Promise<void> {
  const n = /^\d+(\.\d+)?$/.test(seconds) ? Number(seconds) : NaN
  if (!(n >= 0 && n <= MAX_WAIT_S)) fail('E_USAGE', 'Usage: !wait SECONDS   Example: !wait 10')
  await app.sleep(n * 1000)
}

export function exit(app: App): void {
  if (app.chat === null) app.quit()
  else app.openChat(null)
}

export function quit(app: App): void {
  app.quit()
}
