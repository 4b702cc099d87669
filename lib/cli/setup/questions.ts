// What setup asks a person. Every answer is also an option, a variable and a name in the config file: what those say is
// the default here, and Enter takes it.
import { join, resolve } from 'node:path'

import { launchPasswordProblem } from '../server/launch-password.ts'
import { type ServerSettings, SETTINGS } from '../server/settings.ts'
import type { Form } from '../prompts.ts'

export interface Answers {
  readonly settings: ServerSettings
  /** Null: the server starts without a question. */
  readonly launchPassword: string | null
}

const GIB = 2 ** 30
const CONTROL = /\p{Cc}/u

/** Rejects with E_CANCELLED at Ctrl-C; nothing was made by then. */
export async function ask(
  form: Form,
  given: ServerSettings,
  password: string | null,
): Promise<Answers> {
  const setting = async (name: string, message: string, initial: string): Promise<string> =>
    form.text({
      message,
      initial,
      validate: (text) => {
        const row = SETTINGS.get(name)
        const isGood = row?.read(text.trim(), '/') !== undefined
        return isGood || `That is not ${row?.takes ?? 'it'}.`
      },
    })

  const here = resolve(given.keys, '..')
  const folder = await form.text({
    message: 'Folder for everything of this server:',
    initial: here,
    validate: (text) =>
      (text.trim() !== '' && !CONTROL.test(text)) || 'That is not the path of a folder.',
  })
  const home = resolve(folder.trim())
  const folders =
    home === here
      ? { keys: given.keys, data: given.data }
      : { keys: join(home, 'keys'), data: join(home, 'data', 'server') }
  const launchPassword = password ?? (await askPassword(form))
  const host = await setting('host', 'Address to listen on (0.0.0.0: all):', given.host)
  const port = Number(await setting('port', 'Port:', String(given.port)))
  const publicHost = await form.text({
    message: 'Name or address for the invite (empty: guessed):',
    initial: given.publicHost ?? '',
    validate: (text) =>
      text.trim() === '' ||
      SETTINGS.get('publicHost')?.read(text.trim(), '/') !== undefined ||
      'That is not a host name or an address.',
  })
  const registration = await form.choose(
    'Who may make an account?',
    [
      { value: 'open' as const, name: 'everybody' },
      { value: 'invite' as const, name: 'whoever has an invitation' },
      { value: 'closed' as const, name: 'nobody' },
    ],
    given.registration,
  )
  const directory = await form.confirm(
    'May people with an account search names?',
    given.directory === 'yes',
  )
  const presence = await form.confirm(
    'May people who choose so see each other online?',
    given.presence === 'yes',
  )
  const quota = await form.text({
    message: 'GiB of waiting files for each account:',
    initial: String(given.fileQuotaBytes / GIB),
    validate: (text) => /^\d{1,5}(\.\d{1,9})?$/.test(text.trim()) || 'That is not a number.',
  })
  const systemd = await form.confirm(
    'Write a systemd unit, to start it with the machine?',
    given.systemd === 'yes',
  )
  return {
    settings: {
      ...given,
      ...folders,
      host: host.trim(),
      port,
      publicHost: publicHost.trim() === '' ? null : publicHost.trim(),
      registration,
      directory: directory ? 'yes' : 'no',
      presence: presence ? 'yes' : 'no',
      fileQuotaBytes: Math.floor(Number(quota) * GIB),
      systemd: systemd ? 'yes' : 'no',
    },
    launchPassword,
  }
}

async function askPassword(form: Form): Promise<string | null> {
  const wanted = await form.confirm('Protect the keys with a password asked at each start?', false)
  if (!wanted) return null
  const password = await form.password({
    message: 'Launch password:',
    validate: (text) => launchPasswordProblem(text) ?? true,
  })
  await form.password({
    message: 'The same again:',
    validate: (text) => text === password || 'That is another one.',
  })
  return password
}
