// How far the chain of this device is, as it lies in the sealed store: what the next batch has to follow (PROTOCOL 11).
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { b, check, map, u } from '../../protocol/shape.ts'
import type { Records } from '../../storage/ports.ts'
import type { Bytes } from '../../util/bytes.ts'

const KIND = 'meta'
const ID = 'history'

export interface ChainHead {
  /** Number of the next batch. */
  readonly seq: number
  /** H(d) of the last one; 32 zero bytes before the first. */
  readonly prev: Bytes
  /** Different rows in it. */
  readonly rows: number
  /** Highest number of a row in it: what is above was never appended before. */
  readonly top: number
}

export const NO_CHAIN: ChainHead = { seq: 0, prev: Buffer.alloc(32), rows: 0, top: 0 }

const HEAD = map({ q: u, p: b(32), r: u, t: u })

export class OwnChain {
  readonly #records: Records
  #head: ChainHead

  private constructor(records: Records, head: ChainHead) {
    this.#records = records
    this.#head = head
  }

  static async open(records: Records): Promise<OwnChain> {
    const record = await records.get(KIND, ID)
    if (record === null) return new OwnChain(records, NO_CHAIN)
    const { q, p, r, t } = check(HEAD, decodeStrict(record.body), 'history head')
    return new OwnChain(records, { seq: q, prev: p, rows: r, top: t })
  }

  get head(): ChainHead {
    return this.#head
  }

  async save(head: ChainHead): Promise<void> {
    const { seq, prev, rows, top } = head
    await this.#records.put(KIND, ID, encode({ q: seq, p: prev, r: rows, t: top }))
    this.#head = head
  }
}
