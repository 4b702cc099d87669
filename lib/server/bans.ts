// Networks whose connections are not taken, by the operator's word. Kept in the store, matched in memory: a banned
// connection costs a few comparisons, before any handshake.
import { type AddressRange, isWithin, parseRange } from '../channel/range.ts'
import { decodeStrict, encode } from '../protocol/cbor.ts'
import { check, exact, s, u } from '../protocol/shape.ts'
import type { Records } from '../storage/ports.ts'
import { fail } from '../util/errors.ts'

const KIND = 'ban'
const INDEX = { index: { all: 'x' } }
const PAGE = 100
/** Each new connection is compared with all of them. */
const BANS_MAX = 1000
const STORED = exact({ range: s(64), at: u, until: u })

export interface Ban {
  readonly range: string
  /** ms since 1970 */
  readonly at: number
  /** ms since 1970; 0: for ever */
  readonly until: number
}

export class Bans {
  readonly #records: Records
  readonly #ranges = new Map<string, AddressRange & { readonly until: number }>()

  constructor(records: Records) {
    this.#records = records
  }

  /** Reads what is stored; before that nobody is banned. */
  async load(): Promise<void> {
    for (const ban of await this.#stored()) this.#know(ban)
  }

  /** `until` 0: for ever. Banned again: the new time counts. @throws E_USAGE */
  async add(text: string, now: number, until: number): Promise<Ban> {
    const range = rangeOf(text)
    if (!this.#ranges.has(range.text) && this.#ranges.size >= BANS_MAX) {
      fail('E_USAGE', `There are ${BANS_MAX} bans already. Unban some, or ban wider ranges.`)
    }
    const ban = { range: range.text, at: now, until }
    await this.#records.put(KIND, range.text, encode(ban), INDEX)
    this.#know(ban)
    return ban
  }

  /** False: there was none of exactly this range. @throws E_USAGE */
  async remove(text: string): Promise<boolean> {
    const range = rangeOf(text)
    this.#ranges.delete(range.text)
    return this.#records.delete(KIND, range.text)
  }

  /** Those in force; what has ended is forgotten. */
  async all(now: number): Promise<Ban[]> {
    const found: Ban[] = []
    for (const ban of await this.#stored()) {
      if (ban.until === 0 || ban.until > now) found.push(ban)
      else await this.remove(ban.range)
    }
    return found
  }

  has(remote: string, now: number): boolean {
    for (const range of this.#ranges.values()) {
      if ((range.until === 0 || range.until > now) && isWithin(range, remote)) return true
    }
    return false
  }

  #know({ range, until }: Ban): void {
    this.#ranges.set(range, { ...rangeOf(range), until })
  }

  async #stored(): Promise<Ban[]> {
    const found: Ban[] = []
    for (let after: string | null = null; ;) {
      const page = await this.#records.list(KIND, 'all', 'x', after, PAGE)
      for (const { body } of page) found.push(check(STORED, decodeStrict(body), 'ban'))
      after = page.at(-1)?.id ?? null
      if (after === null) return found
    }
  }
}

function rangeOf(text: string): AddressRange {
  const range = parseRange(text)
  if (range !== null) return range
  return fail(
    'E_USAGE',
    `"${text}" is no network address or range, like 203.0.113.7 or 2001:db8::/32. ` +
      'For one account: user disable NAME.',
  )
}
