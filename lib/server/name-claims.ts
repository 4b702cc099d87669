// Which account a name belongs to, for ever: a name once used is never given to another account, also not after renaming
// or deletion (PROTOCOL 5.1). A claim is written before the account takes the name, so every name an account has or had
// points to it; the unique key of the account record decides if two ever met on one name. Claims of present names are also
// in an index by their first two characters, ordered by name: a search reads what it returns, and memory is what the store
// keeps of an index key.
import { decodeStrict, encode } from '../protocol/cbor.ts'
import { isUsername, type Username } from '../protocol/names.ts'
import { check, exact, s, u } from '../protocol/shape.ts'
import type { Keys, Records } from '../storage/ports.ts'

const KIND = 'name'
/** Lost races with another device of the same account. */
const ATTEMPTS = 5
/** A claim without an account is what an interrupted registration left; after this time another may have the name. */
const ORPHAN_MS = 60_000

/** As many characters as every search has at least (PROTOCOL 14.2). */
const START_LENGTH = 2

const PAGE = 100
/** Every way in which a name can begin, in the order of names (PROTOCOL 5.1). */
const STARTS = [...'abcdefghijklmnopqrstuvwxyz'].flatMap((first) =>
  [...'-.0123456789_abcdefghijklmnopqrstuvwxyz'].map((second) => first + second),
)

const CLAIM = exact({ acct: s(64), at: u })

interface Claim {
  readonly rev: number
  readonly acct: string
  readonly at: number
}

export class NameClaims {
  readonly #records: Records
  /** Whether an account, living or deleted, has this id. */
  readonly #accountExists: (acctId: string) => Promise<boolean>

  constructor(records: Records, accountExists: (acctId: string) => Promise<boolean>) {
    this.#records = records
    this.#accountExists = accountExists
  }

  /** Whether somebody else could not have it. */
  async isTaken(name: Username, now: number): Promise<boolean> {
    const claim = await this.#get(name)
    return claim !== null && !(await this.#isOrphan(claim, now))
  }

  async claim(name: Username, acctId: string, now: number): Promise<'new' | 'own' | 'taken'> {
    const body = encode({ acct: acctId, at: now })
    if ((await this.#records.create(KIND, name, body, listed(name))).ok) return 'new'
    const claim = await this.#get(name)
    if (claim?.acct === acctId) return 'own'
    if (claim === null || !(await this.#isOrphan(claim, now))) return 'taken'
    return (await this.#records.update(KIND, name, claim.rev, body, listed(name))).ok
      ? 'new'
      : 'taken'
  }

  /** Takes back a claim that has just been made: the account did not get the name after all. */
  async release(name: Username, acctId: string): Promise<void> {
    const claim = await this.#get(name)
    if (claim?.acct === acctId) await this.#records.delete(KIND, name, claim.rev)
  }

  /** The account goes by this name (again): searches find it. Written even when it is so, because `unlist` may be under way. */
  async list(name: Username, acctId: string): Promise<void> {
    await this.#rewrite(name, acctId, listed(name), () => Promise.resolve(true))
  }

  /** The name stays reserved, but no search finds it, if that `isSo` still when it is written. */
  async unlist(name: Username, acctId: string, isSo: () => Promise<boolean>): Promise<void> {
    await this.#rewrite(name, acctId, {}, isSo)
  }

  /** Names that searches find, behind `after` in order. Whether an account has them now is not known here. */
  async page(beginning: string, after: string, limit: number): Promise<Username[]> {
    const start = beginning.slice(0, START_LENGTH)
    const recs = await this.#records.list(KIND, 'start', start, after, limit)
    const names = recs.map((rec) => rec.id).filter(isUsername)
    return names.filter((name) => name.startsWith(beginning))
  }

  /** Every name that searches find, behind `after`, in order. */
  async *all(after: string): AsyncGenerator<Username> {
    for (const start of STARTS) {
      if (start < after.slice(0, START_LENGTH)) continue
      for (let last = after; ;) {
        const page = await this.page(start, last, PAGE)
        yield* page
        const next = page.at(-1)
        if (next === undefined) break
        last = next
      }
    }
  }

  async #rewrite(
    name: Username,
    acctId: string,
    keys: Keys,
    isSo: () => Promise<boolean>,
  ): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const claim = await this.#get(name)
      if (claim?.acct !== acctId || !(await isSo())) return
      const body = encode({ acct: acctId, at: claim.at })
      if ((await this.#records.update(KIND, name, claim.rev, body, keys)).ok) return
    }
  }

  async #get(name: Username): Promise<Claim | null> {
    const rec = await this.#records.get(KIND, name)
    if (rec === null) return null
    return { rev: rec.rev, ...check(CLAIM, decodeStrict(rec.body), 'name claim') }
  }

  async #isOrphan(claim: Claim, now: number): Promise<boolean> {
    return now - claim.at >= ORPHAN_MS && !(await this.#accountExists(claim.acct))
  }
}

function listed(name: Username): Keys {
  return { index: { start: name.slice(0, START_LENGTH) } }
}
