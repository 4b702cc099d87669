// Login with the password (PROTOCOL 5.3): OPAQUE, then the channel gets new keys, then the vault opens. On a device that has
// the account already its data is unlocked; otherwise the device is added to the account's list.
import { loginStart, opaqueReady } from '../../crypto/opaque.ts'
import { randomBytes } from '../../crypto/random.ts'
import type { RecoveryCode } from '../../envelope/recovery-code.ts'
import type { VaultOpener } from '../../envelope/vault-slots.ts'
import { OpenVault } from '../../envelope/vault.ts'
import { withDevice } from '../../identity/device-list-edit.ts'
import {
  signDeviceList,
  type VerifiedDeviceList,
  verifyDeviceList,
} from '../../identity/device-list.ts'
import type { SignedDeviceList } from '../../protocol/composites.ts'
import type { ReplyOf } from '../../protocol/frames.ts'
import type { Username } from '../../protocol/names.ts'
import { type Bytes, equal } from '../../util/bytes.ts'
import { codeOf, fail, SecureChatError } from '../../util/errors.ts'
import type { LocalLock } from '../api.ts'
import type { ClientDeps } from '../ports.ts'
import { isUnanswered, Refusal } from '../refusal.ts'
import type { Wire } from '../wire.ts'
import {
  forgetProfile,
  type ProfileEntry,
  profileName,
  profilesOf,
  rememberProfile,
} from './home-index.ts'
import { freshKeys } from './key-maker.ts'
import { checkFollows, readOwn, storeOwnList } from './own-list.ts'
import { finishing } from './password-finish.ts'
import { Profile } from './profile.ts'
import { withPuzzle } from './puzzle.ts'

const WRONG = 'Wrong username or password.'
const WRONG_CODE = 'Wrong username or recovery code.'

type Secret = 'password' | 'code'

/** A login that opened the vault. */
export interface AccountProof {
  readonly verified: VerifiedDeviceList
  readonly list: SignedDeviceList
  readonly vault: OpenVault
  /** Of the vault. */
  readonly ver: number
}

export interface PasswordProof extends AccountProof {
  readonly exportKey: Bytes
}

/** Proves the password; afterwards the connection has level acct. @throws E_AUTH for a wrong password or unknown name */
export async function provePassword(
  deps: ClientDeps,
  wire: Wire,
  srv: Bytes,
  user: Username,
  password: string,
): Promise<PasswordProof> {
  const { reply, exportKey } = await logIn(deps, wire, srv, user, { kind: 'password', password })
  return { ...opened(srv, user, reply, { by: 'password', exportKey }), exportKey }
}

/** As provePassword, with the recovery code. The caller sets a new password next (PROTOCOL 5.2). */
export async function proveRecoveryCode(
  deps: ClientDeps,
  wire: Wire,
  srv: Bytes,
  user: Username,
  code: RecoveryCode,
): Promise<AccountProof> {
  const { reply } = await logIn(deps, wire, srv, user, { kind: 'code', password: code.reveal() })
  return opened(srv, user, reply, { by: 'recovery-code', code })
}

/** The list verifies, the vault opens, and they belong together. @throws E_VAULT and what verifyDeviceList throws */
export function opened(
  srv: Bytes,
  user: Username | undefined,
  { dl, vault: sealed }: ReplyOf<'login.fin'>,
  opener: VaultOpener,
  acct?: Bytes,
): AccountProof {
  const verified = verifyDeviceList(undefined, { srv, user, acct }, dl)
  const vault = OpenVault.open({ srv, acct: verified.list.acct }, sealed, opener)
  vault.checkAgainst(verified.list, verified.aik.spki, sealed.ver)
  return { verified, list: dl, vault, ver: sealed.ver }
}

async function logIn(
  deps: ClientDeps,
  wire: Wire,
  srv: Bytes,
  user: Username,
  { kind, password }: { readonly kind: Secret; readonly password: string },
): Promise<{ readonly reply: ReplyOf<'login.fin'>; readonly exportKey: Bytes }> {
  await opaqueReady()
  const ceremony = loginStart(password)
  const { ke2 } = await startLogin(deps, wire, user, ceremony.message, kind)
  deps.onStep?.('stretching-password')
  const finish = kind === 'code' ? finishing.code : (deps.finish ?? finishing.password)
  const { ke3, sessionKey, exportKey } = await finish
    .login({ state: ceremony.state, answer: ke2, password, srv })
    .catch((error: unknown) => {
      throw explained(kind, error)
    })
  deps.onStep?.('logging-in')
  // no request may be open while the keys change (PROTOCOL 4.4)
  await wire.quiet()
  const answer = wire.request('login.fin', { ke3 })
  wire.connection.rebind(sessionKey)
  const reply = await answer.catch((error: unknown) => {
    throw codeOf(error) === 'E_CLOSED' ? new SecureChatError('E_AUTH', WRONG) : error
  })
  wire.noisy()
  return { reply, exportKey }
}

