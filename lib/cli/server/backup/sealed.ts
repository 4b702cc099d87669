// A backup under a passphrase: scrypt, then AES-256-GCM over pieces that are numbered, of which the last is marked, so that
// none can be changed, exchanged, left out or cut off.
//
//   "securechat-sealed-backup 1\n" || salt(16) || (u32 length || AES-256-GCM piece)*     nonce = u8 last || 0(3) || u64 number
import { gcmOpen, gcmSeal } from '../../../crypto/aead.ts'
import { ctx } from '../../../crypto/ctx.ts'
import { hkdf } from '../../../crypto/hash.ts'
import { randomBytes } from '../../../crypto/random.ts'
import { passphraseKey } from '../../../crypto/scrypt.ts'
import { type Bytes, concat, u32, u64, utf8 } from '../../../util/bytes.ts'
import { fail } from '../../../util/errors.ts'
import { damaged } from './archive.ts'

export const SEALED_MAGIC: Buffer = utf8('securechat-sealed-backup 1\n')
const SALT_BYTES = 16
const PIECE_BYTES = 256 * 1024
const TAG_BYTES = 16

async function keyOf(passphrase: string, salt: Bytes): Promise<Buffer> {
  return hkdf(await passphraseKey(passphrase, salt), salt, ctx('backup'), 32)
}

function nonceOf(number: number, isLast: boolean): Buffer {
  return concat(Buffer.of(isLast ? 1 : 0, 0, 0, 0), u64(number))
}

export async function* sealStream(
  passphrase: string,
  source: AsyncIterable<Bytes>,
): AsyncGenerator<Bytes> {
  const salt = randomBytes(SALT_BYTES)
  const key = await keyOf(passphrase, salt)
  yield concat(SEALED_MAGIC, salt)
  let number = 0
  const piece = (plain: Bytes, isLast: boolean): Buffer => {
    const sealed = gcmSeal(key, nonceOf(number++, isLast), SEALED_MAGIC, plain)
    return concat(u32(sealed.length), sealed)
  }
  let waiting: Bytes[] = []
  let bytes = 0
  for await (const chunk of source) {
    waiting.push(chunk)
    bytes += chunk.length
    if (bytes < PIECE_BYTES) continue
    let all = concat(...waiting)
    for (; all.length >= PIECE_BYTES; all = all.subarray(PIECE_BYTES)) {
      yield piece(all.subarray(0, PIECE_BYTES), false)
    }
    waiting = [all]
    bytes = all.length
  }
  yield piece(concat(...waiting), true)
}

/** `source` is behind the magic. @throws E_AUTH for a wrong passphrase, E_CORRUPT for damage */
export async function* openStream(
  passphrase: string,
  source: AsyncIterable<Bytes>,
): AsyncGenerator<Bytes> {
  let rest: Buffer = Buffer.alloc(0)
  let key: Buffer | null = null
  let number = 0
  let isOver = false
  for await (const chunk of source) {
    rest = concat(rest, chunk)
    if (key === null) {
      if (rest.length < SALT_BYTES) continue
      key = await keyOf(passphrase, rest.subarray(0, SALT_BYTES))
      rest = rest.subarray(SALT_BYTES)
    }
    while (rest.length >= 4) {
      const length = rest.readUInt32BE(0)
      if (isOver || length > PIECE_BYTES + TAG_BYTES) damaged('it is not sealed as it should be')
      if (rest.length < 4 + length) break
      const sealed = rest.subarray(4, 4 + length)
      rest = rest.subarray(4 + length)
      const going = gcmOpen(key, nonceOf(number, false), SEALED_MAGIC, sealed)
      const last = going === null ? gcmOpen(key, nonceOf(number, true), SEALED_MAGIC, sealed) : null
      const plain = going ?? last
      if (plain === null) {
        if (number > 0) return damaged('a sealed piece does not open')
        return fail(
          'E_AUTH',
          'This passphrase does not open the backup (or its beginning is damaged).',
        )
      }
      isOver = last !== null
      number++
      yield plain
    }
  }
  if (!isOver || rest.length > 0) damaged('it ends too early')
}
