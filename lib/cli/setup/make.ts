// What a set-up leaves: keys, launch password, settings and perhaps a unit, in one folder. Then it says what stands where.
import { join } from 'node:path'

import type { Bytes } from '../../util/bytes.ts'
import { qrRows } from '../client/qr.ts'
import { programWord } from '../program-word.ts'
import { CONFIG_NAME } from '../server/args.ts'
import { makeServerKeys } from '../server/identity.ts'
import { linkOf } from '../server/link.ts'
import type { ServerSettings } from '../server/settings.ts'
import { writeConfig } from './config-file.ts'
import { thisMachine } from './ground.ts'
import type { Answers } from './questions.ts'
import { shellWord } from '../shell-word.ts'
import { UNIT_NAME } from './unit.ts'
import { type UnitPlan, unitSteps, writeUnit } from './write-unit.ts'

/** @throws E_CONFIG E_FILE E_DISK_FULL; what was made by then is for the caller to take back */
export async function make(answers: Answers, defaults: ServerSettings): Promise<void> {
  const { keys, systemd } = answers.settings
  const srv = await makeKeys(answers)
  await writeConfig(join(keys, CONFIG_NAME), answers.settings, defaults)
  if (systemd === 'yes') await writeUnit(planOf(answers))
  const isForUnit = await thisMachine.isForUnit(answers.settings)
  process.stdout.write(
    summary(answers, srv, { isDefaultFolder: keys === defaults.keys, isForUnit }),
  )
}

async function makeKeys({ settings: { keys }, launchPassword }: Answers): Promise<Bytes> {
  const known = (attempt: number): Promise<string | null> =>
    Promise.resolve(attempt === 0 ? launchPassword : null)
  const { srv } = await makeServerKeys(keys, known, launchPassword)
  return srv
}

function planOf({ settings, launchPassword }: Answers): UnitPlan {
  return {
    settings,
    config: join(settings.keys, CONFIG_NAME),
    hasLaunchPassword: launchPassword !== null,
    path: join(settings.keys, UNIT_NAME),
  }
}

function summary(
  answers: Answers,
  srv: Bytes,
  { isDefaultFolder, isForUnit }: { isDefaultFolder: boolean; isForUnit: boolean },
): string {
  const { settings } = answers
  const config = join(settings.keys, CONFIG_NAME)
  // whoever pastes it elsewhere has no SECURECHAT_HOME there
  const isFound = isDefaultFolder && (process.env['SECURECHAT_HOME'] ?? '') === ''
  const options = isFound ? '' : ` --config ${shellWord(config)}`
  const program = programWord('securechat-server')
  const { link: invite } = linkOf({ settings, srv, port: settings.port })
  const [cols, rows] = process.stdout.isTTY ? process.stdout.getWindowSize() : [0, 0]
  const code = qrRows(invite, { cols, rows }) ?? []
  return [
    ...code.map((row) => row.map((span) => span.text).join('')),
    `Settings  ${config}`,
    `Keys      ${settings.keys}  (back this folder up)`,
    `Data      ${settings.data}`,
    `Invite    ${invite}`,
    ...(isForUnit ? [] : [`Start it: ${program}${options}`]),
    ...(settings.registration === 'invite'
      ? [`Then invite somebody: ${program} invite create${options}`]
      : []),
    ...(settings.systemd === 'no' ? [] : unitSteps(planOf(answers))),
    '',
  ].join('\n')
}
