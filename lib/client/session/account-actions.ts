// Session.account: devices, names, password, keys and the end of the account (PROTOCOL 5). Each change is made on a
// connection of its own that the password opened; then this session and the contacts follow.
import { randomBytes } from '../../crypto/random.ts'
import { RecoveryCode } from '../../envelope/recovery-code.ts'
import type { DeviceList } from '../../identity/device-list-body.ts'
import { loginKeyId } from '../../identity/device-list-body.ts'
import { nextDeviceList, renamed, withoutDevice } from '../../identity/device-list-edit.ts'
import { encodeLoginKeyFile } from '../../identity/login-key-file.ts'
import { deletionStatement } from '../../identity/login-proof.ts'
import { LIMITS } from '../../protocol/limits.ts'
import { parseUsername } from '../../protocol/names.ts'
import { equal, hex } from '../../util/bytes.ts'
import { codeOf, fail, SecureChatError } from '../../util/errors.ts'
import type {
  AccountActions,
  DeviceInfo,
  LoginKeyInfo,
  OwnProfile,
  Purgeable,
  StoredItem,
} from '../account-api.ts'
import type { Endpoint, LaunchKey } from '../account/channel.ts'
import { checkPassword } from '../account/enrolment.ts'
import { forgetProfile, profileName } from '../account/home-index.ts'
import { freshKeys } from '../account/key-maker.ts'
import { replacePassword } from '../account/password-change.ts'
import { putList, type Unlocked, withVault } from '../account/unlocked.ts'
import { Refusal } from '../refusal.ts'
import type { Core } from './core.ts'
import { purge, storedItems } from './own-record.ts'

/** Contacts that hear of a change end to end at once; the others hear it with the next message. */
const TOLD_MAX = 200
const DAY_MS = 24 * 3_600_000

export interface AccountOptions {
  readonly core: Core
  readonly server: Endpoint & { readonly highestVersion: number }
  readonly launchKey: LaunchKey
  /** Ends the session. */
  readonly close: () => Promise<void>
}

export class LiveAccount implements AccountActions {
  readonly #options: AccountOptions

  constructor(options: AccountOptions) {
    this.#options = options
  }

