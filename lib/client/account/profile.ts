// One account on this device, open: its local key, its secrets, its sealed store. At most one process has it (PROTOCOL 21).
import type { RsaPrivateKey } from '../../crypto/rsa.ts'
import type { ArchiveKeys } from '../../envelope/archive-keys.ts'
import { LocalKey } from '../../envelope/local-key.ts'
import type { DeviceId } from '../../identity/conversation.ts'
import type { Store } from '../../storage/ports.ts'
import type { Bytes } from '../../util/bytes.ts'
import { codeOf, fail } from '../../util/errors.ts'
import type { LocalLock } from '../api.ts'
import type { ClientHome, ProfileFolder } from '../ports.ts'
import { type DeviceKeys, type InboxSet, openDeviceKeys, sealDeviceKeys } from './device-keys.ts'
import { type ProfileEntry, profileName } from './home-index.ts'

/** The local key in clear: present while the device stays signed in. */
const SIGNED_IN = 'signed-in'
/** The local key under a secret of the vault, which the password opens. */
const UNDER_VAULT = 'under-vault'
const DEVICE_KEYS = 'device-keys'

interface ProfileSecret {
  /** OpenVault.deviceSecret */
  readonly vaultSecret: Bytes
}

export class Profile {
  readonly device: DeviceId
  readonly store: Store
  readonly #folder: ProfileFolder
  readonly #localKey: LocalKey
  #keys: DeviceKeys

  private constructor(
    device: DeviceId,
    folder: ProfileFolder,
    store: Store,
    localKey: LocalKey,
    keys: DeviceKeys,
  ) {
    this.device = device
    this.store = store
    this.#folder = folder
    this.#localKey = localKey
    this.#keys = keys
  }

  /** For a new device: everything is on disk before the server hears of it. */
  static async create(
    home: ClientHome,
    device: DeviceId,
    keys: DeviceKeys,
    secret: ProfileSecret & { readonly lock: LocalLock },
  ): Promise<Profile> {
    const localKey = LocalKey.generate()
    const folder = await home.openProfile(profileName(device.acct, device.dev))
    return guarded(folder, async () => {
      await folder.writeKeyFile(DEVICE_KEYS, sealDeviceKeys(derived(localKey), device, keys))
      await writeLocks(folder, localKey, device, secret)
      const store = await folder.openStore(localKey.derive('store'))
      return new Profile(device, folder, store, localKey, keys)
    })
  }

  /**
   * Opens without a password.
   *
   * @throws E_NOT_LOGGED_IN when the device does not stay signed in, E_LOCKED, E_CORRUPT
   */
  static resume(home: ClientHome, entry: ProfileEntry): Promise<Profile> {
    return openProfile(home, entry, async (folder) => {
      const file = await folder.readKeyFile(SIGNED_IN)
      if (file === null) {
        return fail('E_NOT_LOGGED_IN', `Log in as @${entry.user} with your password: !login.`)
      }
      return LocalKey.open(file, entry, { by: 'plain' })
    })
  }

  /**
   * After a login on a device that has the account already. Null when its data does not open (it was damaged): the device
   * has to be enrolled again.
   */
  static async unlock(
    home: ClientHome,
    entry: ProfileEntry,
    secret: ProfileSecret & { readonly lock: LocalLock | undefined },
  ): Promise<Profile | null> {
    try {
      return await openProfile(home, entry, async (folder) => {
        const signedIn = await folder.readKeyFile(SIGNED_IN)
        const closed = await folder.readKeyFile(UNDER_VAULT)
        const { vaultSecret } = secret
        const localKey =
          signedIn !== null
            ? await LocalKey.open(signedIn, entry, { by: 'plain' })
            : await LocalKey.open(closed ?? fail('E_DECRYPT'), entry, {
                by: 'vault',
                secret: vaultSecret,
              })
        const lock = secret.lock ?? (signedIn === null ? 'password' : 'device')
        await writeLocks(folder, localKey, entry, { vaultSecret, lock })
        return localKey
      })
    } catch (error) {
      if (codeOf(error) === 'E_DECRYPT') return null
      if (codeOf(error) !== 'E_CORRUPT') throw error
      return fail(
        'E_CORRUPT',
        `What is stored here for @${entry.user} is damaged. Nothing was changed. Restore a backup of it, or log in with another folder (SECURECHAT_HOME).`,
        error,
      )
    }
  }

  get dsk(): RsaPrivateKey {
    return this.#keys.dsk
  }

  get archives(): readonly ArchiveKeys[] {
    return this.#keys.archives
  }

  get inbox(): readonly InboxSet[] {
    return this.#keys.inbox
  }

  /** Durable when it resolves; the file before it is gone. */
  async saveInbox(inbox: readonly InboxSet[]): Promise<void> {
    await this.#save({ ...this.#keys, inbox })
  }

  async saveArchives(archives: readonly ArchiveKeys[]): Promise<void> {
    await this.#save({ ...this.#keys, archives })
  }

  /** The next session needs no password. */
  async staysSignedIn(): Promise<boolean> {
    return (await this.#folder.readKeyFile(SIGNED_IN)) !== null
  }

  /** The next session needs the password. */
  async signOut(): Promise<void> {
    await this.#folder.removeKeyFile(SIGNED_IN)
  }

  async close(): Promise<void> {
    try {
      await this.store.close()
    } finally {
      await this.#folder.close()
    }
  }

  async #save(keys: DeviceKeys): Promise<void> {
    this.#keys = keys
    const file = sealDeviceKeys(derived(this.#localKey), this.device, keys)
    await this.#folder.writeKeyFile(DEVICE_KEYS, file)
  }

  /** Called by the openers above only. */
  static assemble(
    device: DeviceId,
    folder: ProfileFolder,
    store: Store,
    localKey: LocalKey,
    keys: DeviceKeys,
  ): Profile {
    return new Profile(device, folder, store, localKey, keys)
  }
}

function derived(localKey: LocalKey): Buffer {
  return localKey.derive(DEVICE_KEYS)
}

async function writeLocks(
  folder: ProfileFolder,
  localKey: LocalKey,
  device: DeviceId,
  { vaultSecret, lock }: ProfileSecret & { readonly lock: LocalLock },
): Promise<void> {
  const closed = await localKey.close(device, { by: 'vault', secret: vaultSecret })
  await folder.writeKeyFile(UNDER_VAULT, closed)
  if (lock === 'device') {
    await folder.writeKeyFile(SIGNED_IN, await localKey.close(device, { by: 'plain' }))
  } else await folder.removeKeyFile(SIGNED_IN)
}

/** Nothing stays locked after a failure. */
async function guarded(folder: ProfileFolder, work: () => Promise<Profile>): Promise<Profile> {
  try {
    return await work()
  } catch (error) {
    await folder.close()
    throw error
  }
}

async function openProfile(
  home: ClientHome,
  entry: ProfileEntry,
  unlock: (folder: ProfileFolder) => Promise<LocalKey>,
): Promise<Profile> {
  const folder = await home.openProfile(entry.name)
  return guarded(folder, async () => {
    const { srv, acct, dev } = entry
    const device = { srv, acct, dev }
    const localKey = await unlock(folder)
    const file = (await folder.readKeyFile(DEVICE_KEYS)) ?? fail('E_CORRUPT')
    const keys = openDeviceKeys(derived(localKey), device, file)
    const store = await folder.openStore(localKey.derive('store'))
    return Profile.assemble(device, folder, store, localKey, keys)
  })
}
