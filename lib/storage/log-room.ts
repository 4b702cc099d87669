// How much all logs together may take. What they have is counted once, when it is first asked for, and then kept; without a
// limit nothing is counted.
import { stat } from 'node:fs/promises'
import { join } from 'node:path'

import { errnoOf, namesIn } from './durable.ts'

export class LogRoom {
  readonly #dir: string
  readonly #totalBytes: number
  #counting: Promise<void> | null = null
  #bytes = 0

  /** 0: no limit. */
  constructor(dir: string, totalBytes: number) {
    this.#dir = dir
    this.#totalBytes = totalBytes
  }

  /** True: there was room for so many bytes, and they count from now on. */
  async take(bytes: number): Promise<boolean> {
    if (this.#totalBytes === 0) return true
    this.#counting ??= this.#count()
    try {
      await this.#counting
    } catch (error) {
      this.#counting = null
      throw error
    }
    if (this.#bytes + bytes > this.#totalBytes) return false
    this.#bytes += bytes
    return true
  }

  /** They were not written, or are gone. */
  give(bytes: number): void {
    if (this.#counting !== null) this.#bytes -= bytes
  }

  async #count(): Promise<void> {
    this.#bytes = 0
    for (const name of await namesIn(this.#dir)) {
      const bytes = await sizeOf(join(this.#dir, name))
      this.#bytes += bytes
    }
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 0
    throw error
  }
}
