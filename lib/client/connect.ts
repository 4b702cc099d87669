// The front door: from an address to a checked server (PROTOCOL 4.1). What can be done there is in lobby.ts.
import { serverFingerprint } from '../identity/fingerprint.ts'
import { OUTER_VERSION } from '../protocol/version.ts'
import { type Bytes, equal } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import {
  addressOf,
  askIdentity,
  LaunchKey,
  openChannel,
  ServerChangedError,
} from './account/channel.ts'
import { freshKeys } from './account/key-maker.ts'
import { type KnownServer, knownServer, profilesOf, rememberServer } from './account/home-index.ts'
import type { Connect, Target, Unauthenticated } from './api.ts'
import { Lobby } from './lobby.ts'
import type { ClientDeps } from './ports.ts'

export const connect: Connect = async (
  deps: ClientDeps,
  target: Target,
): Promise<Unauthenticated> => {
  const host = target.host.toLowerCase()
  const { port } = target
  deps.onStep?.('generating-keys')
  // both pairs of this launch at once, on two threads
  const launchKey = new LaunchKey(deps)
  const inboxKeys = (deps.keys ?? freshKeys).inbox()
  inboxKeys.catch(() => undefined) // reported to whoever logs in

  const known = await knownServer(deps.home, host, port)
  deps.onStep?.('connecting')
  const srv = await expected(deps, { ...target, host }, known)
  const before = known?.highestVersion ?? OUTER_VERSION
  const server = { host, port, srv, highestVersion: before }
  const { wire, highestVersion } = await openChannel(deps, server, launchKey)
  try {
    const info = await wire.request('info', {})
    if (known === undefined || highestVersion > before) {
      const since = known?.since ?? deps.clock.now()
      await rememberServer(deps.home, { host, port, srv, since, highestVersion })
    }
    return new Lobby({
      deps,
      launchKey,
      inboxKeys,
      wire,
      server: { ...server, highestVersion },
      info,
      firstContact: known === undefined,
      profiles: await profilesOf(deps.home, srv),
    })
  } catch (error) {
    wire.destroy('E_CLOSED', 'The server did not say what it offers.')
    throw error
  }
}

/** The one identity this server may have: pinned, invited, or confirmed by a person. Nothing is sent before. */
async function expected(
  deps: ClientDeps,
  target: Target,
  known: KnownServer | undefined,
): Promise<Bytes> {
  const { host, port, srv } = target
  if (known !== undefined) {
    if (srv !== undefined && !equal(srv, known.srv)) {
      throw new ServerChangedError(addressOf(target), known.srv, srv)
    }
    return known.srv
  }
  if (srv !== undefined) return srv
  const found = await askIdentity(deps, target)
  const fingerprint = serverFingerprint(found)
  const accepted = (await deps.confirmServer?.({ host, port, fingerprint })) ?? false
  return accepted
    ? found
    : fail(
        'E_UNTRUSTED',
        `The identity of ${addressOf(target)} was not accepted. Nothing was sent.`,
      )
}
