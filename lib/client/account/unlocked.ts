// For the few things that need the account key: a connection of its own that the password opens, the vault, and the newest
// list; all of it is gone when the work is done (PROTOCOL 3: the key is in memory only while it is needed).
import { signDeviceList, verifyDeviceList } from '../../identity/device-list.ts'
import type { AccountId } from '../../identity/conversation.ts'
import type { DeviceList } from '../../identity/device-list-body.ts'
import type { RsaPublicKey } from '../../crypto/rsa.ts'
import type { SignedDeviceList, Vault } from '../../protocol/composites.ts'
import { codeOf, SecureChatError } from '../../util/errors.ts'
import type { ClientDeps } from '../ports.ts'
import type { Directory } from '../people/directory.ts'
import type { Peer } from '../people/peer.ts'
import type { Wire } from '../wire.ts'
import { type Endpoint, type LaunchKey, openChannel } from './channel.ts'
import { checkNotOlder } from './own-list.ts'
import { type PasswordProof, provePassword } from './password-login.ts'
import type { Profile } from './profile.ts'

export interface AccountAccess {
  readonly deps: ClientDeps
  readonly server: Endpoint & { readonly highestVersion: number }
  readonly profile: Profile
  readonly launchKey: LaunchKey
  readonly directory: Directory
  /** The own account as it is pinned now. */
  readonly me: () => Peer
}

export interface Unlocked extends PasswordProof {
  readonly wire: Wire
  readonly who: AccountId
  /** Those of the list: each keeps its slot in every new vault. */
  readonly loginKeys: readonly RsaPublicKey[]
}

/** @throws E_AUTH for a wrong password; E_ROLLBACK, E_FORK when the server shows another history of our own list */
export async function withVault<T>(
  { deps, server, profile, launchKey, directory, me }: AccountAccess,
  password: string,
  work: (unlocked: Unlocked) => Promise<T>,
): Promise<T> {
  const { srv, acct } = profile.device
  const { wire } = await openChannel(deps, { ...server, srv }, launchKey)
  try {
    const proof = await provePassword(deps, wire, srv, me().pin.user, password)
    checkNotOlder(me(), proof.verified.list.n)
    if (proof.verified.list.n > me().pin.n) await directory.refresh(acct)
    verifyDeviceList(me().pin, { srv, acct }, proof.list)
    // epochs that other devices began meanwhile
    if (proof.vault.epoch !== profile.archives.at(-1)?.e) {
      await profile.saveArchives(proof.vault.archiveKeys())
    }
    const loginKeys = proof.verified.list.lks.map(({ lk }) => lk)
    return await work({ ...proof, wire, who: { srv, acct }, loginKeys })
  } finally {
    await wire.close()
  }
}

/** Signs the next list and hands it in, with the vault that goes with it. @throws E_CAS with what to do */
export async function putList(
  { vault: { aik }, list, wire }: Unlocked,
  body: DeviceList,
  vault?: Vault,
): Promise<SignedDeviceList> {
  const dl = await signDeviceList(aik, body, list.ik, list.ss)
  try {
    await wire.request('dl.put', { dl, ...(vault === undefined ? {} : { vault }) })
    return dl
  } catch (error) {
    throw raced(error)
  }
}

export function raced(error: unknown): unknown {
  return codeOf(error) === 'E_CAS'
    ? new SecureChatError('E_CAS', 'Another device changed the account just now. Try again.', {
        cause: error,
      })
    : error
}
