// What the other end of a direct connection may ask for: it hands over its streams and messages as it would to a server, and
// they take the way of all mail (PROTOCOL 12, 14). The answer to a message says that it is stored here.
import { decodeHead } from '../../envelope/head.ts'
import type { DeviceId } from '../../identity/conversation.ts'
import type { Wrap } from '../../protocol/composites.ts'
import type { FrameOf, RequestFrame } from '../../protocol/frames.ts'
import { type Bytes, equal, fromHex, hex } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'
import { BoundedMap } from '../../util/rate.ts'
import { deferred } from '../deferred.ts'
import type { Mail } from '../inbox/opened.ts'

/** A sender uses one at a time. */
const STREAMS_MAX = 8

export interface LinkInboxOptions {
  readonly device: DeviceId
  readonly peer: { readonly acct: Bytes; readonly dev: Bytes }
  /** hex */
  readonly conv: string
  /** Resolves when the mail is stored. */
  readonly take: (mail: Mail) => Promise<void>
  /** Of a file that was offered to the other side. */
  readonly chunk: (frame: FrameOf<'file.get'>) => Promise<object>
  /** A stream of this connection, known to nobody else. */
  readonly opened: (st: Bytes) => void
}

export class LinkInbox {
  readonly #options: LinkInboxOptions
  readonly #streams = new BoundedMap<{ readonly h: Bytes; readonly w: Wrap }>(STREAMS_MAX)
  readonly #first = deferred()
  #isOpen = false

  constructor(options: LinkInboxOptions) {
    this.#options = options
  }

  /** Everything the other side had said before over the server is here: what it says on this way may be taken. */
  open(): void {
    this.#isOpen = true
    this.#first.resolve()
  }

  readonly serve = async (frame: RequestFrame): Promise<object> => {
    if (frame.t === 'st.open') this.#stream(frame)
    else if (frame.t === 'msg.put') await this.#message(frame)
    else if (frame.t === 'file.get') return this.#options.chunk(frame)
    else fail('E_STATE')
    return {}
  }

  /** `to` is exactly this device, the conversation that of the two, and the stream the one that the head is for. */
  #stream({ st, at, head, w }: FrameOf<'st.open'>): void {
    const { device, conv, opened } = this.#options
    const [wrap] = w
    if (at !== 0 || head === undefined || wrap === undefined || w.length > 1) fail('E_FORMAT')
    const { to, conv: named, st: headed } = decodeHead(head)
    const [only, second] = to
    const isOurs =
      only !== undefined &&
      second === undefined &&
      equal(only.acct, device.acct) &&
      equal(only.dev, device.dev)
    if (!isOurs || !equal(named, fromHex(conv)) || !equal(headed, st)) fail('E_FORMAT')
    opened(st)
    this.#streams.set(hex(st), { h: head, w: wrap })
  }

  async #message({ st, i, n, c }: FrameOf<'msg.put'>): Promise<void> {
    if (!this.#isOpen) await this.#first.promise
    const { peer, take } = this.#options
    const stream = this.#streams.get(hex(st)) ?? fail('E_UNKNOWN_STREAM')
    await take({ t: 'mail', q: 0, f: [peer.acct, peer.dev], st, i, n, c, ...stream })
  }
}
