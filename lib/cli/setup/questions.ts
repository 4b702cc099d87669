// What setup asks a person. Every answer is also an option, a variable and a name in the config file: what those say is
// the default here, and Enter takes it.
import { join, resolve } from 'node:path'

import type { Form } from '../prompts.ts'
import { newLaunchPassword } from '../server/launch-password.ts'
import { type ServerSettings, SETTINGS } from '../server/settings.ts'
import type { Ground } from './ground.ts'
import { portObjection } from './objections.ts'
import { sizeOf, sizeText } from './sizes.ts'

export interface Answers {
  readonly settings: ServerSettings
  /** Null: the server starts without a question. */
  readonly launchPassword: string | null
}

/** One question, and the settings that its answer decides. */
export interface Question {
  readonly decides: readonly (keyof ServerSettings)[]
  ask(form: Form, now: ServerSettings, ground: Ground): Promise<Partial<ServerSettings>>
}

type NameOf<T> = {
  [K in keyof ServerSettings]: ServerSettings[K] extends T ? K : never
}[keyof ServerSettings]

const CONTROL = /\p{Cc}/u

const FOLDER: Question = {
  decides: ['keys', 'data'],
  async ask(form, given, ground) {
    const here = resolve(given.keys, '..')
    const foldersIn = (typed: string): Pick<ServerSettings, 'keys' | 'data'> => {
      const { keys, data } = given
      const home = resolve(typed.trim().replace(/^~(?=\/|$)/, () => ground.homeDir))
      return home === here
        ? { keys, data }
        : { keys: join(home, 'keys'), data: join(home, 'data', 'server') }
    }
    const folder = await form.text({
      message: 'Folder for everything of this server:',
      initial: here,
      validate: async (text) => {
        if (text.trim() === '' || CONTROL.test(text)) return 'That is not the path of a folder.'
        if (/^~[^/]/.test(text.trim())) return 'Write the path whole: only ~/ is known here.'
        return (await ground.folders({ ...given, ...foldersIn(text) })) ?? true
      },
    })
    return foldersIn(folder)
  },
}

const WITH_UNIT = yesNo('systemd', 'Write a systemd unit, to start it with the machine?')

/** Without a question where nothing else gives the server its port. */
const UNIT: Question = {
  decides: WITH_UNIT.decides,
  ask: async (form, now, ground) =>
    (await ground.isForUnit(now)) ? { systemd: 'yes' } : WITH_UNIT.ask(form, now, ground),
}

/** In this order; the launch password is asked behind the first. */
export const QUESTIONS: readonly Question[] = [
  FOLDER,
  line('host', 'Address to listen on (0.0.0.0: all):', (now, ground) =>
    ground.address({ ...now, port: 0 }),
  ),
  line('port', 'Port:', async (now, ground) => {
    const objection = portObjection(now)
    if (objection !== null || (await ground.isForUnit(now))) return objection
    return ground.address(now)
  }),
  line('publicHost', 'Name or address for the invite (empty: guessed):'),
  choice('registration', 'Who may make an account?', {
    open: 'everybody',
    invite: 'whoever has an invitation',
    closed: 'nobody',
  }),
  yesNo('directory', 'May people with an account search names?'),
  yesNo('presence', 'May people who choose so see each other online?'),
  choice('storage', 'What keeps the data?', {
    embedded: 'files in that folder, nothing to install (there is no other engine yet)',
  }),
  line('maxClients', 'Clients at the same time:'),
  size('fileQuotaBytes', 'Files that wait, of one account:'),
  size('fileTotalBytes', 'Files that wait, of all accounts together (0: as the disk allows):'),
  size('mailboxQuotaBytes', 'Messages that wait, for one device:'),
  size('mailTotalBytes', 'Messages that wait, for all devices together, in memory as well:'),
  size('historyBytes', 'Sealed history, of one account:'),
  size('historyTotalBytes', 'Sealed history, of all accounts together (0: as the disk allows):'),
  UNIT,
]

/** Rejects with E_CANCELLED at Ctrl-C; nothing was made by then. */
export async function ask(
  form: Form,
  given: ServerSettings,
  password: string | null,
  ground: Ground,
): Promise<Answers> {
  let settings = given
  let launchPassword = password
  for (const question of QUESTIONS) {
    settings = { ...settings, ...(await question.ask(form, settings, ground)) }
    if (question === FOLDER) launchPassword ??= await askPassword(form)
  }
  return { settings, launchPassword }
}

/** What the option of this name would make of the text; undefined: it would refuse it. */
function read(name: keyof ServerSettings, text: string): unknown {
  return SETTINGS.get(name)?.read(text, '/')
}

function refusal(name: keyof ServerSettings): string {
  return `That is not ${SETTINGS.get(name)?.takes ?? 'it'}.`
}

/** Empty only where that is the default. */
function line(
  name: NameOf<string | number | null>,
  message: string,
  objection: (settings: ServerSettings, ground: Ground) => Promise<string | null> = () =>
    Promise.resolve(null),
): Question {
  return {
    decides: [name],
    async ask(form, now, ground) {
      const initial = now[name]
      const text = await form.text({
        message,
        initial: initial === null ? '' : String(initial),
        validate: async (typed) => {
          if (typed.trim() === '' && initial === null) return true
          const value = read(name, typed.trim())
          if (value === undefined) return refusal(name)
          return (await objection({ ...now, [name]: value }, ground)) ?? true
        },
      })
      return { [name]: read(name, text.trim()) ?? null }
    },
  }
}

const NUMBER = /\d{4,}/g
const asSize = (bytes: string): string => sizeText(Number(bytes))

function size(name: NameOf<number>, message: string): Question {
  return {
    decides: [name],
    async ask(form, now) {
      const initial = sizeText(now[name])
      const bytesOf = (text: string): unknown => {
        if (text.trim() === initial) return now[name]
        const bytes = sizeOf(text)
        return bytes === undefined ? undefined : read(name, String(bytes))
      }
      const text = await form.text({
        message,
        initial,
        validate: (typed) => {
          if (sizeOf(typed) === undefined) return 'That is not a size, like 500 MiB or 4 GiB.'
          return (
            bytesOf(typed) !== undefined ||
            refusal(name).replace('whole number', 'size').replaceAll(NUMBER, asSize)
          )
        },
      })
      return { [name]: bytesOf(text) }
    },
  }
}

function choice<K extends NameOf<string>>(
  name: K,
  message: string,
  words: Readonly<Record<ServerSettings[K], string>>,
): Question {
  const values = Object.keys(words) as ServerSettings[K][]
  return {
    decides: [name],
    ask: async (form, now) => ({
      [name]: await form.choose(
        message,
        values.map((value) => ({ value, name: words[value] })),
        now[name],
      ),
    }),
  }
}

function yesNo(name: NameOf<'no' | 'yes'>, message: string): Question {
  return {
    decides: [name],
    ask: async (form, now) => ({
      [name]: (await form.confirm(message, now[name] === 'yes')) ? 'yes' : 'no',
    }),
  }
}

async function askPassword(form: Form): Promise<string | null> {
  const wanted = await form.confirm('Protect the keys with a password asked at each start?', false)
  return wanted ? newLaunchPassword(form, 'Launch password:') : null
}
