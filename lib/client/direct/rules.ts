// What was decided about introductions by a contact: stays on this device, because its addresses do.
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { check, lit, map } from '../../protocol/shape.ts'
import type { Records } from '../../storage/ports.ts'
import type { DirectRule } from '../direct-api.ts'

const KIND = 'direct'
const PAGE = 500
const BODY = map({ r: lit('always', 'never') })

export class DirectRules {
  readonly #records: Records
  readonly #rules = new Map<string, DirectRule>()

  private constructor(records: Records) {
    this.#records = records
  }

  static async open(records: Records): Promise<DirectRules> {
    const rules = new DirectRules(records)
    let after: string | null = null
    for (;;) {
      const page = await records.list(KIND, 'all', 'yes', after, PAGE)
      for (const { id, body } of page) {
        rules.#rules.set(id, check(BODY, decodeStrict(body), 'direct rule').r)
      }
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return rules
      after = last.id
    }
  }

  /** `id` is the account in hex. */
  get(id: string): DirectRule {
    return this.#rules.get(id) ?? 'ask'
  }

  async set(id: string, rule: DirectRule): Promise<void> {
    if (rule === 'ask') await this.#records.delete(KIND, id)
    else await this.#records.put(KIND, id, encode({ r: rule }), { index: { all: 'yes' } })
    this.#rules.set(id, rule)
  }
}
