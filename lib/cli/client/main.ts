// The client's composition root: options, folders, collaborators, one of the fronts, and a proper end on every path.
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

import { dial } from '../../channel/tcp.ts'
import { connect } from '../../client/connect.ts'
import type { ClientEvent } from '../../client/events.ts'
import type { ClientDeps, Step } from '../../client/ports.ts'
import type { SecureChatError } from '../../util/errors.ts'
import { type Log, silentLog } from '../../util/log.ts'
import { EXIT, exitCodeOf } from '../exit-codes.ts'
import { createNodeFiles } from '../node-files.ts'
import { homeOf, thisSystem } from '../home.ts'
import { inert, safeRow } from '../sanitise.ts'
import { systemClock } from '../system-clock.ts'
import { programVersion } from '../version.ts'
import { App } from './app.ts'
import { type ClientOptions, OPTION_WORDS, parseClientArgs, usageOf } from './args.ts'
import { createClientHome } from './client-home.ts'
import { createDirectPort } from './direct-port.ts'
import { Endings, signalExitCode } from './ending.ts'
import type { Front } from './front.ts'
import { LineFront, runLines } from './lines.ts'
import { shellCompletion } from './oneshot/shell-completion.ts'
import { Sound } from './media/sound.ts'
import { passwordFrom } from './password-source.ts'
import { present } from './present.ts'
import { confirmServer, start } from './start.ts'
import { stretchingInWorker } from './stretching.ts'

const DIAL_MS = 10_000
const CLOSE_MS = 3_000

export async function main(argv: readonly string[]): Promise<void> {
  try {
    process.exitCode = await run(argv)
  } catch (error) {
    // A mistake of the program itself: whatever ran is closed, or was never opened.
    process.stderr.write(`! ${inert(error instanceof Error ? error.message : String(error))}\n`)
    process.exitCode = exitCodeOf(error)
  }
}

async function run(argv: readonly string[]): Promise<number> {
  const endings = new Endings()
  endings.watch()
  let options: ClientOptions
  try {
    if (argv[0] === 'completion') {
      process.stdout.write(shellCompletion(argv[1], OPTION_WORDS))
      return EXIT.ok
    }
    if (argv[0] === 'complete') return await printNames()
    options = parseClientArgs(argv, process.env)
  } catch (error) {
    process.stderr.write(`! ${error instanceof Error ? error.message : 'Bad options.'}\n`)
    process.stderr.write('  securechat --help lists them.\n')
    return EXIT.usage
  }
  if (options.help || options.version) {
    process.stdout.write(options.help ? usageOf(options) : `securechat ${programVersion()}\n`)
    return EXIT.ok
  }
  if (options.full && !isInteractive(options)) {
    process.stderr.write('! --full needs a terminal, and no --plain.\n')
    return EXIT.usage
  }
  let debugLog
  try {
    debugLog = await openDebugLog(options)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    process.stderr.write(`! The log file of --debug cannot be written: ${why}\n`)
    return EXIT.file
  }
  const { log, close } = debugLog
  try {
    return await runMode(options, endings, log)
  } finally {
    await close()
  }
}

async function runMode(options: ClientOptions, endings: Endings, log: Log): Promise<number> {
  if (options.oneShot !== null) {
    const { runOneShotProgram } = await import('./oneshot/program.ts')
    return runOneShotProgram({
      options,
      shot: options.oneShot,
      endings,
      log,
      createApp,
      runToTheEnd,
    })
  }
  if (options.json) return runInJson(options, endings, log)
  if (!isInteractive(options)) return runInPipe(options, endings, log)
  const { runInteractive } = await import('./interactive.ts')
  return runInteractive({ options, endings, log, createApp, closeInTime })
}

/** For the completion scripts: a name a line, or nothing. */
async function printNames(): Promise<number> {
  const { knownNames } = await import('../../client/known-names.ts')
  const home = createClientHome(homeOf(thisSystem()), systemClock, silentLog)
  const user = process.env['SECURECHAT_USERNAME']
  const names = await knownNames(home, user === '' ? undefined : user).catch(() => [])
  for (const name of names) process.stdout.write(`${safeRow(name)}\n`)
  return EXIT.ok
}

function isInteractive(options: ClientOptions): boolean {
  const terminal = process.stdin.isTTY && process.stdout.isTTY
  return terminal && !options.plain && process.env['TERM'] !== 'dumb'
}