function explained(kind: Secret, error: unknown): unknown {
  if (codeOf(error) !== 'E_AUTH') return error
  return new SecureChatError('E_AUTH', kind === 'code' ? WRONG_CODE : WRONG, { cause: error })
}

async function startLogin(
  deps: ClientDeps,
  wire: Wire,
  user: Username,
  ke1: Bytes,
  kind: Secret,
): Promise<{ readonly ke2: Bytes }> {
  const rc = kind === 'code' ? ({ rc: true } as const) : {}
  try {
    return await withPuzzle(deps.clock, (proof) =>
      wire.request('login.start', { user, ke1, ...rc, ...proof }),
    )
  } catch (error) {
    if (codeOf(error) !== 'E_RATE') throw error
    const afterMs = error instanceof Refusal ? (error.afterMs ?? 0) : 0
    const seconds = Math.max(1, Math.ceil(afterMs / 1000))
    throw new SecureChatError('E_RATE', `Too many wrong passwords. Try again in ${seconds} s.`, {
      cause: error,
    })
  }
}

export interface LoggedIn {
  readonly profile: Profile
  /** The account is new on this device. */
  readonly isNewDevice: boolean
}

/** Opens what this device has of the account, or makes it a device of the account. */
export async function openOrAddDevice(
  deps: ClientDeps,
  wire: Wire,
  proof: AccountProof,
  lock: LocalLock | undefined,
): Promise<LoggedIn> {
  const { verified, vault } = proof
  const { srv, acct, user, devs } = verified.list
  const vaultSecret = vault.deviceSecret({ srv, acct })
  const entries = (await profilesOf(deps.home, srv)).filter((entry) => equal(entry.acct, acct))
  for (const entry of entries) {
    const isListed = devs.some((device) => equal(device.id, entry.dev))
    const profile = await Profile.unlock(deps.home, entry, { vaultSecret, lock })
    if (profile === null) {
      await setAside(deps, entry, 'does not open with this password')
      continue
    }
    try {
      // what the server offers is judged by what this device knows, before anything here changes
      checkFollows((await readOwn(profile)) ?? fail('E_CORRUPT'), verified.pin)
      if (isListed) await profile.saveArchives(vault.archiveKeys())
    } catch (error) {
      await profile.close()
      throw error
    }
    if (isListed) return { profile, isNewDevice: false }
    await profile.close()
    await setAside(deps, entry, 'belongs to a device that the account does not have (any more)')
  }
  return { profile: await addDevice(deps, wire, proof, user, lock ?? 'device'), isNewDevice: true }
}

/** Nothing of a person is ever deleted for what a server says, or for a file that does not open. */
async function setAside(deps: ClientDeps, entry: ProfileEntry, why: string): Promise<void> {
  const where = await deps.home.setAside(entry.name)
  await forgetProfile(deps.home, entry.name)
  deps.log.warn('client.profile.aside', { profile: entry.name })
  deps.onNotice?.(
    `What was stored here for @${entry.user} ${why}. It was set aside, not deleted: ${where}. This device starts anew.`,
  )
}

async function addDevice(
  deps: ClientDeps,
  wire: Wire,
  { verified, list: current, vault }: AccountProof,
  user: Username,
  lock: LocalLock,
): Promise<Profile> {
  const { srv, acct } = verified.list
  deps.onStep?.('generating-keys')
  const dsk = await (deps.keys ?? freshKeys).rsa(2048)
  const device = { id: randomBytes(8), dsk: dsk.publicKey, ts: deps.clock.now() }
  const next = await signDeviceList(vault.aik, withDevice(verified, device), current.ik, current.ss)
  const profile = await Profile.create(
    deps.home,
    { srv, acct, dev: device.id },
    { dsk, archives: vault.archiveKeys(), inbox: [] },
    { vaultSecret: vault.deviceSecret({ srv, acct }), lock },
  )
  try {
    await storeOwnList(profile, user, current, verified.pin)
    await wire.request('dl.put', { dl: next })
    await storeOwnList(profile, user, next, verified.pin)
    return profile
  } catch (error) {
    await profile.close()
    const name = profileName(acct, device.id)
    if (isUnanswered(error)) {
      // the server may have it: then the next login goes on with this very device
      const entry = { name, srv, acct, dev: device.id, user, resumable: lock === 'device' }
      await rememberProfile(deps.home, { ...entry, lastUsed: deps.clock.now() })
      fail('E_CLOSED', `The connection ended before @${user} had this device. Log in again.`, error)
    }
    await deps.home.removeProfile(name)
    throw codeOf(error) === 'E_CAS'
      ? new SecureChatError('E_CAS', 'Another device changed the account just now. Log in again.')
      : error
  }
}
