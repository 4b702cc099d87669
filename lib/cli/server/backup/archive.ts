// How a backup lies on the disk: named parts one after the other, each with its length before and its SHA-256 behind it,
// and an end that counts them. Streams only: a part may be larger than memory. Knows no server.
//
//   "securechat-backup 1\n"
//   u32 length || JSON { name, bytes } || bytes || sha256      for each part
//   u32 length || JSON { parts } || sha256 of all digests      the end
import { createHash } from 'node:crypto'

import { type Bytes, concat, u32, utf8 } from '../../../util/bytes.ts'
import { fail } from '../../../util/errors.ts'

export const MAGIC: Buffer = utf8('securechat-backup 1\n')
const HEADER_BYTES = 4096
const DIGEST_BYTES = 32

export interface Part {
  /** Relative, like data/store/store.json. */
  readonly name: string
  readonly bytes: number
  /** Exactly `bytes` bytes. */
  read(): AsyncIterable<Bytes>
}

export interface PartHead {
  readonly name: string
  readonly bytes: number
}

/** @throws E_STORE when a part is not as long as it said */
export async function* encodeArchive(parts: AsyncIterable<Part>): AsyncGenerator<Bytes> {
  yield MAGIC
  const all = createHash('sha256')
  let count = 0
  for await (const part of parts) {
    yield header({ name: part.name, bytes: part.bytes })
    const hash = createHash('sha256')
    let bytes = 0
    for await (const chunk of part.read()) {
      hash.update(chunk)
      bytes += chunk.length
      yield chunk
    }
    if (bytes !== part.bytes) fail('E_STORE', `${part.name} became shorter while it was read.`)
    const digest = hash.digest()
    all.update(digest)
    count++
    yield digest
  }
  yield concat(header({ parts: count }), all.digest())
}

function header(value: Readonly<Record<string, string | number>>): Buffer {
  const json = utf8(JSON.stringify(value))
  return concat(u32(json.length), json)
}

/** Takes bytes in whatever pieces they come and gives them out in those that are asked for. */
class Reader {
  readonly #source: AsyncIterator<Bytes>
  #rest: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Bytes>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  async exactly(length: number): Promise<Buffer> {
    const parts: Buffer[] = []
    for (let missing = length; missing > 0;) {
      const part = (await this.upTo(missing)) ?? damaged('it ends too early')
      parts.push(part)
      missing -= part.length
    }
    return concat(...parts)
  }

  /** Null at the end. */
  async upTo(length: number): Promise<Buffer | null> {
    while (this.#rest.length === 0) {
      const next = await this.#source.next()
      if (next.done === true) return null
      this.#rest = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.length)
    }
    const part = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(part.length)
    return part
  }
}

export interface PartSink {
  write(bytes: Bytes): Promise<void>
  /** All is there and its checksum is right. */
  end(): Promise<void>
}

/**
 * Reads a whole archive; `open` says where a part goes. What a sink got counts only when this resolves.
 *
 * @throws E_CORRUPT for anything that `encodeArchive` did not write
 */
export async function decodeArchive(
  source: AsyncIterable<Bytes>,
  open: (head: PartHead) => Promise<PartSink>,
): Promise<PartHead[]> {
  const reader = new Reader(source)
  if (!MAGIC.equals(await reader.exactly(MAGIC.length))) {
    damaged('it does not begin like a backup of this version')
  }
  const all = createHash('sha256')
  const heads: PartHead[] = []
  for (;;) {
    const length = (await reader.exactly(4)).readUInt32BE(0)
    if (length > HEADER_BYTES) damaged('a header is too long')
    const value = parse(await reader.exactly(length))
    if (typeof value['parts'] === 'number') {
      const isWhole = value['parts'] === heads.length
      if (!isWhole || !all.digest().equals(await reader.exactly(DIGEST_BYTES))) {
        damaged('parts are missing')
      }
      if ((await reader.upTo(1)) !== null) damaged('something follows its end')
      return heads
    }
    const head = headOf(value)
    const sink = await open(head)
    const hash = createHash('sha256')
    for (let missing = head.bytes; missing > 0;) {
      const chunk = (await reader.upTo(missing)) ?? damaged('it ends too early')
      hash.update(chunk)
      await sink.write(chunk)
      missing -= chunk.length
    }
    const digest = hash.digest()
    if (!digest.equals(await reader.exactly(DIGEST_BYTES))) damaged(`${head.name} is not as it was`)
    await sink.end()
    all.update(digest)
    heads.push(head)
  }
}

function headOf({ name, bytes }: Readonly<Record<string, unknown>>): PartHead {
  if (typeof name !== 'string' || typeof bytes !== 'number') return damaged('a header is wrong')
  if (!Number.isSafeInteger(bytes) || bytes < 0) return damaged('a header is wrong')
  return { name, bytes }
}

function parse(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    if (typeof value === 'object' && value !== null) return { ...value }
  } catch {
    // said below
  }
  return damaged('a header is wrong')
}

export function damaged(why: string): never {
  return fail('E_CORRUPT', `The backup is damaged: ${why}. Nothing was changed.`)
}
