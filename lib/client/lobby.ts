// Connected and nobody yet: sign up, log in, or go on as the device of last time (PROTOCOL 5.2, 5.3). Becomes a session once;
// the connection goes along.
import type { InboxKeys } from '../envelope/inbox-keys.ts'
import { RecoveryCode } from '../envelope/recovery-code.ts'
import { serverFingerprint } from '../identity/fingerprint.ts'
import { decodeLoginKeyFile } from '../identity/login-key-file.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { ReplyOf } from '../protocol/frames.ts'
import { parseUsername, type Username } from '../protocol/names.ts'
import { type Bytes, hex } from '../util/bytes.ts'
import { type ErrorCode, fail } from '../util/errors.ts'
import type { Endpoint, LaunchKey } from './account/channel.ts'
import { loginDevice } from './account/device-login.ts'
import { checkPassword, enrol, probe } from './account/enrolment.ts'
import { type ProfileEntry, profileName, rememberProfile } from './account/home-index.ts'
import { proveKeyFile } from './account/key-login.ts'
import { replacePassword } from './account/password-change.ts'
import {
  type AccountProof,
  openOrAddDevice,
  provePassword,
  proveRecoveryCode,
} from './account/password-login.ts'
import { Profile } from './account/profile.ts'
import type {
  KeyLogin,
  KnownAccount,
  LocalLock,
  Login,
  Recovery,
  Registration,
  ServerInfo,
  Session,
  Unauthenticated,
} from './api.ts'
import type { ClientDeps } from './ports.ts'
import { LiveSession } from './session/session.ts'
import type { Wire, WireEnd } from './wire.ts'

export interface LobbyOptions {
  readonly deps: ClientDeps
  readonly launchKey: LaunchKey
  readonly inboxKeys: Promise<InboxKeys>
  readonly wire: Wire
  readonly server: Endpoint & { readonly srv: Bytes; readonly highestVersion: number }
  readonly info: ReplyOf<'info'>
  readonly firstContact: boolean
  readonly profiles: readonly ProfileEntry[]
}

interface Arrived {
  readonly profile: Profile
  readonly user: string
  readonly resumable: boolean
  readonly isNewDevice: boolean
}

export class Lobby implements Unauthenticated {
  readonly server: ServerInfo
  readonly accounts: readonly KnownAccount[]
  readonly closed: Promise<{ readonly code: ErrorCode; readonly reason: string }>
  readonly #options: LobbyOptions
  #busy = false
  #left = false
  #keysUsed = false

  constructor(options: LobbyOptions) {
    const { server, info, firstContact, profiles, wire } = options
    this.#options = options
    this.server = {
      srv: hex(server.srv),
      fingerprint: serverFingerprint(server.srv),
      host: server.host,
      port: server.port,
      firstContact,
      registration: registrationOf(info.reg),
      email: info.email === 'required' ? 'required' : 'no',
    }
    this.accounts = profiles.map((entry, index) => ({
      username: entry.user,
      acct: hex(entry.acct),
      resumable: entry.resumable,
      last: index === 0,
    }))
    this.closed = wire.closed.then(explained)
  }

