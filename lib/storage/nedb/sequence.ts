// The numbers of mails: strictly growing and never given twice, also when the clock is set back, a box is emptied or a
// backup is restored. A ceiling is on disk before any number below it is given out, so a start begins at the ceiling; it
// begins at the clock's microseconds when those are later, which covers a ceiling that is older than it should be.
import { readFile } from 'node:fs/promises'

import { utf8 } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { fail } from '../../util/errors.ts'
import { errnoOf, openError, replaceFile, writeError } from '../durable.ts'

/** Numbers reserved by one write. */
const BLOCK = 2 ** 20

/** Microseconds since 1970 in the year 2112. A clock beyond is wrong, and 2^53 must not come nearer because of it. */
const LATEST = 2 ** 52

export class Sequence {
  readonly #path: string
  #last: number
  /** No number above this one may be given out yet. */
  #ceiling: number
  #extending: Promise<void> | null = null

  private constructor(path: string, last: number) {
    this.#path = path
    this.#last = last
    this.#ceiling = last
  }

  static async open(path: string, clock: Clock): Promise<Sequence> {
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return '0'
      throw openError(error, path)
    })
    const ceiling = /^\d{1,16}\n?$/.test(text) ? Number(text) : NaN
    if (!Number.isSafeInteger(ceiling)) {
      fail('E_CORRUPT', `${path} is damaged. Nothing was changed; restore it from a backup.`)
    }
    const now = Math.floor(clock.now()) * 1000
    return new Sequence(path, now > ceiling && now < LATEST ? now : ceiling)
  }

  /** Null when `count` numbers can be taken at once; else resolves when they can. */
  ready(count: number): Promise<void> | null {
    const left = this.#ceiling - this.#last
    if (left < BLOCK / 2) {
      this.#extending ??= this.#extend().finally(() => {
        this.#extending = null
      })
      // nobody may be waiting for this one: whoever runs out of numbers tries again and is told
      this.#extending.catch(() => undefined)
    }
    return left >= count ? null : this.#extending
  }

  next(): number {
    // half a million mails during one small write
    if (this.#last >= this.#ceiling) fail('E_STORE', 'numbers are given out faster than reserved')
    return ++this.#last
  }

  /** A number found on disk: everything given out from now on is larger. `ready` must be asked again. */
  raise(seen: number): void {
    if (seen > this.#last) this.#last = seen
  }

  /** Waits for a reservation under way: nothing may be written once the lock is gone. */
  async settled(): Promise<void> {
    await this.#extending?.catch(() => undefined)
  }

  async #extend(): Promise<void> {
    const ceiling = Math.max(this.#ceiling, this.#last) + BLOCK
    try {
      await replaceFile(this.#path, utf8(`${ceiling}\n`))
    } catch (error) {
      throw writeError(error, 'the numbers of mails')
    }
    this.#ceiling = ceiling
  }
}
