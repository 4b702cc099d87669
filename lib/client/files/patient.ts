// File requests under limits: a window over all transfers, and waiting when the server asks for it.
import type { ReplyOf, RequestOf } from '../../protocol/frames.ts'
import { type Clock, sleep } from '../../util/clock.ts'
import type { Link } from '../link.ts'
import { Refusal } from '../refusal.ts'

type Server = Pick<Link, 'online' | 'request'>
type FileRequest = 'file.put' | 'file.get' | 'file.stat' | 'file.del'

/** The server waits up to 20 s for a chunk that is still on its way up. */
const TIMEOUT_MS = 60_000
/** Chunks asked for and not answered: 2 MiB over all transfers, 1 MiB for one. */
const WINDOW = 32
export const WINDOW_PER_TRANSFER = 16
const WAIT_MS = 1000
const WAIT_MAX_MS = 30_000

export class FileRequests {
  readonly #link: Server
  readonly #clock: Clock
  readonly #aside: (conv: string) => Pick<Link, 'request'> | null
  readonly #waiting: (() => void)[] = []
  #open = 0

  /** `aside`: who else than the server is asked for the chunks of a file of this conversation. */
  constructor(link: Server, clock: Clock, aside: (conv: string) => Pick<Link, 'request'> | null) {
    this.#aside = aside
    this.#link = link
    this.#clock = clock
  }

  get online(): boolean {
    return this.#link.online
  }

  /**
   * Rejects with E_CLOSED when the connection is lost, with a Refusal when it is final. `conv`: the other end of this
   * conversation may have the chunks as well. Not by the fid: others may know it, or claim it for a file of theirs.
   */
  async ask<N extends FileRequest>(
    name: N,
    fields: RequestOf<N>,
    conv?: string,
  ): Promise<ReplyOf<N>> {
    for (;;) {
      await this.#enter()
      try {
        return (
          (await this.#askAside(name, fields, conv)) ??
          (await this.#link.request(name, fields, TIMEOUT_MS))
        )
      } catch (error) {
        const again =
          error instanceof Refusal && (error.code === 'E_RATE' || error.code === 'E_BUSY')
        if (!again) throw error
        await sleep(this.#clock, Math.min(WAIT_MAX_MS, error.afterMs ?? WAIT_MS))
      } finally {
        this.#leave()
      }
    }
  }

  /** Null: the server has to be asked. */
  async #askAside<N extends FileRequest>(
    name: N,
    fields: RequestOf<N>,
    conv: string | undefined,
  ): Promise<ReplyOf<N> | null> {
    const way = conv === undefined ? null : this.#aside(conv)
    if (way === null) return null
    try {
      return await way.request(name, fields, TIMEOUT_MS)
    } catch (error) {
      // what they have not got, or a way that has ended: the server may have it
      if (this.#link.online || !(error instanceof Refusal)) return null
      throw error
    }
  }

  async #enter(): Promise<void> {
    if (this.#open < WINDOW) {
      this.#open += 1
      return
    }
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  #leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#open -= 1
    else next()
  }
}
