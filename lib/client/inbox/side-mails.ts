// Mails that came on another way than from the server, and who waits for their being stored (client/direct).
import { SecureChatError } from '../../util/errors.ts'
import type { Push } from '../wire.ts'
import type { Mail } from './opened.ts'

interface Waiting {
  readonly resolve: () => void
  readonly reject: (why: SecureChatError) => void
}

export class SideMails {
  readonly #waiting = new Map<Push, Waiting>()

  get size(): number {
    return this.#waiting.size
  }

  has(push: Push): boolean {
    return this.#waiting.has(push)
  }

  add(mail: Mail): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(mail, { resolve, reject })
    })
  }

  stored(mails: readonly Mail[]): void {
    for (const mail of mails) {
      this.#waiting.get(mail)?.resolve()
      this.#waiting.delete(mail)
    }
  }

  /** Whoever sent them sends them again. */
  clear(): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting) reject(new SecureChatError('E_BUSY', 'Not now.'))
  }
}
