// Which account a name belongs to, for ever: a name once used is never given to another account, also not after renaming
// or deletion (PROTOCOL 5.1). A claim is written before the account takes the name, so every name an account has or had
// points to it; the unique key of the account record decides if two ever met on one name.
import { decodeStrict, encode } from '../protocol/cbor.ts'
import type { Username } from '../protocol/names.ts'
import { check, exact, s, u } from '../protocol/shape.ts'
import type { Records } from '../storage/ports.ts'

const KIND = 'name'
/** A claim without an account is what an interrupted registration left; after this time another may have the name. */
const ORPHAN_MS = 60_000

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
    if ((await this.#records.create(KIND, name, body)).ok) return 'new'
    const claim = await this.#get(name)
    if (claim?.acct === acctId) return 'own'
    if (claim === null || !(await this.#isOrphan(claim, now))) return 'taken'
    return (await this.#records.update(KIND, name, claim.rev, body)).ok ? 'new' : 'taken'
  }

  /** Takes back a claim that has just been made: the account did not get the name after all. */
  async release(name: Username, acctId: string): Promise<void> {
    const claim = await this.#get(name)
    if (claim?.acct === acctId) await this.#records.delete(KIND, name, claim.rev)
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
