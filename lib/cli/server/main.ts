// The server as a program: decides what is asked for and ends with an exit code. Loads little: the making of the first
// launch key (a tenth of a second of another thread) begins before the rest of the server is read from the disk.
import { readFileSync } from 'node:fs'

import { RsaPrivateKey } from '../../crypto/rsa.ts'
import { fail, SecureChatError } from '../../util/errors.ts'
import { EXIT, type ExitCode, exitCodeOf } from '../exit-codes.ts'
import { homeOf, thisSystem } from '../home.ts'
import { inert } from '../sanitise.ts'
import { programVersion } from '../version.ts'
import { parseServerArgs, type ServerCommand } from './args.ts'
import { printedConfig, serverHelp } from './help.ts'
import { defaultSettings } from './settings.ts'

export async function main(argv: readonly string[]): Promise<void> {
  try {
    process.exitCode =
      argv[0] === 'passwd' ? await password(argv.slice(1)) : await run(argv, readCommand(argv))
  } catch (error) {
    process.stderr.write(`securechat-server: ${explain(error)}\n`)
    process.exitCode = exitCodeOf(error)
  }
}

function readCommand(argv: readonly string[]): ServerCommand {
  const system = thisSystem()
  return parseServerArgs(argv, {
    env: system.env,
    cwd: system.cwd,
    defaults: defaultSettings(homeOf(system)),
    readFile: (path) => readFileSync(path, 'utf8'),
  })
}

async function run(argv: readonly string[], command: ServerCommand): Promise<ExitCode> {
  const { run: what, settings, options, warnings } = command
  for (const text of warnings) warn(text)
  switch (what) {
    case 'help':
      process.stdout.write(serverHelp(settings))
      return EXIT.ok
    case 'version':
      process.stdout.write(`securechat-server ${programVersion()}\n`)
      return EXIT.ok
    case 'print-config':
      process.stdout.write(printedConfig(settings))
      return EXIT.ok
    case 'serve': {
      const launchKey = RsaPrivateKey.generate(2048)
      launchKey.catch(() => undefined) // whoever awaits it reports it
      const { serve } = await import('./serve.ts')
      return serve(settings, launchKey, () => readCommand(argv).settings)
    }
    case 'operate': {
      const { exitOf, operate, printed } = await import('./operator/run.ts')
      const outcome = await operate(command)
      for (const text of outcome.warnings ?? []) warn(text)
      process.stdout.write(printed(outcome, options))
      return exitOf(outcome)
    }
  }
}

async function password(argv: readonly string[]): Promise<ExitCode> {
  const { passwd, passwdWords } = await import('./passwd.ts')
  const words = passwdWords(argv)
  const command = readCommand(words.rest)
  if (command.run === 'operate') {
    fail('E_USAGE', `passwd takes no command: "${command.words.join(' ')}" is a start of its own.`)
  }
  return command.run === 'serve' ? passwd(words, command.settings) : run(words.rest, command)
}

function warn(text: string): void {
  process.stderr.write(`securechat-server: ${inert(text)}\n`)
}

/** Our own errors are sentences for the operator; anything else is a mistake of ours and needs its stack. */
function explain(error: unknown): string {
  if (error instanceof SecureChatError) {
    const hint = error.code === 'E_USAGE' ? '\nsecurechat-server --help lists the options.' : ''
    return inert(error.message) + hint
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
