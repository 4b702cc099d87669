// Frames that wait to be sealed, cut into records: as many as fit share one, a larger one goes alone (PROTOCOL 4.3).
import type { Bytes } from '../util/bytes.ts'
import { packedBytes, PACKED_BYTES } from './records.ts'

export class FrameQueue {
  #frames: Bytes[] = []
  #from = 0
  #bytes = 0

  /** Bytes the frames will take inside records, padding aside. */
  get bytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#from === this.#frames.length
  }

  push(frame: Bytes): void {
    this.#frames.push(frame)
    this.#bytes += packedBytes(frame)
  }

  /** Takes the frames of the next record. */
  take(): Bytes[] {
    const frames = this.#frames
    const from = this.#from
    let to = from
    let size = 0
    for (let frame = frames[to]; frame !== undefined; frame = frames[++to]) {
      const more = size + packedBytes(frame)
      if (to > from && more > PACKED_BYTES) break
      size = more
    }
    this.#bytes -= size
    if (to < frames.length) {
      this.#from = to
      return frames.slice(from, to)
    }
    this.clear()
    return from === 0 ? frames : frames.slice(from)
  }

  clear(): void {
    this.#frames = []
    this.#from = 0
    this.#bytes = 0
  }
}
