// Session.account: devices, names, password, keys and the end of the account (PROTOCOL 5). Each change is made on a
// connection of its own that the password opened; then this session and the contacts follow.
import { randomBytes } from '../../crypto/random.ts'
import { RecoveryCode } from '../../envelope/recovery-code.ts'
import { withoutDevice } from '../../identity/device-list-edit.ts'
import { equal, hex } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'
import type { AccountActions, DeviceInfo } from '../account-api.ts'
import type { Endpoint, LaunchKey } from '../account/channel.ts'
import { checkPassword } from '../account/enrolment.ts'
import { replacePassword } from '../account/password-change.ts'
import { putList, type Unlocked, withVault } from '../account/unlocked.ts'
import type { Core } from './core.ts'

/** Contacts that hear of a change end to end at once; the others hear it with the next message. */
const TOLD_MAX = 200

export interface AccountOptions {
  readonly core: Core
  readonly server: Endpoint & { readonly highestVersion: number }
  readonly launchKey: LaunchKey
}

export class LiveAccount implements AccountActions {
  readonly #options: AccountOptions

  constructor(options: AccountOptions) {
    this.#options = options
  }

  devices(): DeviceInfo[] {
    const { directory, me, device } = this.#core
    return directory.listOf(me).devs.map(({ id, ts }, index) => ({
      number: index + 1,
      dev: hex(id),
      addedAt: ts,
      isThis: equal(id, device.dev),
    }))
  }

  async revokeDevice(number: number, password: string): Promise<DeviceInfo> {
    const device = this.devices().find((each) => each.number === number)
    if (device === undefined)
      fail('E_NOT_FOUND', `There is no device ${number}: !devices lists them.`)
    if (device.isThis) fail('E_USAGE', 'That is this device. To leave with it, log out.')
    const { profile, directory, clock, sync } = this.#core
    const keys = await this.#unlocked(password, async (unlocked) => {
      const { vault, verified, ver, who, exportKey, loginKeys } = unlocked
      const next = vault.withNewRoot()
      const versions = { vv: ver + 1, re: next.epoch }
      const dev = Buffer.from(device.dev, 'hex')
      const body = withoutDevice(verified, dev, clock.now(), versions)
      await putList(unlocked, body, next.seal(who, ver + 1, { exportKey, loginKeys }))
      return next.archiveKeys()
    })
    await profile.saveArchives(keys)
    await directory.refresh(profile.device.acct)
    const newest = keys.at(-1)
    if (newest !== undefined) await sync.pass(newest)
    await sync.reseal()
    await this.#announce()
    return device
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
    await this.#unlocked(password, () => Promise.resolve()) // a wrong password is said before anything is shown
    await shown(code.reveal())
    await this.#unlocked(password, (unlocked) =>
      replacePassword(this.#core.deps, unlocked.wire, unlocked, password, code),
    )
  }

  get #core(): Core {
    return this.#options.core
  }

  #unlocked<T>(password: string, work: (unlocked: Unlocked) => Promise<T>): Promise<T> {
    checkPassword(password)
    const { core, server, launchKey } = this.#options
    const { deps, profile, directory } = core
    const access = { deps, server, profile, launchKey, directory, me: () => core.me }
    return withVault(access, password, work)
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
