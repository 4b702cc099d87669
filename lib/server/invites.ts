// Invitations, for servers with registration "invite". The store keeps a hash of each code, so that a copy of the data
// lets nobody in.
import { sha256 } from '../crypto/hash.ts'
import { randomBytes } from '../crypto/random.ts'
import { decodeStrict, encode } from '../protocol/cbor.ts'
import { check, exact, list, s, u } from '../protocol/shape.ts'
import type { Records } from '../storage/ports.ts'
import { base32, base64url, utf8 } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'

const KIND = 'invite'
const CODE_BYTES = 10
const INDEX = { index: { all: 'x' } }
/** More accounts for one code would make it a password that everybody knows. */
export const USES_MAX = 1000

export type InviteState = 'valid' | 'expired' | 'used up'

export function inviteState({ uses, used, expires }: Invite, now: number): InviteState {
  if (used >= uses) return 'used up'
  return now < expires ? 'valid' : 'expired'
}

export interface Invite {
  /** Names the invitation for `revoke`; the code cannot be told from it. */
  readonly id: string
  readonly uses: number
  readonly used: number
  /** ms since 1970 */
  readonly expires: number
}

const STORED = exact({ uses: u, expires: u, by: list(s(64), USES_MAX) })

export class Invites {
  readonly #records: Records

  constructor(records: Records) {
    this.#records = records
  }

  /** A new code, shown once; `uses` accounts may be made with it before `expires` (ms since 1970). */
  async create(uses: number, expires: number): Promise<{ readonly code: string } & Invite> {
    if (uses < 1 || uses > USES_MAX) fail('E_USAGE', `An invitation has 1 to ${USES_MAX} uses.`)
    const { code, id } = newCode()
    await this.#records.put(KIND, id, encode({ uses, expires, by: [] }), INDEX)
    return { code, id, uses, used: 0, expires }
  }

  async all(): Promise<Invite[]> {
    const found: Invite[] = []
    for (let after: string | null = null; ;) {
      const page = await this.#records.list(KIND, 'all', 'x', after, 100)
      for (const { id, body } of page) {
        const { uses, expires, by } = check(STORED, decodeStrict(body), 'invitation')
        found.push({ id, uses, used: by.length, expires })
      }
      after = page.at(-1)?.id ?? null
      if (after === null) return found
    }
  }

  /** By the code, or by the id that `all` shows. True when there was one. */
  async revoke(codeOrId: string): Promise<boolean> {
    if (await this.#records.delete(KIND, inviteId(codeOrId))) return true
    return this.#records.delete(KIND, codeOrId.trim())
  }

  async isValid(code: string, now: number): Promise<boolean> {
    const rec = await this.#records.get(KIND, inviteId(code))
    if (rec === null) return false
    const { uses, expires, by } = check(STORED, decodeStrict(rec.body), 'invitation')
    return now < expires && by.length < uses
  }

  /** Uses it up once for this account; the same account again costs nothing. False: unknown, expired or used up. */
  async redeem(code: string, acctId: string, now: number): Promise<boolean> {
    const id = inviteId(code)
    for (;;) {
      const rec = await this.#records.get(KIND, id)
      if (rec === null) return false
      const { uses, expires, by } = check(STORED, decodeStrict(rec.body), 'invitation')
      if (by.includes(acctId)) return true
      if (now >= expires || by.length >= uses) return false
      const body = encode({ uses, expires, by: [...by, acctId] })
      if ((await this.#records.update(KIND, id, rec.rev, body, INDEX)).ok) return true
    }
  }
}

/** An id that begins with a dash could not be typed behind `invite revoke`, where it looks like an option. */
function newCode(): { readonly code: string; readonly id: string } {
  for (;;) {
    const code = base32(randomBytes(CODE_BYTES))
    const id = inviteId(code)
    if (!id.startsWith('-')) return { code, id }
  }
}

function inviteId(code: string): string {
  return base64url(sha256(utf8(code.trim().toLowerCase())))
}
