// Offers that arrive, answers to our own offers, offers taken back (PROTOCOL 10). Nothing is fetched here.
import { FileLayout } from '../../envelope/file-chunks.ts'
import { LIMITS } from '../../protocol/limits.ts'
import type { PayloadOf } from '../../protocol/payloads.ts'
import { type Bytes, equal } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import type { Emit } from '../emitter.ts'
import type { Peer } from '../people/peer.ts'
import type { FileAccess } from '../ports.ts'
import { isOver } from './transfer.ts'
import type { Transfers } from './transfers.ts'

export interface IncomingDeps {
  readonly transfers: () => Transfers
  readonly files: FileAccess
  readonly clock: Clock
  readonly emit: Emit
}

/** What a hostile name is replaced by when even the cleaned one is not one plain component. */
const FALLBACK = 'file'

export class IncomingFiles {
  readonly #deps: IncomingDeps

  constructor(deps: IncomingDeps) {
    this.#deps = deps
  }

  /** The number of the offer that came with this message, null when it is new. */
  known(mid: string): number | null {
    const t = this.#deps.transfers().findByMid(mid)
    return t?.direction === 'in' ? t.number : null
  }

  /** Stores the offer; resolves to its number, 0 when it contradicts itself and cannot be accepted. */
  async offered(
    payload: PayloadOf<'file'>,
    { conv, peer }: { readonly conv: string; readonly peer: Peer },
    mid: string,
  ): Promise<number> {
    const transfers = this.#deps.transfers()
    const { fid, key, sha, size, n, mime } = payload
    const isPossible = size <= LIMITS.fileBytes && new FileLayout(size).chunkCount === n
    if (!isPossible || transfers.find('in', peer.acct, fid) !== undefined) return 0
    const now = this.#deps.clock.now()
    const number = transfers.nextNumber()
    await transfers.put({
      number,
      direction: 'in',
      acct: peer.acct,
      conv,
      mid,
      fid,
      key,
      name: this.#plainName(payload.name),
      size,
      sha,
      ...(mime === undefined ? {} : { mime }),
      state: 'offered',
      chunks: 0,
      at: now,
      expires: now + LIMITS.fileLifeMs,
    })
    return number
  }

  /** Tells the front end, once the message that carries the offer is stored. */
  announce(number: number): void {
    const transfers = this.#deps.transfers()
    if (!transfers.has(number)) return
    this.#deps.emit({ type: 'file-offer', offer: transfers.offer(transfers.get(number)) })
  }

  acknowledged(
    { fid, n, done }: PayloadOf<'file.ack'>,
    { conv, from }: { readonly conv: string; readonly from: { readonly acct: Bytes } },
  ): Promise<void> {
    return this.#deps.transfers().answered(fid, { conv, acct: from.acct }, n, done === true)
  }

  /** True when the message is an offer of this contact, or in this group of which he is an admin. */
  async withdrawn(mid: string, peer: Peer, adminOf?: string): Promise<boolean> {
    const transfers = this.#deps.transfers()
    const t = transfers.findByMid(mid)
    if (t?.direction !== 'in') return false
    if (!equal(t.acct, peer.acct) && t.conv !== adminOf) return false
    if (isOver(t)) return true
    const cancelled = await transfers.halt(t.number, 'cancelled')
    this.#deps.emit({
      type: 'file-failed',
      offer: transfers.offer(cancelled),
      code: 'E_CANCELLED',
      reason: `@${peer.pin.user} took ${t.name} back.`,
    })
    return true
  }

  /** The port cleans it; that it is one component is checked here once more. */
  #plainName(raw: string): string {
    const name = this.#deps.files.cleanName(raw)
    const isPlain = name !== '' && name !== '.' && name !== '..' && !/[/\\\0]/.test(name)
    return isPlain ? name : FALLBACK
  }
}