  devices(): DeviceInfo[] {
    return this.#list.devs.map(({ id, ts }, index) => ({
      number: index + 1,
      dev: hex(id),
      addedAt: ts,
      isThis: equal(id, this.#core.device.dev),
    }))
  }

  async revokeDevice(number: number, password: string): Promise<DeviceInfo> {
    const device = this.devices().find((each) => each.number === number)
    if (device === undefined)
      fail('E_NOT_FOUND', `There is no device ${number}: !devices lists them.`)
    if (device.isThis) fail('E_USAGE', 'That is this device. To leave with it, log out.')
    const dev = Buffer.from(device.dev, 'hex')
    await this.#beginEpoch(password, ({ verified }, versions) =>
      withoutDevice(verified, dev, this.#core.clock.now(), versions),
    )
    return device
  }

  async checkPassword(password: string): Promise<void> {
    await this.#unlocked(password, () => Promise.resolve())
  }

  async changePassword(current: string, next: string): Promise<void> {
    checkPassword(next)
    await this.#unlocked(current, (unlocked) =>
      replacePassword(this.#core.deps, unlocked.wire, unlocked, next),
    )
  }

  async newRecoveryCode(
    password: string,
    shown: (code: string) => Promise<void> | void,
  ): Promise<void> {
    const code = RecoveryCode.generate()
    await this.checkPassword(password) // a wrong password is said before anything is shown
    await shown(code.reveal())
    await this.#unlocked(password, (unlocked) =>
      replacePassword(this.#core.deps, unlocked.wire, unlocked, password, code),
    )
  }

  loginKeys(): LoginKeyInfo[] {
    return this.#list.lks.map(({ id }, index) => ({ number: index + 1, id: hex(id) }))
  }

  async makeLoginKey(password: string): Promise<Uint8Array> {
    if (this.loginKeys().length >= LIMITS.loginKeys) {
      fail('E_TOO_BIG', `An account has at most ${LIMITS.loginKeys} login keys: remove one first.`)
    }
    const { deps, clock, device } = this.#core
    deps.onStep?.('generating-keys')
    const key = await (deps.keys ?? freshKeys).rsa(3072)
    await this.#unlocked(password, async (unlocked) => {
      const { vault, verified, ver, who, exportKey, loginKeys } = unlocked
      const lk = key.publicKey
      const lks = [...verified.list.lks, { id: loginKeyId(lk), lk }]
      const body = nextDeviceList(verified, clock.now(), { lks, vv: ver + 1 })
      const slots = { exportKey, loginKeys: [...loginKeys, lk] }
      await putList(unlocked, body, vault.seal(who, ver + 1, slots))
    })
    await this.#follow()
    const { host, port } = this.#options.server
    const { srv, acct } = device
    return encodeLoginKeyFile({ srv, acct, key, host, port })
  }

  async removeLoginKey(number: number, password: string): Promise<void> {
    const key = this.loginKeys().find((each) => each.number === number)
    if (key === undefined)
      fail('E_NOT_FOUND', `There is no login key ${number}: !loginkey lists them.`)
    await this.#beginEpoch(password, ({ verified }, versions) => {
      const lks = verified.list.lks.filter(({ id }) => hex(id) !== key.id)
      return nextDeviceList(verified, this.#core.clock.now(), { lks, ...versions })
    })
  }

  async rename(name: string, password: string): Promise<void> {
    const user = parseUsername(name.replace(/^@/, ''))
    if (user === this.#core.me.pin.user) fail('E_USAGE', 'That is your name already.')
    await this.#unlocked(password, async (unlocked) => {
      try {
        await putList(unlocked, renamed(unlocked.verified, user, this.#core.clock.now()))
      } catch (error) {
        throw notRenamed(error)
      }
    })
    await this.#follow()
    await this.#announce()
  }

  async setDisplayName(text: string): Promise<void> {
    const { settings, peers, acceptance } = this.#core
    const displayName = text.trim()
    if (Array.from(displayName).length > LIMITS.displayNameCharacters) {
      fail('E_USAGE', `A full name has at most ${LIMITS.displayNameCharacters} characters.`)
    }
    await settings.set({ displayName })
    for (const peer of peers.all()) if (!peer.blocked) await acceptance.introduce(peer)
  }

  async profile(): Promise<OwnProfile> {
    const { me, settings, link } = this.#core
    const { displayName, readReceipts } = settings.choices
    const email = link.online ? await settings.email().catch(() => undefined) : undefined
    return {
      ...{ user: me.pin.user, formerNames: me.pin.former, displayName, email, readReceipts },
      devices: this.#list.devs.length,
      loginKeys: this.#list.lks.length,
    }
  }

  stored(): Promise<readonly StoredItem[]> {
    return storedItems(this.#core)
  }

  purge(what: Purgeable): Promise<number> {
    return purge(this.#core, what)
  }

  async delete(password: string): Promise<void> {
    const { deps, device } = this.#core
    const { acct, dev } = device
    await this.#core.own.leave(async () => {
      await this.#unlocked(password, async ({ wire, who, vault }) => {
        const sig = await vault.aik.signAsync(deletionStatement(wire.exporter, who))
        await wire.request('acct.del', { sig })
      })
      await this.#options.close()
    })
    const name = profileName(acct, dev)
    await forgetProfile(deps.home, name)
    await deps.home.removeProfile(name)
  }

  get #core(): Core {
    return this.#options.core
  }

  get #list(): DeviceList {
    return this.#core.directory.listOf(this.#core.me)
  }

  #unlocked<T>(password: string, work: (unlocked: Unlocked) => Promise<T>): Promise<T> {
    checkPassword(password)
    const { core, server, launchKey } = this.#options
    const { deps, profile, directory } = core
    const access = { deps, server, profile, launchKey, directory, me: () => core.me }
    return withVault(access, password, work)
  }

  /** Something that could open the account goes: what is written from now on opens to what stays only (PROTOCOL 5.4, 11). */
  async #beginEpoch(
    password: string,
    change: (unlocked: Unlocked, versions: { vv: number; re: number }) => DeviceList,
  ): Promise<void> {
    const { profile, sync } = this.#core
    const keys = await this.#unlocked(password, async (unlocked) => {
      const { vault, ver, who, exportKey } = unlocked
      const next = vault.withNewRoot()
      const body = change(unlocked, { vv: ver + 1, re: next.epoch })
      const loginKeys = body.lks.map(({ lk }) => lk)
      await putList(unlocked, body, next.seal(who, ver + 1, { exportKey, loginKeys }))
      return next.archiveKeys()
    })
    await profile.saveArchives(keys)
    await this.#follow()
    const newest = keys.at(-1)
    if (newest !== undefined) await sync.pass(newest)
    await sync.reseal()
    await this.#announce()
  }

  /** This session goes by the list that was just handed in. */
  async #follow(): Promise<void> {
    await this.#core.directory.refresh(this.#core.device.acct)
  }

  /** A new stream to everybody: its first message says which list of ours is the newest, past the server (PROTOCOL 5.4). */
  async #announce(): Promise<void> {
    const { peers, outbox, settings, clock } = this.#core
    const name = settings.choices.displayName
    const others = peers
      .all()
      .filter((p) => p.accepted && !p.blocked && !p.deleted && !this.#core.isMe(p.acct))
    for (const { conv, acct } of others.slice(0, TOLD_MAX)) {
      const payload = { k: 'profile', id: randomBytes(16), ts: clock.now(), name } as const
      await outbox.add(payload, { conv, acct })
    }
  }
}

function notRenamed(error: unknown): unknown {
  const code = codeOf(error)
  if (code === 'E_TAKEN') {
    return new SecureChatError(
      'E_TAKEN',
      'That username is taken, or was once. Choose another one.',
      {
        cause: error,
      },
    )
  }
  if (code !== 'E_RATE') return error
  const afterMs = error instanceof Refusal ? (error.afterMs ?? 0) : 0
  const days = Math.max(1, Math.ceil(afterMs / DAY_MS))
  return new SecureChatError(
    'E_RATE',
    `You may change your name twice in 30 days; the next time in ${days} ${days === 1 ? 'day' : 'days'}.`,
    { cause: error },
  )
}
