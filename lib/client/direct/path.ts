// A direct connection that is up, as a way for the messages of one conversation. Before the first one goes over it, the other
// side says that it has everything which went over the server: so nothing is overtaken (PROTOCOL 12).
import type { VerifiedBundle } from '../../identity/bundle.ts'
import type { Bytes } from '../../util/bytes.ts'
import { SecureChatError } from '../../util/errors.ts'
import type { Way } from '../outbox/side-way.ts'
import type { ReplyOf, RequestName, RequestOf } from '../../protocol/frames.ts'
import type { Wire } from '../wire.ts'

export interface PathOptions {
  readonly wire: Wire
  readonly bundle: VerifiedBundle
  readonly sess: Bytes
  /** Says over the server that nothing more comes there; resolves when the server has it. */
  readonly farewell: () => Promise<void>
}

export class Path implements Way {
  readonly recipients: readonly VerifiedBundle[]
  readonly link: Way['link']
  readonly sess: Bytes
  readonly wire: Wire
  readonly #options: PathOptions
  readonly #gone: Promise<never>
  #switched: Promise<void> | null = null

  constructor(options: PathOptions) {
    const { wire, bundle, sess } = options
    this.#options = options
    this.wire = wire
    this.sess = sess
    this.recipients = [bundle]
    this.link = {
      request: <N extends RequestName>(
        name: N,
        fields: RequestOf<N>,
        timeoutMs?: number,
      ): Promise<ReplyOf<N>> => wire.request(name, fields, timeoutMs),
    }
    this.#gone = wire.closed.then(({ reason }) => {
      throw new SecureChatError('E_CLOSED', reason)
    })
    this.#gone.catch(() => undefined)
  }

  readonly isOpen = (): boolean => this.wire.open

  /** Nothing of ours is under way over the server any more. @throws E_CLOSED */
  switched(): Promise<void> {
    this.#switched ??= Promise.race([this.#options.farewell(), this.#gone])
    return this.#switched
  }
}
