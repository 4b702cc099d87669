// A new account (PROTOCOL 5.2): its identity key, its first device, a vault that opens with the password or the recovery
// code, and a registration from which the server learns neither.
import { randomBytes } from '../../crypto/random.ts'
import { opaqueReady, registrationFinish, registrationStart } from '../../crypto/opaque.ts'
import { sha256 } from '../../crypto/hash.ts'
import { OpenVault } from '../../envelope/vault.ts'
import { RecoveryCode } from '../../envelope/recovery-code.ts'
import { firstDeviceList } from '../../identity/device-list-edit.ts'
import { signDeviceList } from '../../identity/device-list.ts'
import { registrationStatement } from '../../identity/login-proof.ts'
import type { SignedDeviceList } from '../../protocol/composites.ts'
import type { ReplyOf } from '../../protocol/frames.ts'
import type { Username } from '../../protocol/names.ts'
import { type Bytes, hex } from '../../util/bytes.ts'
import { codeOf, fail, SecureChatError } from '../../util/errors.ts'
import type { LocalLock } from '../api.ts'
import type { ClientDeps } from '../ports.ts'
import { isUnanswered } from '../refusal.ts'
import type { Wire } from '../wire.ts'
import { freshKeys } from './key-maker.ts'
import { storeOwnList } from './own-list.ts'
import { profileName, rememberProfile } from './home-index.ts'
import { finishing } from './password-finish.ts'
import { Profile } from './profile.ts'
import { withPuzzle } from './puzzle.ts'

export interface NewAccount {
  readonly user: Username
  readonly password: string
  readonly email: string | undefined
  readonly invite: string | undefined
  readonly lock: LocalLock
  readonly onRecoveryCode: ((code: string) => Promise<void> | void) | undefined
}

export interface Enrolled {
  readonly profile: Profile
  readonly recoveryCode: string
}

/** @throws E_TAKEN E_AUTH (invite) E_STATE (closed) E_RATE */
export async function enrol(
  deps: ClientDeps,
  wire: Wire,
  srv: Bytes,
  account: NewAccount,
): Promise<Enrolled> {
  const { user, password } = account
  const { keys = freshKeys } = deps
  await opaqueReady()
  const code = RecoveryCode.generate()
  const ceremony = registrationStart(password)
  const recovery = registrationStart(code.reveal())
  const requests = { req: ceremony.message, rreq: recovery.message }
  const { resp, rresp } = await start(deps, wire, account, requests)
  deps.onStep?.('generating-keys')
  const [aik, dsk] = await Promise.all([keys.rsa(3072), keys.rsa(2048)])
  deps.onStep?.('stretching-password')
  const { record, exportKey } = await (deps.finish ?? finishing.password).registration({
    state: ceremony.state,
    answer: resp,
    password,
    srv,
  })

  const who = { srv, acct: sha256(aik.publicKey.spki) }
  const open = OpenVault.create(aik).withRecoveryCode(who, code)
  const device = { id: randomBytes(8), dsk: dsk.publicKey, ts: deps.clock.now() }
  const list = await signDeviceList(aik, firstDeviceList(who, user, device))
  await account.onRecoveryCode?.(code.reveal())

  const profile = await Profile.create(
    deps.home,
    { ...who, dev: device.id },
    { dsk, archives: open.archiveKeys(), inbox: [] },
    { vaultSecret: open.deviceSecret(who), lock: account.lock },
  )
  try {
    deps.onStep?.('registering')
    await storeOwnList(profile, user, list)
    const pop = await aik.signAsync(registrationStatement(wire.exporter, who, user))
    await finish(wire, account.invite, {
      rec: record,
      ...recoveryRecord(recovery.state, rresp, code, srv),
      vault: open.seal(who, 1, { exportKey }),
      dl: list,
      pop,
      ...(account.email === undefined ? {} : { email: account.email }),
    })
  } catch (error) {
    await profile.close()
    const name = profileName(who.acct, device.id)
    if (isUnanswered(error)) {
      // the server may have stored it: then this is the only device of the account
      const entry = { name, ...who, dev: device.id, user, resumable: account.lock === 'device' }
      await rememberProfile(deps.home, { ...entry, lastUsed: deps.clock.now() })
      fail(
        'E_CLOSED',
        `The connection ended before the server answered. If it has your account, !login ${user} works; else register again.`,
        error,
      )
    }
    await deps.home.removeProfile(name)
    throw error
  }
  return { profile, recoveryCode: code.reveal() }
}

/** Whether somebody could sign up so now: asked before a person has thought of a password. @throws as enrol() */
export async function probe(
  deps: ClientDeps,
  wire: Wire,
  account: Pick<NewAccount, 'user' | 'invite'>,
): Promise<void> {
  await opaqueReady()
  const { message } = registrationStart(hex(randomBytes(16)))
  await start(deps, wire, account, { req: message })
}

async function start(
  deps: ClientDeps,
  wire: Wire,
  { user, invite }: Pick<NewAccount, 'user' | 'invite'>,
  requests: { readonly req: Bytes; readonly rreq?: Bytes },
): Promise<ReplyOf<'reg.start'>> {
  const inv = invite === undefined ? {} : { inv: invite }
  try {
    return await withPuzzle(deps.clock, (proof) =>
      wire.request('reg.start', { user, ...requests, ...inv, ...proof }),
    )
  } catch (error) {
    throw explained(error, invite)
  }
}

async function finish(
  wire: Wire,
  invite: string | undefined,
  fields: {
    readonly rec: Bytes
    readonly rrec?: Bytes
    readonly vault: ReturnType<OpenVault['seal']>
    readonly dl: SignedDeviceList
    readonly pop: Bytes
    readonly email?: string
  },
): Promise<void> {
  try {
    await wire.request('reg.fin', fields)
  } catch (error) {
    throw explained(error, invite)
  }
}

const SENTENCES: ReadonlyMap<string, string> = new Map([
  ['E_TAKEN', 'That username is taken. Choose another one.'],
  ['E_AUTH', 'This server needs an invitation, and this one is not valid. Ask its operator.'],
  ['E_STATE', 'This server does not take new accounts.'],
  ['E_RATE', 'Too many registrations from here today. Try again tomorrow, or ask the operator.'],
])

const NO_INVITE = 'This server needs an invitation. Ask its operator for a code.'

function explained(error: unknown, invite: string | undefined): unknown {
  const code = codeOf(error)
  const isMissing = code === 'E_AUTH' && invite === undefined
  const sentence = isMissing ? NO_INVITE : SENTENCES.get(code)
  return sentence === undefined ? error : new SecureChatError(code, sentence, { cause: error })
}

/** Lets the code log in later. Empty when the server did not answer to it: the code then opens nothing without the password. */
export function recoveryRecord(
  state: string,
  rresp: Bytes | undefined,
  code: RecoveryCode,
  srv: Bytes,
): { readonly rrec?: Bytes } {
  if (rresp === undefined) return {}
  return { rrec: registrationFinish(state, rresp, code.reveal(), srv, 'code').record }
}

/** @throws E_USAGE */
export function checkPassword(password: string): void {
  if (password === '') fail('E_USAGE', 'The password is empty.')
}
