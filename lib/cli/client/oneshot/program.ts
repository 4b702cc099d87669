// A one-shot command as a program: signs in with what this device has, does one thing, ends. It asks nothing, on a terminal
// either: what is missing is named with the option that gives it.
import type { ClientEvent } from '../../../client/events.ts'
import { fail, SecureChatError } from '../../../util/errors.ts'
import type { Log } from '../../../util/log.ts'
import type { App } from '../app.ts'
import type { ClientOptions, OneShot } from '../args.ts'
import type { Ending, Endings } from '../ending.ts'
import type { Front } from '../front.ts'
import { JsonFront } from '../json/json-front.ts'
import { present } from '../present.ts'
import { start } from '../start.ts'
import { inJson, inWords } from './printers.ts'
import { QuietFront } from './quiet-front.ts'
import { runOneShot } from './run.ts'

export interface OneShotProgram {
  readonly options: ClientOptions
  readonly shot: OneShot
  readonly endings: Endings
  readonly log: Log
  readonly createApp: (
    options: ClientOptions,
    front: Front,
    log: Log,
    quit: () => void,
    onStep: undefined,
    show: (event: ClientEvent, app: App) => void,
  ) => App
  readonly runToTheEnd: (
    app: App,
    endings: Endings,
    work: () => Promise<number>,
    told?: (error: SecureChatError) => void,
  ) => Promise<number>
}

export async function runOneShotProgram(program: OneShotProgram): Promise<number> {
  const { options, shot, endings, log, createApp, runToTheEnd } = program
  const quit = (): void => {
    endings.end({ why: 'quit' })
  }
  const { stdin: input, stdout: output, stderr: errors } = process
  const words = options.json ? null : new QuietFront({ input, output, errors })
  const json = new OneShotJson(output)
  const front = words ?? json
  // only failures are told; messages wait to be read
  const app = createApp(options, front, log, quit, undefined, (event) => {
    if (!isTrouble(event)) return
    if (words === null) json.put(event)
    else present(event, app)
  })
  const print = words === null ? inJson(app, json) : inWords(app, words)
  const stopped: Promise<Ending> = endings.first
  return runToTheEnd(
    app,
    endings,
    async () => {
      try {
        await start(app, options)
      } catch (error) {
        throw explained(error)
      }
      if (app.ended) fail('E_CANCELLED')
      return runOneShot({ app, print, input, stopped }, shot)
    },
    words === null ? json.failed : undefined,
  )
}

/** A warning, or why a message is not out. */
function isTrouble(event: ClientEvent): boolean {
  if (event.type === 'message-state') return event.state === 'held' || event.state === 'failed'
  return event.type === 'notice' && event.level !== 'info'
}

/** Two programs cannot have one profile open. */
function explained(error: unknown): unknown {
  if (!(error instanceof SecureChatError) || error.code !== 'E_LOCKED') return error
  const hint =
    'Use that one, or give this program a device of its own with another SECURECHAT_HOME.'
  return new SecureChatError('E_LOCKED', `${error.message} ${hint}`, { cause: error })
}

/** Rows are failures here, and those have a code. */
class OneShotJson extends JsonFront {
  override row(): void {
    // the error is printed with its code
  }
}
