// What the operator can see of accounts and do to them. Content is sealed and stays so: this is names, counts and sizes.
import { parseDeviceList } from '../identity/device-list-body.ts'
import { foldName, isUsername } from '../protocol/names.ts'
import type { Bytes } from '../util/bytes.ts'
import { base64url } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import { allDevices, removeAccount } from './account-removal.ts'
import type { StoredAccount } from './accounts.ts'
import { boxOf } from './ids.ts'
import type { Services } from './services.ts'

export interface UserRow {
  readonly name: string
  readonly state: 'live' | 'disabled'
  /** ms since 1970 */
  readonly created: number
  readonly devices: number
  readonly connected: number
  /** Beginning of the day (UTC), ms since 1970; null: not since the server keeps it. */
  readonly lastSignIn: number | null
}

export interface UserDetails extends UserRow {
  readonly acct: string
  readonly email: boolean
  /** Waiting for all devices together. */
  readonly mails: number
  readonly mailBytes: number
  readonly historyBytes: number
  readonly files: number
  readonly fileBytes: number
}

/** One page of `list`. */
export const USERS_MAX = 1000

export class UserDesk {
  readonly #services: Services

  constructor(services: Services) {
    this.#services = services
  }

  /** In order of names, behind `after`; fewer than `limit` only at the end. */
  async list(after: string, limit: number): Promise<UserRow[]> {
    const rows: UserRow[] = []
    for await (const name of this.#services.accounts.names(after)) {
      const stored = await this.#services.accounts.byName(name)
      if (stored !== null) rows.push(await this.#row(stored))
      if (rows.length >= limit) break
    }
    return rows
  }

  async count(): Promise<number> {
    let count = 0
    const names = this.#services.accounts.names('')
    while ((await names.next()).done !== true) count++
    return count
  }

  /** @throws E_NOT_FOUND, as for what nobody can be called */
  async show(typed: string): Promise<UserDetails> {
    const { mail, histories, transfers } = this.#services
    const stored = await this.#find(typed)
    const { id, account } = stored
    const boxes = await Promise.all(boxesOf(stored).map((box) => mail.usage(box)))
    const files = await transfers.files.usage(id)
    return {
      ...(await this.#row(stored)),
      acct: base64url(account.acct),
      email: account.email !== undefined,
      mails: boxes.reduce((sum, { count }) => sum + count, 0),
      mailBytes: boxes.reduce((sum, { bytes }) => sum + bytes, 0),
      historyBytes: await histories.bytesOf(id),
      files: files.count,
      fileBytes: files.bytes,
    }
  }

  /** Ends every connection of the account and refuses its logins; what is stored stays. False: it was so already. */
  disable(typed: string): Promise<boolean> {
    return this.#setState(typed, 'disabled')
  }

  enable(typed: string): Promise<boolean> {
    return this.#setState(typed, 'live')
  }

  /** For ever; the name is never given to anybody again. */
  async delete(typed: string): Promise<void> {
    const { id, account } = await this.#find(typed)
    await removeAccount(this.#services, id, account.list)
    this.#cutOff(id, allDevices(account.list))
    this.#services.log.info('server.account-deleted')
  }

  /** Whatever counts against this account or its name starts afresh. */
  async resetLimits(typed: string): Promise<void> {
    const stored = await this.#find(typed)
    const { services, keys } = { services: this.#services, keys: [stored.id, ...boxesOf(stored)] }
    services.guesses.forget(stored.account.user)
    services.newRecipients.forget(stored.account.acct)
    const tables = [
      services.sendBudgets,
      services.requestBudgets,
      services.lookups,
      services.lookupsByName,
      services.finds,
      services.sightings,
      services.listChanges,
    ]
    for (const table of tables) for (const key of keys) table.rest(key)
  }

  async #setState(typed: string, state: 'live' | 'disabled'): Promise<boolean> {
    const { accounts, directory, log } = this.#services
    const { id } = await this.#find(typed)
    const changes: boolean[] = []
    await accounts.change(id, (account) => {
      const isChange = account.state !== state
      changes.push(isChange)
      return isChange ? { ...account, state } : null
    })
    const isChanged = changes.at(-1) === true
    const entry = await directory.refresh(id)
    if (state === 'disabled') this.#cutOff(id, entry?.list.devs.map((dev) => dev.id) ?? [])
    if (isChanged) log.info(state === 'live' ? 'server.account-enabled' : 'server.account-disabled')
    return isChanged
  }

  #cutOff(id: string, devs: readonly Bytes[]): void {
    const { accountSessions, presence, streams } = this.#services
    for (const dev of devs) {
      const box = boxOf(id, dev)
      streams.forgetDevice(box)
      presence.shut(box)
    }
    accountSessions.endAll(id)
  }

  async #row(stored: StoredAccount): Promise<UserRow> {
    const { user, state, created } = stored.account
    const boxes = boxesOf(stored)
    const connected = boxes.filter((box) => this.#services.presence.isHere(box)).length
    const lastSignIn = await this.#services.signIns.at(stored.id)
    return { name: user, state, created, devices: boxes.length, connected, lastSignIn }
  }

  async #find(typed: string): Promise<StoredAccount> {
    const name = foldName(typed.replace(/^@/, ''))
    const stored = isUsername(name) ? await this.#services.accounts.byName(name) : null
    return stored ?? fail('E_NOT_FOUND', `Nobody is called ${name} here (any more).`)
  }
}

/** Mailboxes of the devices an account has. */
export function boxesOf({ id, account }: StoredAccount): string[] {
  return parseDeviceList(account.list.b).devs.map((dev) => boxOf(id, dev.id))
}
