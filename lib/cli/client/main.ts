// The client's composition root: options, folders, collaborators, one of the fronts, and a proper end on every path.
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

import { dial } from '../../channel/tcp.ts'
import { connect } from '../../client/connect.ts'
import type { ClientDeps, Step } from '../../client/ports.ts'
import { type Log, silentLog } from '../../util/log.ts'
import { EXIT, exitCodeOf } from '../exit-codes.ts'
import { createNodeFiles } from '../node-files.ts'
import { homeOf, thisSystem } from '../home.ts'
import { systemClock } from '../system-clock.ts'
import { programVersion } from '../version.ts'
import { App } from './app.ts'
import { type ClientOptions, parseClientArgs, USAGE } from './args.ts'
import { createClientHome } from './client-home.ts'
import { createDirectPort } from './direct-port.ts'
import { Endings, signalExitCode } from './ending.ts'
import type { Front } from './front.ts'
import { LineFront, runLines } from './lines.ts'
import { passwordFrom } from './password-source.ts'
import { present } from './present.ts'
import { confirmServer, start } from './start.ts'

const DIAL_MS = 10_000
const CLOSE_MS = 3_000

export async function main(argv: readonly string[]): Promise<void> {
  process.exitCode = await run(argv)
}

async function run(argv: readonly string[]): Promise<number> {
  const endings = new Endings()
  endings.watch()
  let options: ClientOptions
  try {
    options = parseClientArgs(argv, process.env)
  } catch (error) {
    process.stderr.write(`! ${error instanceof Error ? error.message : 'Bad options.'}\n`)
    process.stderr.write('  securechat --help lists them.\n')
    return EXIT.usage
  }
  if (options.help || options.version) {
    process.stdout.write(options.help ? USAGE : `securechat ${programVersion()}\n`)
    return EXIT.ok
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
    return isInteractive(options)
      ? await (
          await import('./interactive.ts')
        ).runInteractive({
          options,
          endings,
          log,
          createApp,
          closeInTime,
        })
      : await runInPipe(options, endings, log)
  } finally {
    await close()
  }
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
    present,
    quit,
    password: () => passwordFrom(options),
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
  const work = (async () => {
    await start(app, options)
    terminal?.tty.close()
    return app.ended ? EXIT.ok : runLines(app, process.stdin)
  })()
  const outcome = await Promise.race([
    work.then(
      (code) => ({ why: 'done', code }) as const,
      (error: unknown) => ({ why: 'refused', error }) as const,
    ),
    endings.first,
  ])
  await closeInTime(app)
  process.stdin.destroy()
  switch (outcome.why) {
    case 'done':
      return outcome.code
    case 'refused':
    case 'failure':
      app.showError(outcome.error)
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
