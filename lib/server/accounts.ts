// Accounts in the store: found by id or name, created once, changed by compare-and-swap. Who may change what is decided
// by the handlers; what a device list says is decided by identity/.
import { decodeStrict, encode } from '../protocol/cbor.ts'
import { dl, type SignedDeviceList } from '../protocol/composites.ts'
import { LIMITS } from '../protocol/limits.ts'
import { isUsername, type Username } from '../protocol/names.ts'
import { check } from '../protocol/shape.ts'
import type { Keys, Rec, Records } from '../storage/ports.ts'
import type { Clock } from '../util/clock.ts'
import { fail } from '../util/errors.ts'
import { type Account, decodeAccount, encodeAccount } from './account-record.ts'
import { accountId } from './ids.ts'
import { NameClaims } from './name-claims.ts'
import { refuse } from './refusal.ts'

const ACCOUNT_KIND = 'account'
/** The latest replaced device lists, one record each; the current one is in the account. */
const LIST_KIND = 'devicelist'
/** Lost races are retried a few times: two devices of one person, not a crowd. */
const ATTEMPTS = 5
/** Names that one search looks at: those it finds, and some that are no longer anybody's or of accounts that are disabled. */
const LOOKED_AT_MAX = 100

export interface StoredAccount {
  readonly id: string
  readonly rev: number
  readonly account: Account
}

export type AccountCreated = 'created' | 'name-taken' | 'acct-taken'

export class Accounts {
  readonly #records: Records
  readonly #clock: Clock
  readonly #names: NameClaims

