// securechat-server setup: questions (or --yes), a trial, keys, config file, invite. Until the trial has passed nothing
// stands where the server will be; what fails later is taken back. An existing installation is left alone.
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { makeFolder, writeError } from '../../storage/durable.ts'
import { fail, SecureChatError } from '../../util/errors.ts'
import { passwordFrom } from '../client/password-source.ts'
import { openTerminal } from '../client/terminal-setup.ts'
import { EXIT, exitCodeOf } from '../exit-codes.ts'
import { homeOf, thisSystem } from '../home.ts'
import { inert } from '../sanitise.ts'
import {
  CONFIG_NAME,
  parseServerArgs,
  type ServerCommand,
  type Surroundings,
} from '../server/args.ts'
import { printedConfig, serverHelp } from '../server/help.ts'
import { atTerminal, launchPasswordOf, launchPasswordProblem } from '../server/launch-password.ts'
import { passwdWords } from '../server/passwd.ts'
import { refuseRoot } from '../server/refuse-root.ts'
import { defaultSettings, type ServerSettings } from '../server/settings.ts'
import { programVersion } from '../version.ts'
import { allOrNothing, type Traces } from './all-or-nothing.ts'
import { existingIn, existsText, unitOfExisting } from './existing.ts'
import { thisMachine } from './ground.ts'
import { make } from './make.ts'
import { portObjection } from './objections.ts'
import { type Answers, ask } from './questions.ts'
import { tryOut } from './trial.ts'

export async function main(argv: readonly string[]): Promise<void> {
  try {
    await setup(argv)
    process.exitCode = EXIT.ok
  } catch (error) {
    const isOurs = error instanceof SecureChatError
    const text = isOurs ? inert(error.message) : error instanceof Error ? error.stack : ''
    process.stderr.write(`securechat-server: ${text ?? ''}\n`)
    process.exitCode = exitCodeOf(error)
  }
  process.exit()
}

async function setup(argv: readonly string[]): Promise<void> {
  const isUnattended = argv.includes('--yes')
  const { isRemoval, newFile, newFd, rest } = passwdWords(argv.filter((word) => word !== '--yes'))
  if (isRemoval) fail('E_USAGE', 'setup removes nothing: there is no --remove.')
  const system = thisSystem()
  const defaults = defaultSettings(homeOf(system))
  const { run, settings, config, words, warnings } = readWords(rest, {
    env: system.env,
    cwd: system.cwd,
    defaults,
    readFile: (path) => readFileSync(path, 'utf8'),
  })
  switch (run) {
    case 'serve':
      break
    case 'help':
      process.stdout.write(serverHelp(defaults))
      return
    case 'version':
      process.stdout.write(`securechat-server ${programVersion()}\n`)
      return
    case 'print-config':
      process.stdout.write(printedConfig(settings))
      return
    case 'operate':
      fail('E_USAGE', `setup takes no command: "${words.join(' ')}" is a start of its own.`)
  }
  for (const text of warnings) process.stderr.write(`securechat-server: ${inert(text)}\n`)
  const isNew = newFile !== undefined || newFd !== undefined
  if (settings.systemd === 'yes' && (await existingIn(settings)) !== null) {
    if (isNew) fail('E_USAGE', 'The keys are there already: passwd changes their launch password.')
    return unitOfExisting(settings, defaults, config)
  }
  const given = isNew
    ? ((await passwordFrom({ passwordFile: newFile, passwordFd: newFd })) ?? null)
    : await launchPasswordOf(settings)(0)
  const problem = given === null ? null : launchPasswordProblem(given)
  if (problem !== null) fail('E_CONFIG', problem)
  if (!isUnattended && !atTerminal()) {
    fail('E_USAGE', 'Without a terminal, setup needs --yes; options and variables are the answers.')
  }
  await refuseExisting(settings)
  const objection = portObjection(settings)
  if (isUnattended && objection !== null) fail('E_CONFIG', objection)
  const answers = isUnattended
    ? { settings, launchPassword: given }
    : await questions(settings, given)
  await refuseExisting(answers.settings)
  const tried = await withPort(answers.settings)
  await allOrNothing(answers.settings, async (traces) => {
    await trial(tried, traces)
    traces.isMaking = true
    await make(answers, defaults)
  })
}

/** With the settings file beside the keys, also where it is not in the default folder. */
function readWords(words: readonly string[], around: Surroundings): ServerCommand {
  const command = parseServerArgs(words, around)
  const own = join(command.settings.keys, CONFIG_NAME)
  if (command.config !== null || !existsSync(own)) return command
  return parseServerArgs([...words, '--config', own], around)
}

async function questions(settings: ServerSettings, given: string | null): Promise<Answers> {
  const { tty, prompts } = openTerminal()
  try {
    return await prompts.form((form) => ask(form, settings, given, thisMachine))
  } finally {
    tty.close()
  }
}

async function refuseExisting(settings: ServerSettings): Promise<void> {
  const folder = await existingIn(settings)
  if (folder !== null) fail('E_CONFIG', existsText(folder))
}

/** A port that only the unit gives to the server is tried by nobody here. @throws E_CONNECT without the unit */
async function withPort(settings: ServerSettings): Promise<ServerSettings> {
  const { port, systemd } = settings
  if (!(await thisMachine.isForUnit(settings))) return settings
  if (systemd === 'no') {
    fail(
      'E_CONNECT',
      `This user may not have port ${port}: choose one above 1023, or let a systemd unit give it to the server (--systemd yes).`,
    )
  }
  process.stdout.write(`Only the unit gives port ${port} to the server: the trial takes another.\n`)
  return { ...settings, port: 0 }
}

async function trial(settings: ServerSettings, traces: Traces): Promise<void> {
  await refuseRoot(settings)
  process.stdout.write('Trying it out: a server, two people, a message ..\n')
  const parent = dirname(settings.data)
  try {
    await makeFolder(parent)
    traces.trialFolder = await mkdtemp(join(parent, '.setup-'))
  } catch (error) {
    const { message } = writeError(error, `a trial in ${parent}`)
    return fail('E_FILE', `${message} Choose another folder.`, error)
  }
  await tryOut(settings, traces.trialFolder)
  await rm(traces.trialFolder, { recursive: true, force: true })
  process.stdout.write('It works; everything of the trial is gone.\n')
}