/** The App over real collaborators. */
export function createApp(
  options: ClientOptions,
  front: Front,
  log: Log,
  quit: () => void,
  onStep?: (step: Step) => void,
  show: (event: ClientEvent, app: App) => void = present,
): App {
  const home = homeOf(thisSystem())
  const deps: ClientDeps = {
    dial: (host, port) => dial({ host, port, timeoutMs: DIAL_MS }),
    home: createClientHome(home, systemClock, log),
    files: createNodeFiles(options.downloadDir ?? join(homedir(), 'Downloads', 'securechat')),
    direct: createDirectPort({
      port: options.directPort,
      host: options.directHost,
      lan: options.directLan,
    }),
    clock: systemClock,
    log,
    finish: stretchingInWorker(),
    agent: `securechat ${programVersion()}`,
    confirmServer: (server) => confirmServer(front, options.yes, server),
    onNotice: (text) => {
      front.row('!', text)
    },
    ...(onStep === undefined ? {} : { onStep }),
  }
  return new App({
    connect,
    deps,
    front,
    lock: options.lock,
    present: show,
    quit,
    password: () => passwordFrom(options),
    sound: new Sound({ env: process.env, platform: process.platform, clock: systemClock }),
    sleep: (ms) =>
      new Promise((done) => {
        setTimeout(done, ms)
      }),
  })
}

async function runInPipe(options: ClientOptions, endings: Endings, log: Log): Promise<number> {
  const streams = { input: process.stdin, output: process.stdout, errors: process.stderr }
  // With a terminal but --plain, the forms of the start page still hide a password.
  const terminal = process.stdin.isTTY ? (await import('./terminal-setup.ts')).openTerminal() : null
  const front = new LineFront(streams, terminal?.prompts)
  const app = createApp(options, front, log, () => {
    endings.end({ why: 'quit' })
  })
  return runToTheEnd(app, endings, async () => {
    await start(app, options)
    terminal?.tty.close()
    return app.ended ? EXIT.ok : runLines(app, process.stdin)
  })
}

async function runInJson(options: ClientOptions, endings: Endings, log: Log): Promise<number> {
  const { JSON_VERSION, JsonFront } = await import('./json/json-front.ts')
  const { presentJson, runJson } = await import('./json/run-json.ts')
  const front = new JsonFront(process.stdout)
  front.put({ type: 'hello', version: JSON_VERSION, program: `securechat ${programVersion()}` })
  const quit = (): void => {
    endings.end({ why: 'quit' })
  }
  const app = createApp(options, front, log, quit, undefined, presentJson(front))
  const exit = await runToTheEnd(
    app,
    endings,
    async () => {
      await start(app, options)
      front.put({ type: 'ready', me: app.requireSession().me })
      return runJson(app, front, process.stdin)
    },
    front.failed,
  )
  front.put({ type: 'end', exit })
  return exit
}

/** Does `work` unless something ends the program before; closes properly either way. The exit code. */
async function runToTheEnd(
  app: App,
  endings: Endings,
  work: () => Promise<number>,
  told?: (error: SecureChatError) => void,
): Promise<number> {
  const outcome = await Promise.race([
    work().then(
      (code) => ({ why: 'done', code }) as const,
      (error: unknown) => ({ why: 'refused', error }) as const,
    ),
    endings.first,
  ])
  await closeInTime(app)
  process.stdin.destroy()
  let shown: SecureChatError
  switch (outcome.why) {
    case 'done':
      return outcome.code
    case 'refused':
    case 'failure':
      shown = app.showError(outcome.error)
      told?.(shown)
      return exitCodeOf(outcome.error)
    case 'quit':
      return EXIT.ok
    case 'hangup':
      return EXIT.failure
    case 'signal':
      return signalExitCode(outcome.signal)
  }
}

/** Says goodbye to the server, but does not wait for one that no longer listens. */
export async function closeInTime(app: App): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((done) => {
    timer = setTimeout(done, CLOSE_MS)
  })
  await Promise.race([app.close(), late])
  clearTimeout(timer)
}

async function openDebugLog(
  options: ClientOptions,
): Promise<{ log: Log; close: () => Promise<void> }> {
  if (options.debug === undefined) return { log: silentLog, close: () => Promise.resolve() }
  const [{ open }, { openLog }] = await Promise.all([
    import('node:fs/promises'),
    import('../log.ts'),
  ])
  const file = await open(resolve(options.debug), 'a', 0o600)
  const log = openLog({
    level: 'debug',
    human: false,
    fullAddresses: false,
    clock: systemClock,
    fd: file.fd,
  })
  return {
    log,
    close: async () => {
      await log.flush()
      await file.close()
    },
  }
}
