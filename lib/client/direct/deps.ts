// What direct connections need of the rest of a session.
import type { DeviceId } from '../../identity/conversation.ts'
import type { FrameOf } from '../../protocol/frames.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Emit } from '../emitter.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { Link } from '../link.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Directory } from '../people/directory.ts'
import type { Peers } from '../people/peers.ts'
import type { Dial, DirectPort } from '../ports.ts'
import type { DirectRules } from './rules.ts'

export interface DirectDeps {
  readonly device: DeviceId
  readonly port: DirectPort | undefined
  readonly dial: Dial
  readonly rules: DirectRules
  readonly link: Link
  readonly peers: Peers
  readonly directory: Directory
  readonly inbox: () => Inbox
  readonly outbox: () => Outbox
  readonly chunk: (conv: string, frame: FrameOf<'file.get'>) => Promise<object>
  /** There is a way to this conversation, or none any more. */
  readonly wayChanged: (conv: string) => void
  readonly nextNumber: () => number
  readonly clock: Clock
  readonly log: Log
  readonly emit: Emit
}
