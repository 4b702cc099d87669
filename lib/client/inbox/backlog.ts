// Whether everything that waited on the server when the connection began is taken here (PROTOCOL 8, 14.2 mail.end).
import { SecureChatError } from '../../util/errors.ts'

export class Backlog {
  #isTaken = false
  #waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = []

  /** Another connection, or none: what was true is not any more. */
  begin(): void {
    this.#isTaken = false
    for (const { reject } of this.#waiting.splice(0)) {
      reject(new SecureChatError('E_CLOSED', 'The connection ended.'))
    }
  }

  taken(): void {
    this.#isTaken = true
    for (const { resolve } of this.#waiting.splice(0)) resolve()
  }

  /** @throws E_CLOSED when the connection ends first */
  wait(): Promise<void> {
    if (this.#isTaken) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
    })
  }
}
