// Shows what strangers wrote before they were accepted: where they must ask first, and in groups (PROTOCOL 7.3).
import { LIMITS } from '../../protocol/limits.ts'
import type { Emitter } from '../emitter.ts'
import type { IncomingFiles } from '../files/incoming.ts'
import type { MessageLog } from '../messages/message-log.ts'
import type { MessageRow } from '../messages/row.ts'
import { type Names, viewOf } from '../messages/view.ts'
import { without } from '../without.ts'

export interface Revealing {
  readonly messages: MessageLog
  readonly emitter: Emitter
  readonly names: Names
  readonly files: IncomingFiles
  answeredBy(row: MessageRow): Promise<MessageRow | null>
}

const MOST = LIMITS.strangerMessages + LIMITS.strangerFileOffers + 1

/** `most`: as many as there can be. */
export async function reveal(core: Revealing, conv: string, most = MOST): Promise<void> {
  const { messages, emitter, names, files } = core
  for (const row of await messages.arrivals(conv, null, most)) {
    if (row.withheld !== true) continue
    const shown = await messages.update(row.key, (now) => without(now, 'withheld'))
    if (shown === null) continue
    const message = viewOf(shown, names, await core.answeredBy(shown))
    emitter.emit({ type: 'message', message, fills: false })
    if (shown.offer !== undefined && message.body.kind === 'file') files.announce(shown.offer)
  }
}