  register(
    options: Registration,
  ): Promise<{ readonly session: Session; readonly recoveryCode: string }> {
    return this.#alone(async () => {
      const { deps, wire, server } = this.#options
      const user = parseUsername(options.username)
      checkPassword(options.password)
      const { displayName = '', email, lock = 'device' } = options
      checkDisplayName(displayName)
      const isEmailPublic = this.server.email === 'required'
      if (isEmailPublic && email === undefined) {
        fail('E_USAGE', 'This server asks for an e-mail address; its operator will see it.')
      }
      const { profile, recoveryCode } = await enrol(deps, wire, server.srv, {
        user,
        password: options.password,
        email: isEmailPublic ? email : undefined,
        invite: options.invite,
        lock,
        onRecoveryCode: options.onRecoveryCode,
      })
      const arrived = { profile, user, resumable: lock === 'device', isNewDevice: false }
      const session = await this.#enter(arrived, true)
      if (displayName !== '' || email !== undefined) await session.introduce(displayName, email)
      return { session, recoveryCode }
    })
  }

  checkName(username: string, invite?: string): Promise<void> {
    return this.#alone(async () => {
      const { deps, wire } = this.#options
      await probe(deps, wire, { user: parseUsername(username), invite })
    })
  }

  login(options: Login): Promise<Session> {
    return this.#alone(async () => {
      const { deps, wire, server } = this.#options
      const user = parseUsername(options.username)
      checkPassword(options.password)
      const proof = await provePassword(deps, wire, server.srv, user, options.password)
      return this.#opened(proof, user, options.lock)
    })
  }

  recover(options: Recovery): Promise<Session> {
    return this.#alone(async () => {
      const { deps, wire, server } = this.#options
      const user = parseUsername(options.username)
      const code = RecoveryCode.parse(options.recoveryCode)
      checkPassword(options.newPassword)
      const proof = await proveRecoveryCode(deps, wire, server.srv, user, code)
      await replacePassword(deps, wire, proof, options.newPassword)
      return this.#opened(proof, user, options.lock)
    })
  }

  loginWithKey(options: KeyLogin): Promise<Session> {
    return this.#alone(async () => {
      const { wire, server } = this.#options
      const file = decodeLoginKeyFile(options.keyFile)
      const proof = await proveKeyFile(wire, server.srv, file)
      return this.#opened(proof, proof.verified.list.user, options.lock)
    })
  }

  resume(username?: string): Promise<Session> {
    return this.#alone(async () => {
      const { deps, profiles } = this.#options
      const user = username === undefined ? undefined : parseUsername(username)
      const entry = profiles.find((each) => user === undefined || each.user === user)
      if (entry === undefined) {
        return fail('E_NOT_LOGGED_IN', 'Nobody is signed in on this device: !login or !register.')
      }
      const profile = await Profile.resume(deps.home, entry)
      const arrived = { profile, user: entry.user, resumable: true, isNewDevice: false }
      return this.#enter(arrived, false)
    })
  }

  async close(): Promise<void> {
    if (!this.#left) await this.#options.wire.close()
  }

  async #opened(
    proof: AccountProof,
    user: Username,
    lock: LocalLock | undefined,
  ): Promise<LiveSession> {
    const { deps, wire } = this.#options
    const { profile, isNewDevice } = await openOrAddDevice(deps, wire, proof, lock)
    const resumable = await profile.staysSignedIn()
    return this.#enter({ profile, user, resumable, isNewDevice }, true)
  }

  /** The connection becomes a session; on failure the profile is closed again. */
  async #enter(arrived: Arrived, publishFirst: boolean): Promise<LiveSession> {
    const { deps, wire, server, launchKey, inboxKeys } = this.#options
    const { profile, user, resumable, isNewDevice } = arrived
    deps.onStep?.('logging-in')
    const { srv, acct, dev } = profile.device
    let listNumber: number
    try {
      const login = await loginDevice(wire, profile.device, profile.dsk)
      listNumber = login.n
      const name = profileName(acct, dev)
      const lastUsed = deps.clock.now()
      await rememberProfile(deps.home, { name, srv, acct, dev, user, resumable, lastUsed })
    } catch (error) {
      await profile.close()
      throw error
    }
    this.#left = true
    deps.onStep?.('opening-store')
    return LiveSession.start({
      ...{ deps, server, profile, launchKey, wire, listNumber, isNewDevice, publishFirst },
      inboxKeys: this.#takeKeys(inboxKeys),
    })
  }

  /** Inbox keys serve one launch of one device. */
  #takeKeys(inboxKeys: Promise<InboxKeys>): Promise<InboxKeys> {
    if (this.#keysUsed) throw new RangeError('the keys of this launch are taken')
    this.#keysUsed = true
    return inboxKeys
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#left) fail('E_STATE', 'You are logged in already.')
    if (this.#busy) fail('E_STATE', 'One thing at a time.')
    this.#busy = true
    try {
      return await work()
    } finally {
      this.#busy = false
    }
  }
}

function registrationOf(reg: string): ServerInfo['registration'] {
  return reg === 'open' || reg === 'invite' ? reg : 'closed'
}

function checkDisplayName(name: string): void {
  if (Array.from(name).length > LIMITS.displayNameCharacters) {
    fail('E_USAGE', `A display name has at most ${LIMITS.displayNameCharacters} characters.`)
  }
}

function explained(end: WireEnd): { readonly code: ErrorCode; readonly reason: string } {
  if (end.bye === 'E_AUTH') {
    const reason =
      'Too many wrong passwords: the server closed the connection. Connect again later.'
    return { code: 'E_AUTH', reason }
  }
  if (end.bye === 'E_BUSY') {
    return { code: 'E_BUSY', reason: end.reason }
  }
  return { code: end.code, reason: end.reason }
}
