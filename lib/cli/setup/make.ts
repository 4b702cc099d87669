// What a set-up leaves: keys, launch password, settings and perhaps a unit, in one folder. All of it or nothing; then it says
// what stands where.
import { existsSync } from 'node:fs'
import { rm, rmdir } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'

import { privateFolder, writeError } from '../../storage/durable.ts'
import { type Bytes, utf8 } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'
import { qrRows } from '../client/qr.ts'
import { PACKAGE_ROOT } from '../home.ts'
import { CONFIG_NAME } from '../server/args.ts'
import { createFile } from '../server/create-file.ts'
import { makeServerKeys } from '../server/identity.ts'
import { linkOf } from '../server/link.ts'
import type { ServerSettings } from '../server/settings.ts'
import type { Answers } from './questions.ts'
import { credentialFile, UNIT_NAME, unitText, verifyUnit } from './unit.ts'

export const MADE_FILES: readonly string[] = [
  'server.identity',
  'server.opaque',
  'server.store-key',
  CONFIG_NAME,
  UNIT_NAME,
]

/** @throws E_CONFIG E_FILE E_DISK_FULL; nothing stays then */
export async function make(answers: Answers, defaults: ServerSettings): Promise<void> {
  const { keys, data, systemd } = answers.settings
  let srv: Bytes
  const missing = [data, keys].filter((folder) => !existsSync(folder))
  try {
    srv = await makeKeys(answers)
    const config = `${JSON.stringify(chosen(answers.settings, defaults), null, 2)}\n`
    await createFile(join(keys, CONFIG_NAME), utf8(config))
    if (systemd === 'yes') await makeUnit(answers)
  } catch (error) {
    for (const name of MADE_FILES) await rm(join(keys, name), { force: true })
    for (const folder of missing) await rmdir(folder).catch(() => undefined)
    throw error
  }
  process.stdout.write(summary(answers, srv, keys === defaults.keys))
}

async function makeKeys({ settings: { keys }, launchPassword }: Answers): Promise<Bytes> {
  const known = (attempt: number): Promise<string | null> =>
    Promise.resolve(attempt === 0 ? launchPassword : null)
  const { srv } = await makeServerKeys(keys, known, launchPassword)
  return srv
}

async function makeUnit({ settings, launchPassword }: Answers): Promise<void> {
  const facts = {
    settings,
    user: userName(),
    node: process.execPath,
    program: join(PACKAGE_ROOT, 'bin', 'securechat-server'),
    config: join(settings.keys, CONFIG_NAME),
    hasLaunchPassword: launchPassword !== null,
  }
  const path = join(settings.keys, UNIT_NAME)
  await createFile(path, utf8(unitText(facts)))
  try {
    await privateFolder(settings.data) // systemd opens it to the unit only if it is there
  } catch (error) {
    const { code, message } = writeError(error, settings.data)
    fail(code, message, error)
  }
  const complaint = verifyUnit(path)
  if (complaint !== '') process.stdout.write(`systemd-analyze verify says:\n${complaint}\n`)
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'nobody')
  }
}

function summary(
  { settings, launchPassword }: Answers,
  srv: Bytes,
  isDefaultFolder: boolean,
): string {
  const config = join(settings.keys, CONFIG_NAME)
  const options = isDefaultFolder ? '' : ` --config ${config}`
  const { link: invite } = linkOf({ settings, srv, port: settings.port })
  const [cols, rows] = process.stdout.isTTY ? process.stdout.getWindowSize() : [0, 0]
  const code = qrRows(invite, { cols, rows }) ?? []
  const unit = join(settings.keys, UNIT_NAME)
  const password = credentialFile(settings)
  return [
    ...code.map((row) => row.map((span) => span.text).join('')),
    `Settings  ${config}`,
    `Keys      ${settings.keys}  (back this folder up)`,
    `Data      ${settings.data}`,
    `Invite    ${invite}`,
    `Start it: securechat-server${options}`,
    ...(settings.registration === 'invite'
      ? [`Then invite somebody: securechat-server invite create${options}`]
      : []),
    ...(settings.systemd === 'no'
      ? []
      : [
          `Or, as root, with the machine${launchPassword === null ? '' : `; ${password} (root, mode 600) then holds the launch password`}:`,
          `  cp ${unit} /etc/systemd/system/`,
          '  systemctl daemon-reload && systemctl enable --now securechat',
          ...(userName() === 'root'
            ? ['It runs as root then: a setup as a user of its own is better.']
            : []),
        ]),
    '',
  ].join('\n')
}

/** Folders and address always, of the rest what is not the default: a later version may have better ones. */
function chosen(settings: ServerSettings, defaults: ServerSettings): Record<string, unknown> {
  const always = [
    'keys',
    'data',
    'host',
    'port',
    'registration',
    'directory',
    'presence',
    'storage',
  ]
  // a unit hands the password over as a credential, from a file that the server itself cannot read
  const never = settings.systemd === 'yes' ? ['systemd', 'launchPasswordFile'] : ['systemd']
  const usual = new Map<string, unknown>(Object.entries(defaults))
  return Object.fromEntries(
    Object.entries(settings).filter(
      ([name, value]) =>
        !never.includes(name) &&
        (always.includes(name) || (value !== null && value !== usual.get(name))),
    ),
  )
}
