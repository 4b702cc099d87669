// backup, restore and move as an operator types them.
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'

import { codeOf, fail, SecureChatError } from '../../../util/errors.ts'
import { sleep } from '../../../util/clock.ts'
import { shellWord } from '../../shell-word.ts'
import { systemClock } from '../../system-clock.ts'
import { markMoved } from '../backup/marks.ts'
import { restoreBackup, type Restored } from '../backup/restore.ts'
import { refusePlace, type Written } from '../backup/write.ts'
import { loadServerKeys } from '../identity.ts'
import { launchPasswordOrAsk, PASSWORD_MIN_CHARS, remembered } from '../launch-password.ts'
import { refuseRoot } from '../refuse-root.ts'
import type { ServerSettings } from '../settings.ts'
import { ask, askFolder, askRunning } from './ask.ts'
import { bytesText } from './format.ts'
import type { Outcome } from './outcome.ts'
import { placeOf } from './same-place.ts'
import { settingsAfter, settingsInBackup, startWords } from './settings-words.ts'

const STOP_MS = 30_000
const LOOK_MS = 200

type Options = ReadonlyMap<string, string>

export async function backup(
  settings: ServerSettings,
  words: readonly string[],
  options: Options,
): Promise<Outcome> {
  const args = await orderIn(words, options)
  const result = (await ask(settings, { op: 'backup', args })) as Written
  return { result, lines: written(result, settings) }
}

export async function restore(
  settings: ServerSettings,
  words: readonly string[],
  options: Options,
): Promise<Outcome> {
  const isDry = options.has('dry-run')
  const { keys, data } = settings
  if (!isDry) await refuseRoot(settings)
  const passphrase = await passphraseIn(options)
  const result = await restoreBackup({ keys, data }, fileIn(words), { passphrase, isDry })
  const what = `${result.parts} parts, ${bytesText(result.bytes)}, every checksum right.`
  return {
    result,
    lines: isDry
      ? [what, ...prospect(result, settings)]
      : [
          what,
          `Restored into ${data} and ${keys}.`,
          ...settingsAfter(result, settings),
          ...startWords(result),
        ],
  }
}

/**
 * Ends the server, takes its last state, and keeps it from starting here again. What would fail afterwards and can be known
 * before (no place for the backup, no launch password) is said while the server still runs.
 */
export async function move(
  settings: ServerSettings,
  words: readonly string[],
  options: Options,
): Promise<Outcome> {
  if (!options.has('yes')) {
    fail('E_USAGE', `This ends the server here: move ${words[0] ?? ''} --yes`)
  }
  await refuseRoot(settings)
  const args = await orderIn(words, options)
  const password = remembered(launchPasswordOrAsk(settings))
  await refusePlace(settings, args.file)
  if ((await loadServerKeys(settings.keys, password)) === null) {
    fail('E_CONFIG', `The keys of this server are not in ${settings.keys}. Name their --keys.`)
  }
  const stopped = await askRunning(settings, { op: 'stop', args: {} })
  let result: Written
  try {
    const request = { op: 'backup', args }
    result = (await whenFree(() => askFolder(settings, request, password))) as Written
  } catch (error) {
    if (stopped === null || !(error instanceof SecureChatError)) throw error
    return fail(error.code, `${error.message} The server has ended: start it again here.`, error)
  }
  await markMoved(settings.data, result.file, systemClock.now())
  return {
    result,
    lines: [
      ...written(result, settings),
      'The server has ended and does not start here again. If a systemd unit starts it, take that out: ' +
        'systemctl disable securechat',
      'On the new machine:',
      `  securechat-server restore ${shellWord(result.file)}`,
    ],
  }
}

/** The server needs some seconds to say goodbye. */
async function whenFree(work: () => Promise<unknown>): Promise<unknown> {
  const until = systemClock.monotonic() + STOP_MS
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (codeOf(error) !== 'E_LOCKED' || systemClock.monotonic() > until) throw error
    }
    await sleep(systemClock, LOOK_MS)
  }
}

function written(result: Written, settings: ServerSettings): string[] {
  const { file, bytes, parts, sealed } = result
  return [
    `${file}: ${parts} parts, ${bytesText(bytes)}, read again and right.`,
    sealed
      ? 'It holds the keys of this server, sealed: without the passphrase nobody can restore it.'
      : 'It holds the keys of this server: who has it can pass for the server. Keep it as safe as keys/.',
    settingsInBackup(result, settings),
  ]
}

/** A backup can be checked where its server lives, though it could not be restored there. */
function prospect(result: Restored, settings: ServerSettings): string[] {
  const { keys, data, obstacle } = result
  return obstacle === null
    ? [
        `A restore would fill ${data} and ${keys}. Nothing was changed.`,
        ...settingsAfter(result, settings),
      ]
    : ['Nothing was changed, and a restore with these folders would be refused:', obstacle]
}

/** What the operation `backup` is told. */
async function orderIn(
  words: readonly string[],
  options: Options,
): Promise<{ readonly file: string; readonly passphrase: string; readonly place: string }> {
  const file = fileIn(words)
  const passphrase = await passphraseIn(options)
  if (options.has('passphrase-file') && Array.from(passphrase).length < PASSWORD_MIN_CHARS) {
    fail('E_CONFIG', `The passphrase of a backup has at least ${PASSWORD_MIN_CHARS} characters.`)
  }
  return { file, passphrase, place: await placeOf(file) }
}

function fileIn([file = '']: readonly string[]): string {
  return file === '' ? fail('E_USAGE', 'FILE is empty.') : resolve(process.cwd(), file)
}

/** The first line of the file; empty without one. */
async function passphraseIn(options: Options): Promise<string> {
  const path = options.get('passphrase-file')
  if (path === undefined) return ''
  const text = await readFile(path, 'utf8').catch((cause: unknown) =>
    fail('E_FILE', `The passphrase file ${path} cannot be read.`, cause),
  )
  const [line = ''] = text.split(/\r?\n/, 1)
  return line === '' ? fail('E_FILE', `The passphrase file ${path} is empty.`) : line
}
