// People whose messages came back from the archive: they are contacts again, what was read is read here, too, and nobody is told
// a second time that their old messages arrived.
import { type Bytes, hex } from '../../util/bytes.ts'
import { codeOf } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { MessageLog } from '../messages/message-log.ts'
import { seenTo } from '../messages/seen.ts'
import type { Directory } from '../people/directory.ts'
import type { Peers } from '../people/peers.ts'

export interface ReunionDeps {
  readonly peers: Peers
  readonly directory: Directory
  readonly messages: Pick<MessageLog, 'arrivals'>
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

  /** Messages with numbers up to `upTo` arrived on another device. Looks the account up in the background. */
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
    const { peers, directory, messages, log } = this.#deps
    try {
      const { id, conv } = await directory.meetAccount(acct)
      this.#unmet.delete(id)
      // from now on rows that come back tell it themselves
      const readTo = await seenTo(messages, conv, upTo)
      await peers.change(id, (peer) => ({
        ...peer,
        readTo: Math.max(peer.readTo, readTo),
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
