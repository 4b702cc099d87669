// People whose messages came back from the archive: they are contacts again, and nobody is told a second time that their
// old messages arrived or were read.
import { type Bytes, hex } from '../../util/bytes.ts'
import { codeOf } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { Directory } from '../people/directory.ts'
import type { Peers } from '../people/peers.ts'

export interface ReunionDeps {
  readonly peers: Peers
  readonly directory: Directory
  readonly log: Log
}

export class Reunion {
  readonly #deps: ReunionDeps
  /** Looked up, or about to be. */
  readonly #met = new Set<string>()
  readonly #unmet = new Map<string, Bytes>()
  #queue: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(deps: ReunionDeps) {
    this.#deps = deps
  }

  /** Messages with numbers up to `upTo` were seen on another device. Looks the account up in the background. */
  met(acct: Bytes, upTo: number): void {
    const id = hex(acct)
    if (this.#met.has(id)) return
    this.#met.add(id)
    this.#unmet.set(id, acct)
    this.#queue = this.#queue.then(() => this.#meet(acct, upTo))
  }

  /** Not looked up yet. */
  get unmet(): Bytes[] {
    return [...this.#unmet.values()]
  }

  /** Resolves when everybody was looked up, or could not be. */
  idle(): Promise<void> {
    return this.#queue
  }

  stop(): void {
    this.#stopped = true
  }

  async #meet(acct: Bytes, upTo: number): Promise<void> {
    if (this.#stopped) return
    const { peers, directory, log } = this.#deps
    try {
      const { id } = await directory.meetAccount(acct)
      this.#unmet.delete(id)
      await peers.change(id, (peer) => ({
        ...peer,
        readTo: Math.max(peer.readTo, upTo),
        receiptedTo: Math.max(peer.receiptedTo, upTo),
      }))
    } catch (error) {
      const code = codeOf(error)
      log.info('client.restore.meet', { code })
      // deleted: nobody to show; else with the next try
      if (code === 'E_NOT_FOUND') this.#unmet.delete(hex(acct))
      else this.#met.delete(hex(acct))
    }
  }
}