  constructor(records: Records, clock: Clock) {
    this.#records = records
    this.#clock = clock
    this.#names = new NameClaims(records, async (id) => {
      return (await records.get(ACCOUNT_KIND, id)) !== null
    })
  }

  /** Null when there is none, or no longer. */
  async get(id: string): Promise<StoredAccount | null> {
    return stored(await this.#records.get(ACCOUNT_KIND, id))
  }

  /** Only by its current name; an old one resolves to nobody (PROTOCOL 5.1). */
  async byName(name: Username): Promise<StoredAccount | null> {
    return stored(await this.#records.getUnique(ACCOUNT_KIND, 'name', name))
  }

  /** Names of live accounts that begin so, in order, at most `limit`. Costs what it looks at, not what there is. */
  async find(beginning: string, limit: number): Promise<Username[]> {
    const found: Username[] = []
    if (isUsername(beginning) && (await this.#isLive(beginning))) found.push(beginning)
    let after = beginning
    for (let looked = 0; looked < LOOKED_AT_MAX && found.length < limit; looked += limit) {
      const page = await this.#names.page(beginning, after, limit)
      for (const name of page) if (await this.#isLive(name)) found.push(name)
      const last = page.at(-1)
      if (last === undefined) break
      after = last
    }
    return found.slice(0, limit)
  }

  /** Names that accounts have now, in order, behind `after`; without looking whether an account still has each. */
  names(after: string): AsyncGenerator<Username> {
    return this.#names.all(after)
  }

  /** True also for names of renamed and deleted accounts. */
  isNameTaken(name: Username): Promise<boolean> {
    return this.#names.isTaken(name, this.#clock.now())
  }

  /** The one transaction of PROTOCOL 5.2: name never used, acct never used. */
  async create(account: Account): Promise<AccountCreated> {
    const id = accountId(account.acct)
    if ((await this.#records.get(ACCOUNT_KIND, id)) !== null) return 'acct-taken'
    const claim = await this.#names.claim(account.user, id, this.#clock.now())
    if (claim === 'taken') return 'name-taken'
    const body = encodeAccount(account)
    const result = await this.#records.create(ACCOUNT_KIND, id, body, keysOf(account))
    if (result.ok) return 'created'
    if (claim === 'new') await this.#names.release(account.user, id)
    return result.conflict === 'id' ? 'acct-taken' : 'name-taken'
  }

  /**
   * Applies `edit` to the current account until it is stored; null from `edit` means that nothing is left to do.
   *
   * @throws E_NOT_FOUND without such an account, E_TAKEN when it claims a name of another one, and what `edit` throws
   */
  async change(
    id: string,
    edit: (account: Account) => Account | null | Promise<Account | null>,
  ): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const current = (await this.get(id)) ?? fail('E_NOT_FOUND')
      const next = await edit(current.account)
      if (next === null) return
      if (next.list !== current.account.list) await this.#archive(id, current.account.list)
      const isRenamed = next.user !== current.account.user
      const isNewName = isRenamed && (await this.#claimNames(id, next, current.account))
      const body = encodeAccount(next)
      const keys = keysOf(next)
      const result = await this.#records.update(ACCOUNT_KIND, id, current.rev, body, keys)
      if (result.ok) {
        if (isRenamed) await this.#unlist(id, current.account.user)
        return
      }
      if (isNewName) await this.#unclaim(id, next.user)
      if (typeof result.conflict === 'object') refuse('E_TAKEN')
      if (result.conflict === 'missing') refuse('E_NOT_FOUND')
    }
    refuse('E_BUSY', { after: 1000 })
  }

  /** Keeps id and names reserved, forgets the rest. */
  async delete(id: string): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const current = await this.get(id)
      if (current === null) return
      await this.#names.claim(current.account.user, id, this.#clock.now())
      const body = encodeAccount('deleted')
      if ((await this.#records.update(ACCOUNT_KIND, id, current.rev, body)).ok) {
        await this.#unlist(id, current.account.user)
        await this.#dropArchive(id)
        return
      }
    }
    refuse('E_BUSY', { after: 1000 })
  }

  /** Replaced lists with numbers above `n`, oldest first; the current list is not among them. */
  async replacedLists(id: string, n: number, limit: number): Promise<SignedDeviceList[]> {
    const after = archiveId(id, n)
    const recs = await this.#records.list(LIST_KIND, 'acct', id, after, limit)
    return recs.map((rec) => check(dl, decodeStrict(rec.body), 'device list'))
  }

  /**
   * Before a list is replaced it gets a record of its own. All who race to replace it write the same bytes under the same
   * id, so it does not matter who wins or who crashes in between. The oldest one goes for it.
   */
  async #archive(id: string, list: SignedDeviceList): Promise<void> {
    const n = listNumber(list)
    await this.#records.put(LIST_KIND, archiveId(id, n), encode(list), { index: { acct: id } })
    const old = n - LIMITS.replacedLists
    if (old > 0) await this.#records.delete(LIST_KIND, archiveId(id, old))
  }

  /**
   * The old name, too: whatever happened to its claim, from now on only the claim reserves it. True when the account never
   * had the new name before.
   */
  async #claimNames(id: string, next: Account, current: Account): Promise<boolean> {
    const now = this.#clock.now()
    await this.#names.claim(current.user, id, now)
    const claim = await this.#names.claim(next.user, id, now)
    if (claim === 'own') await this.#names.list(next.user, id)
    return claim === 'taken' ? refuse('E_TAKEN') : claim === 'new'
  }

  /** A lost race reserves no name for ever, unless the winner has it. */
  async #unclaim(id: string, name: Username): Promise<void> {
    const current = await this.get(id)
    if (current?.account.user !== name) await this.#names.release(name, id)
  }

  async #isLive(name: Username): Promise<boolean> {
    return (await this.byName(name))?.account.state === 'live'
  }

  /** What no account goes by any more only costs searches. */
  #unlist(id: string, name: Username): Promise<void> {
    return this.#names.unlist(name, id, async () => (await this.get(id))?.account.user !== name)
  }

  async #dropArchive(id: string): Promise<void> {
    for (;;) {
      const recs = await this.#records.list(LIST_KIND, 'acct', id, null, 100)
      if (recs.length === 0) return
      for (const rec of recs) await this.#records.delete(LIST_KIND, rec.id)
    }
  }
}

function stored(rec: Rec | null): StoredAccount | null {
  const account = rec === null ? null : decodeAccount(rec.body)
  return rec === null || account === null ? null : { id: rec.id, rev: rec.rev, account }
}

function keysOf({ user }: Account): Keys {
  return { unique: { name: user } }
}

/** Sorts by number. */
function archiveId(id: string, n: number): string {
  return `${id}.${String(n).padStart(12, '0')}`
}

function listNumber(list: SignedDeviceList): number {
  const body = decodeStrict(list.b)
  const n = typeof body === 'object' && body !== null && 'n' in body ? body.n : undefined
  return typeof n === 'number' ? n : fail('E_CORRUPT', 'a stored device list without number')
}
