// Where things live when nobody says otherwise: SECURECHAT_HOME, else keys/ and data/ of a checkout, else the
// platform's data folder. Knows paths only; nothing is made here.
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Home {
  readonly keys: string
  readonly data: string
}

export interface System {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly platform: string
  readonly homeDir: string
  readonly cwd: string
  /** The top folder of the program's sources, null when it runs from an installed package. */
  readonly checkout: string | null
}

/** Compiled programs lie in dist/, right below it. */
export const PACKAGE_ROOT: string = fileURLToPath(new URL('../', import.meta.url))

export function thisSystem(): System {
  return {
    env: process.env,
    platform: process.platform,
    homeDir: ownHome(),
    cwd: process.cwd(),
    // Not part of the published package, so its presence tells a checkout.
    checkout: existsSync(join(PACKAGE_ROOT, 'tsconfig.json')) ? PACKAGE_ROOT : null,
  }
}

/** A container may run us as a user whom nobody has entered anywhere: such a one has the root folder, as in a shell. */
function ownHome(): string {
  try {
    return homedir()
  } catch {
    return '/'
  }
}

function platformFolder(system: System): string {
  const { platform, homeDir } = system
  if (platform === 'win32') {
    return join(variable(system, 'LOCALAPPDATA') ?? join(homeDir, 'AppData', 'Local'), 'SecureChat')
  }
  if (platform === 'darwin') return join(homeDir, 'Library', 'Application Support', 'SecureChat')
  return join(variable(system, 'XDG_DATA_HOME') ?? join(homeDir, '.local', 'share'), 'securechat')
}

/** An empty variable counts as unset, as everywhere. */
function variable({ env }: System, name: string): string | undefined {
  return env[name] === '' ? undefined : env[name]
}

export function homeOf(system: System): Home {
  const chosen = variable(system, 'SECURECHAT_HOME')
  const usual = system.checkout ?? platformFolder(system)
  const root = chosen === undefined ? usual : resolve(system.cwd, chosen)
  return { keys: join(root, 'keys'), data: join(root, 'data') }
}
