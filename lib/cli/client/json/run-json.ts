// `securechat --json`: the command lines of a program, one after the other, and what became of each.
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

import type { ClientEvent } from '../../../client/events.ts'
import { fail, type SecureChatError } from '../../../util/errors.ts'
import { type ExitCode, exitCodeOf } from '../../exit-codes.ts'
import type { App } from '../app.ts'
import { runLine } from '../dispatch.ts'
import type { JsonFront, LineId } from './json-front.ts'

interface Line {
  readonly id?: LineId
  readonly line: string
}

const ID_MAX = 128

/** A command line as it is typed, or `{"id": ..., "line": "..."}`. @throws E_USAGE */
export function parseJsonLine(text: string): Line {
  if (!text.startsWith('{')) return { line: text }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    return fail('E_USAGE', 'This line begins with { and is no JSON.', cause)
  }
  const { id, line } = value as Readonly<Record<string, unknown>>
  if (typeof line !== 'string' || /[\r\n]/.test(line)) {
    return fail('E_USAGE', 'An object needs "line", a string of one line.')
  }
  if (id === undefined || id === null) return { line }
  if (typeof id === 'string' && id.length <= ID_MAX) return { id, line }
  if (typeof id === 'number') return { id, line }
  return fail('E_USAGE', `"id" is a number or a string of at most ${String(ID_MAX)} characters.`)
}

/** What the interactive front does by showing a message: the time of one that vanishes begins to run. */
export function presentJson(front: JsonFront): (event: ClientEvent, app: App) => void {
  return (event, app) => {
    front.put(event)
    if (event.type !== 'message' || event.message.own) return
    const { session } = app
    const { chat, number, ttlMs } = event.message
    const seen = async (): Promise<void> => {
      if (ttlMs !== undefined) await session?.life.shown([number])
      if (app.chat === chat) await session?.markRead(chat)
    }
    seen().catch((error: unknown) => {
      front.failed(app.showError(error))
    })
  }
}

/** Until the end of input; then waits until everything sent is accepted. Resolves to what the first failure means. */
export async function runJson(app: App, front: JsonFront, input: Readable): Promise<ExitCode> {
  let first: SecureChatError | null = null
  for await (const text of createInterface({ input, crlfDelay: Infinity })) {
    if (text.trim() === '') continue
    const error = await answer(app, front, text)
    first ??= error
    if (app.ended) break
  }
  front.answering(undefined)
  await app.session?.settled()
  return first === null ? app.undelivered : exitCodeOf(first)
}

async function answer(app: App, front: JsonFront, text: string): Promise<SecureChatError | null> {
  let line: Line
  try {
    line = parseJsonLine(text)
  } catch (cause) {
    front.answering(undefined)
    const error = app.showError(cause)
    front.put({ type: 'result', ok: false, code: error.code, text: error.message })
    return error
  }
  const about = line.id === undefined ? {} : { id: line.id }
  front.answering(line.id)
  const error = await runLine(app, line.line)
  front.put(
    error === null
      ? { type: 'result', ok: true, ...about }
      : { type: 'result', ok: false, code: error.code, text: error.message, ...about },
  )
  return error
}
