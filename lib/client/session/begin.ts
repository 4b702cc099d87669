// The first moments of a session: no mail is judged before what the other devices know is here, and new inbox keys go out.
import type { InboxKeys } from '../../envelope/inbox-keys.ts'
import { codeOf } from '../../util/errors.ts'
import { deferred } from '../deferred.ts'
import type { Wire } from '../wire.ts'
import type { Core } from './core.ts'
import type { ReopenOptions } from './reopen.ts'

export interface SessionOptions extends ReopenOptions {
  readonly inboxKeys: Promise<InboxKeys>
  /** Logged in with level dev. */
  readonly wire: Wire
  /** The number of the own device list on the server. */
  readonly listNumber: number
  readonly isNewDevice: boolean
  /** Waits until others can write to this device. */
  readonly publishFirst: boolean
}

export async function begin(core: Core, options: SessionOptions): Promise<void> {
  const { inboxKeys, wire, listNumber, isNewDevice, publishFirst } = options
  const { link, keyRing, receipts, log, inbox } = core
  await core.groupChanges.repair()
  const learned = deferred()
  inbox.holdUntil(learned.promise)
  link.start(wire)
  await core.archive.prepare()
  const learning = core.learn()
  if (isNewDevice) await learning
  learned.resolve()
  await receipts.load()
  await core.checkOwnList(listNumber)
  const published = inboxKeys
    .then((keys) => keyRing.rotate('launch', keys))
    .then(() => keyRing.publish())
  if (publishFirst) await published
  published.catch((error: unknown) => {
    log.warn('client.keys.launch', { code: codeOf(error) })
  })
}
