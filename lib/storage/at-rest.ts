// AES-256-GCM for what lies on our own disk. Every file gets a key of its own at every start, HKDF(master, random salt), so
// a plain counter is a safe nonce: a compaction seals every record again, and one key with random nonces would wear out.
// It hides and authenticates single records. It cannot notice that old files were put back or that records were removed.
import { gcmOpen, gcmSeal } from '../crypto/aead.ts'
import { ctx } from '../crypto/ctx.ts'
import { hkdf } from '../crypto/hash.ts'
import { randomBytes } from '../crypto/random.ts'
import { type Bytes, concat, hex, utf8 } from '../util/bytes.ts'

const SALT_BYTES = 16
const COUNTER_BYTES = 6
const HEAD_BYTES = SALT_BYTES + COUNTER_BYTES

/** Bytes that sealing adds: salt, counter, tag. */
export const AT_REST_OVERHEAD_BYTES: number = HEAD_BYTES + 16

/** A file written during one start knows one salt; the few are for files that were never rewritten. */
const REMEMBERED_KEYS = 8

function nonceOf(counter: Bytes): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.set(counter, 12 - COUNTER_BYTES)
  return nonce
}

/** sealed = salt(16) || counter(6) || AES-256-GCM(key(salt), counter, name || aad) */
export class AtRest {
  readonly #master: Buffer
  readonly #info: Buffer
  readonly #name: Buffer
  readonly #salt = randomBytes(SALT_BYTES)
  readonly #key: Buffer
  readonly #others = new Map<string, Buffer>()
  #counter = 0

  /** `name` is that of the file or collection: what was sealed for another one does not open here. */
  constructor(master: Bytes, name: string) {
    if (master.length !== 32) throw new RangeError('the key of a store has 32 bytes')
    this.#master = Buffer.from(master)
    this.#name = utf8(name)
    this.#info = ctx('store-line', this.#name)
    this.#key = this.#derive(this.#salt)
  }

  seal(aad: Bytes, plaintext: Bytes): Buffer {
    const head = Buffer.allocUnsafe(HEAD_BYTES)
    head.set(this.#salt)
    // 2^48 records in one run would take years
    head.writeUIntBE(++this.#counter, SALT_BYTES, COUNTER_BYTES)
    const nonce = nonceOf(head.subarray(SALT_BYTES))
    return concat(head, gcmSeal(this.#key, nonce, this.#aad(aad), plaintext))
  }

  /** Null for every failure. */
  open(aad: Bytes, sealed: Bytes): Buffer | null {
    if (sealed.length < AT_REST_OVERHEAD_BYTES) return null
    const key = this.#keyOf(sealed.subarray(0, SALT_BYTES))
    const nonce = nonceOf(sealed.subarray(SALT_BYTES, HEAD_BYTES))
    return gcmOpen(key, nonce, this.#aad(aad), sealed.subarray(HEAD_BYTES))
  }

  #aad(aad: Bytes): Bytes {
    return aad.length === 0 ? this.#name : ctx('store-line', this.#name, aad)
  }

  #derive(salt: Bytes): Buffer {
    return hkdf(this.#master, salt, this.#info, 32)
  }

  #keyOf(salt: Bytes): Buffer {
    if (this.#salt.equals(salt)) return this.#key
    const id = hex(salt)
    let key = this.#others.get(id)
    if (key === undefined) {
      key = this.#derive(salt)
      const [oldest] = this.#others.keys()
      if (oldest !== undefined && this.#others.size >= REMEMBERED_KEYS) this.#others.delete(oldest)
      this.#others.set(id, key)
    }
    return key
  }
}
