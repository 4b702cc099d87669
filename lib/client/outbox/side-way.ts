// Another way than over the server, for what goes to the whole of a conversation (client/direct). The same sealed messages
// with the same ids go there; whatever was not acknowledged on one way goes on the other.
import type { VerifiedBundle } from '../../identity/bundle.ts'
import type { Bytes } from '../../util/bytes.ts'
import type { Link } from '../link.ts'
import type { OutItem } from './item.ts'

export interface Way {
  readonly recipients: readonly VerifiedBundle[]
  readonly link: Pick<Link, 'request'>
  /** It is still there. */
  readonly isOpen: () => boolean
}

export interface SideWay {
  covers(item: OutItem): boolean
  /**
   * Null: over the server. Else resolves when all that was said over the server before is there, so that nothing of it is
   * overtaken. Rejects with E_CLOSED when the way is gone meanwhile.
   */
  ready(item: OutItem): Promise<Way | null>
  /** A stream of such a way: nobody else has seen it. */
  isStream(st: Bytes): boolean
}
