// The front of a one-shot command in plain words: what goes wrong is said, what the command was asked for is printed, and
// what happens to arrive meanwhile is not.
import { LineFront } from '../lines.ts'
import type { Mark } from '../front.ts'

export class QuietFront extends LineFront {
  /** Rows on standard output are wanted now. */
  speaks = false

  override rows(mark: Mark, lines: readonly string[]): void {
    if (mark === '!' || this.speaks) super.rows(mark, lines)
  }

  override question(): { withdraw(): void } {
    return { withdraw: () => undefined }
  }
}
