// The introductions and connections that there are, one at a time for each contact, and the telling of what becomes of them.
import type { DirectState, DirectView } from '../direct-api.ts'
import { deferred } from '../deferred.ts'
import type { DirectDeps } from './deps.ts'
import type { Path } from './path.ts'
import { type Talk, viewOf } from './talk.ts'

/** How long somebody may think about an answer. */
export const ASKING_MS = 120_000

export class Talks {
  readonly #deps: DirectDeps
  /** By the conversation. */
  readonly #all = new Map<string, Talk>()

  constructor(deps: DirectDeps) {
    this.#deps = deps
  }

  all(): readonly Talk[] {
    return [...this.#all.values()]
  }

  of(conv: string): Talk | undefined {
    return this.#all.get(conv)
  }

  path(conv: string): Path | null {
    return this.#all.get(conv)?.path ?? null
  }

  /** Neither ended nor replaced. */
  has(talk: Talk): boolean {
    return this.#all.get(talk.peer.conv) === talk
  }

  begin(first: Pick<Talk, 'peer' | 'sess' | 'psk' | 'who' | 'isOurs' | 'state'>): Talk {
    const talk: Talk = {
      ...first,
      number: this.#deps.nextNumber(),
      since: this.#deps.clock.monotonic(),
      ...{ shown: null, own: [], theirs: [], theirPsk: null, dev: null, leave: false, door: null },
      ...{ timer: null, meeting: null, inbox: null, path: null, ups: 0, hasLeft: false },
      heardUp: deferred(),
    }
    talk.timer = this.#deps.clock.after(ASKING_MS, () => {
      this.end(talk, 'failed', 'There was no answer.')
    })
    this.#all.set(first.peer.conv, talk)
    return talk
  }

  end(talk: Talk, state: DirectState, reason?: string, isQuiet = false): void {
    const { conv } = talk.peer
    if (!this.has(talk)) return
    this.#all.delete(conv)
    talk.state = state
    this.release(talk)
    if (!isQuiet) this.tell(talk, reason === undefined ? {} : { reason })
    if (talk.path !== null) {
      talk.path.wire.destroy('E_CLOSED', 'It is over.')
      this.#deps.outbox().renew(conv)
      this.#deps.wayChanged(conv)
    }
    if (talk.hasLeft && !this.all().some((each) => each.hasLeft)) this.#deps.link.retryNow()
  }

  release({ timer, door, meeting }: Talk): void {
    timer?.cancel()
    door?.close()
    meeting?.cancel()
  }

  tell(talk: Talk, more: { readonly attempt?: number; readonly reason?: string } = {}): DirectView {
    const direct = viewOf(talk, more)
    this.#deps.emit({ type: 'direct', direct })
    return direct
  }
}
