// Cuts a byte stream into messages that announce their length. A message that lies whole in one chunk is a view of it;
// one that spans chunks is gathered with about one copy. The length is judged before anything is kept, and memory grows
// with what has arrived, never with what was announced. Knows no format: a Framing measures the header.
import type { Bytes } from '../util/bytes.ts'

export interface Framing {
  readonly headerBytes: number
  /** Total bytes of the message whose header starts at `at`; throws when the announced length is not acceptable. */
  measure(buffer: Buffer, at: number): number
}

const FIRST_PART_BYTES = 1024

export class ChunkReader {
  #chunk: Buffer | null = null
  #at = 0
  #part: Buffer | null = null // beginning of a message: #have bytes of #need, which is 0 while the header is incomplete
  #have = 0
  #need = 0

  /** True while bytes wait that nobody has looked at. */
  get hasInput(): boolean {
    return this.#chunk !== null
  }

  /** True inside a message: an end of the stream here is a truncation. */
  get isPartial(): boolean {
    return this.#have > 0 || this.#chunk !== null
  }

  /** Takes over `chunk`, which nobody may change any more. The one before must have been read up. */
  push(chunk: Bytes): void {
    if (this.#chunk !== null) throw new RangeError('the chunk before was not read up')
    if (chunk.length === 0) return
    this.#chunk = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    this.#at = 0
  }

  /** The next whole message, header included: a view that nobody changes. Null when more bytes are needed. */
  next(framing: Framing): Buffer | null {
    const chunk = this.#chunk
    if (chunk === null) return null
    if (this.#have > 0) return this.#continue(chunk, framing)
    const left = chunk.length - this.#at
    const need = left < framing.headerBytes ? 0 : framing.measure(chunk, this.#at)
    if (need === 0 || left < need) {
      this.#need = need
      this.#gather(chunk, left)
      return null
    }
    const from = this.#at
    this.#skip(chunk, need)
    return chunk.subarray(from, from + need)
  }

  #continue(chunk: Buffer, framing: Framing): Buffer | null {
    if (this.#need === 0) {
      const part = this.#gather(chunk, framing.headerBytes - this.#have)
      if (this.#have < framing.headerBytes) return null
      this.#need = framing.measure(part, 0)
    }
    const part = this.#gather(chunk, this.#need - this.#have)
    if (this.#have < this.#need) return null
    const whole = part.subarray(0, this.#need)
    this.#part = null
    this.#have = 0
    this.#need = 0
    return whole
  }

  /** Moves up to `count` bytes of the chunk to the beginning of a message. */
  #gather(chunk: Buffer, count: number): Buffer {
    const moved = Math.min(count, chunk.length - this.#at)
    const have = this.#have + moved
    let part = this.#part
    if (part === null || part.length < have) {
      const room = Math.max(FIRST_PART_BYTES, 2 * have)
      const grown = Buffer.allocUnsafeSlow(this.#need === 0 ? room : Math.min(room, this.#need))
      part?.copy(grown, 0, 0, this.#have)
      part = grown
      this.#part = part
    }
    chunk.copy(part, this.#have, this.#at, this.#at + moved)
    this.#have = have
    this.#skip(chunk, moved)
    return part
  }

  #skip(chunk: Buffer, count: number): void {
    this.#at += count
    if (this.#at >= chunk.length) this.#chunk = null
  }
}
