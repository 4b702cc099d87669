// The unit in a file beside the keys, and how root takes it from there.
import { userInfo } from 'node:os'
import { dirname, join } from 'node:path'

import { privateFolder, replaceFile, writeError } from '../../storage/durable.ts'
import { utf8 } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'
import { PACKAGE_ROOT } from '../home.ts'
import type { ServerSettings } from '../server/settings.ts'
import { shellWord } from '../shell-word.ts'
import { credentialFile, unitText, verifyUnit } from './unit.ts'

export interface UnitPlan {
  readonly settings: ServerSettings
  /** The settings file that it starts the server with. */
  readonly config: string
  readonly hasLaunchPassword: boolean
  /** Where it is written. */
  readonly path: string
}

/** In place of an older one. @throws E_CONFIG E_DISK_FULL E_STORE */
export async function writeUnit({ path, ...plan }: UnitPlan): Promise<void> {
  const program = join(PACKAGE_ROOT, 'bin', 'securechat-server')
  const text = unitText({ ...plan, user: userName(), node: process.execPath, program })
  try {
    await privateFolder(dirname(path))
    await replaceFile(path, utf8(text))
    await privateFolder(plan.settings.data) // systemd opens it to the unit only if it is there
  } catch (error) {
    const { code, message } = writeError(error, `${path} or ${plan.settings.data}`)
    fail(code, message, error)
  }
  const complaint = verifyUnit(path)
  if (complaint !== '') process.stdout.write(`systemd-analyze verify says:\n${complaint}\n`)
}

/** For root to do. */
export function unitSteps({ settings, hasLaunchPassword, path }: UnitPlan): string[] {
  const password = `; ${credentialFile(settings)} (root, mode 600) then holds the launch password`
  return [
    `As root, to start it with the machine${hasLaunchPassword ? password : ''}:`,
    `  cp ${shellWord(path)} /etc/systemd/system/`,
    '  systemctl daemon-reload && systemctl enable --now securechat',
    ...(userName() === 'root'
      ? ['It runs as root then: a setup as a user of its own is better.']
      : []),
  ]
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'nobody')
  }
}
