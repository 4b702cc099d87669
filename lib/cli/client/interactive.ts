// The interactive client: the App behind the window, from the first form to a restored terminal.
import type { Step } from '../../client/ports.ts'
import { codeOf } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import { EXIT, exitCodeOf } from '../exit-codes.ts'
import { systemClock } from '../system-clock.ts'
import { programVersion } from '../version.ts'
import type { App } from './app.ts'
import type { ClientOptions } from './args.ts'
import { candidates } from './candidates.ts'
import { runLine } from './dispatch.ts'
import { doubtAbout } from './doubt.ts'
import { type Endings, signalExitCode } from './ending.ts'
import { FullMode } from './full/full-mode.ts'
import type { Front } from './front.ts'
import { IdleLock } from './idle-lock.ts'
import { jobControl } from './job-control.ts'
import { notifyHook } from './notify-hook.ts'
import { workerDecoder } from './media/decoder.ts'
import { graphicsOf } from './media/graphics.ts'
import { Pictures } from './media/pictures.ts'
import { ScreenFront } from './screen-front.ts'
import { start } from './start.ts'
import { openTerminal } from './terminal-setup.ts'
import { UnreadCount, unreadWords } from './unread.ts'
import { isSecretLine, keepLine } from './typed-lines.ts'
import { Ui } from './ui.ts'

export interface Interactive {
  readonly options: ClientOptions
  readonly endings: Endings
  readonly log: Log
  readonly createApp: (
    options: ClientOptions,
    front: Front,
    log: Log,
    quit: () => void,
    onStep?: (step: Step) => void,
  ) => App
  readonly closeInTime: (app: App) => Promise<void>
}

const STEPS: Readonly<Partial<Record<Step, string>>> = {
  'generating-keys': 'Generating keys for this launch ..',
  'stretching-password': 'Stretching the password (Argon2id) ..',
  registering: 'Making the account and its keys ..',
}

/** Events after which something else may be unread. */
const COUNTED: ReadonlySet<string> = new Set(['message', 'group', 'contact', 'restore'])

/** Resolves to the exit code; the terminal is as it was. */
export async function runInteractive(parts: Interactive): Promise<number> {
  const { options, endings, log } = parts
  const { tty, theme, prompts } = openTerminal(options.noColor)
  const quit = (): void => {
    endings.end({ why: 'quit' })
  }
  const full = options.full ? new FullMode(systemClock) : null
  const ui = new Ui({
    ...(full === null ? {} : { createScreen: full.createScreen, onKey: full.onKey }),
    tty,
    output: process.stdout,
    theme,
    clock: systemClock,
    jobs: jobControl(process),
    isSecret: isSecretLine,
    doubt: (line) => doubtAbout(line, app.chat),
    onNext: () => {
      void runLine(app, '!next').then(() => {
        unread.changed()
      })
    },
    onLine: (line) => {
      const { chat } = app
      full?.typed()
      void runLine(app, line)
        .then(() => {
          unread.changed()
          return keepLine(app, line, chat)
        })
        .catch((error: unknown) => {
          log.info('typed', { code: codeOf(error) })
        })
    },
    onQuit: (why) => {
      if (why === 'force') process.exit(EXIT.interrupted)
      endings.end({ why: why === 'hangup' ? 'hangup' : 'quit' })
    },
    onEscape: () => {
      app.openChat(null)
    },
    complete: (line, offset) => candidates(app, line, offset),
    onContinue: () => {
      app.session?.reconnect()
    },
  })
  process.on('exit', () => {
    full?.leave()
    ui.restoreModes()
  })
  const hook = notifyHook(process.env, log)
  const front = full?.front(ui, prompts, hook) ?? new ScreenFront(ui, prompts, systemClock, hook)
  const said = new Set<Step>()
  const app = parts.createApp(options, front, log, quit, (step) => {
    const words = STEPS[step]
    if (words === undefined || app.session !== null || said.has(step)) return
    said.add(step)
    front.row('*', words)
  })
  const unread = new UnreadCount({
    clock: systemClock,
    session: () => app.session,
    openChat: () => app.chat,
    show: (list) => {
      front.unread(list)
    },
  })
  const idleLock = new IdleLock({
    clock: systemClock,
    idleMs: () => ui.idleMs,
    lock: () => {
      void runLine(app, '!lock')
    },
  })
  app.preferences.onChange(({ lockSeconds }) => {
    idleLock.arm(lockSeconds * 1000)
  })
  app.onEvent(({ type }) => {
    if (COUNTED.has(type)) unread.changed()
  })
  app.onSession((session) => {
    void unread.count().then((list) => {
      if (list.length === 0) return
      front.row('*', `Unread: ${unreadWords(list)}. Alt-A opens the first, !unread lists them.`)
    })
    if (session === null) ui.forgetHistory()
    else
      void session.notebook.lines().then(
        (lines) => {
          ui.addHistory(lines)
        },
        () => undefined,
      )
  })
  full?.attach(app)
  // the rows of the full screen are drawn again and again: a picture has to consist of rows
  const graphics = graphicsOf(process.env, theme)
  if (graphics !== 'none') {
    front.pictures = new Pictures({
      graphics: full === null ? graphics : 'blocks',
      files: app.deps.files,
      decode: workerDecoder(systemClock),
      print: (entry) => {
        ui.print(entry)
      },
      room: () => full?.room ?? ui,
    })
  }
  front.row('*', `securechat ${programVersion()} - end-to-end encrypted messages in your terminal`)
  const started = start(app, options).then(
    () => null,
    (error: unknown) => ({ why: 'refused', error }) as const,
  )
  const refused = await Promise.race([started, endings.first])
  if (refused === null && !app.ended) ui.start()
  const ending = refused ?? (await endings.first)
  // Nobody reads any more: do not even try to restore the prompt.
  await parts.closeInTime(app)
  idleLock.arm(0)
  unread.stop()
  full?.end()
  front.pictures?.close()
  front.end()
  ui.end()
  switch (ending.why) {
    case 'refused':
    case 'failure':
      app.showError(ending.error)
      return exitCodeOf(ending.error)
    case 'hangup':
      return EXIT.failure
    case 'signal':
      return signalExitCode(ending.signal)
    case 'quit':
      return EXIT.ok
  }
}
