// What this machine has against an answer, asked while the question is still on the screen: a late no would cost the person all
// other answers. The trial looks again.
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { dirname } from 'node:path'

import { listen } from '../../channel/tcp.ts'
import { errnoOf } from '../../storage/durable.ts'
import { SecureChatError } from '../../util/errors.ts'
import { thisSystem } from '../home.ts'
import type { ServerSettings } from '../server/settings.ts'
import { existingIn, existsText } from './existing.ts'
import { LOW_PORTS } from './unit.ts'

/** A sentence; null: nothing. */
type Objection = Promise<string | null>

export interface Ground {
  /** What ~ stands for. */
  readonly homeDir: string
  folders(settings: ServerSettings): Objection
  /** To listening on host and port; port 0: whether there is such an address. */
  address(settings: ServerSettings): Objection
  /** A port that this user may not have, but a unit may give to the server. */
  isForUnit(settings: Pick<ServerSettings, 'host' | 'port'>): Promise<boolean>
}

export const thisMachine: Ground = {
  homeDir: thisSystem().homeDir,
  folders: ({ keys, data }) =>
    said(async () => {
      const found = await existingIn({ keys, data })
      if (found !== null) return existsText(found)
      for (const folder of [keys, data]) {
        const reason = await whyNotMade(folder)
        if (reason !== null) return `${folder} cannot be made or written (${reason}).`
      }
      return null
    }),
  address: (settings) =>
    said(async () => {
      await tryPort(settings)
      return null
    }),
  isForUnit: async (settings) => {
    if (settings.port === 0 || settings.port >= LOW_PORTS) return false
    return tryPort(settings).then(
      () => false,
      (error: unknown) => error instanceof Error && errnoOf(error.cause) === 'EACCES',
    )
  },
}

async function tryPort({ host, port }: Pick<ServerSettings, 'host' | 'port'>): Promise<void> {
  const listener = await listen({ host, port, onConnection: (duplex) => duplex.destroy() })
  await listener.close()
}

async function said(look: () => Objection): Objection {
  try {
    return await look()
  } catch (error) {
    if (error instanceof SecureChatError) return error.message
    throw error
  }
}

/** An errno name; null: nothing is in the way. */
async function whyNotMade(folder: string): Promise<string | null> {
  try {
    await access(folder, constants.W_OK | constants.X_OK)
    return null
  } catch (error) {
    const isMissing = errnoOf(error) === 'ENOENT' && dirname(folder) !== folder
    return isMissing ? whyNotMade(dirname(folder)) : (errnoOf(error) ?? String(error))
  }
}
