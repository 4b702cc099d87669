// One typed line, done: parsed, looked up, run, and every failure shown.
import { codeOf, fail, SecureChatError } from '../../util/errors.ts'
import { nearest } from '../nearest.ts'
import type { App } from './app.ts'
import { groupOf } from './chat-target.ts'
import { COMMANDS, runCommand } from './commands.ts'
import { parseLine, userArgument } from './parse.ts'

/** Never rejects; resolves to what went wrong and was shown, or null. */
export async function runLine(app: App, line: string): Promise<SecureChatError | null> {
  try {
    await dispatch(app, line)
    return null
  } catch (error) {
    const shown = app.showError(error)
    if (shown.code === 'E_USAGE' || shown.code === 'E_NOT_FOUND') app.front.giveBack(line)
    return shown
  }
}

async function dispatch(app: App, line: string): Promise<void> {
  const parsed = parseLine(line, COMMANDS)
  switch (parsed.kind) {
    case 'empty':
      return
    case 'command':
      return runCommand(app, parsed.name, parsed.rest)
    case 'to':
      return sayTo(app, userArgument(parsed.user), parsed.text)
    case 'group':
      return app.say(groupOf(app.requireSession(), parsed.group).chat, parsed.text)
    case 'text':
      app.requireSession()
      if (app.chat !== null) return app.say(app.chat, parsed.text)
      return fail(
        'E_USAGE',
        'Not sent: who is it for? Start with @name or #group, or open a chat: !chat NAME.',
      )
    case 'ambiguous': {
      const names = parsed.candidates.map((name) => `!${name}`).join(', ')
      return fail('E_USAGE', `!${parsed.typed} could be ${names}.`)
    }
    case 'unknown':
      return fail('E_USAGE', unknownCommand(parsed.typed, parsed.suggestions))
  }
}

/** A name that nobody has is told with the nearest one that somebody known has. */
async function sayTo(app: App, user: string, text: string): Promise<void> {
  try {
    await app.say(user, text)
  } catch (error) {
    if (codeOf(error) !== 'E_NOT_FOUND') throw error
    const known = (app.session?.contacts() ?? []).map((contact) => contact.user)
    const near = nearest(user, known)
    if (near === undefined) throw error
    const message = error instanceof Error ? error.message : `No user called @${user}.`
    throw new SecureChatError('E_NOT_FOUND', `${message} Did you mean @${near}?`, { cause: error })
  }
}

function unknownCommand(typed: string, suggestions: readonly string[]): string {
  const [nearest] = suggestions
  const shown = /^[\w-]{1,32}$/.test(typed) ? ` !${typed}` : ''
  return nearest === undefined
    ? `Unknown command${shown}. !help lists them.`
    : `Unknown command${shown}. Did you mean !${nearest}?`
}
