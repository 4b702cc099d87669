// Shows what a stranger wrote before being accepted, where strangers must ask first (PROTOCOL 7.3 strict).
import { LIMITS } from '../../protocol/limits.ts'
import { viewOf } from '../messages/view.ts'
import type { Peer } from '../people/peer.ts'
import { without } from '../without.ts'
import type { Core } from './core.ts'

const MOST = LIMITS.strangerMessages + LIMITS.strangerFileOffers + 1

export async function reveal(core: Core, peer: Peer): Promise<void> {
  const { messages, emitter, names, files } = core
  for (const row of await messages.page(peer.conv, null, MOST)) {
    if (row.withheld !== true) continue
    const shown = await messages.update(row.key, (now) => without(now, 'withheld'))
    if (shown === null) continue
    const message = viewOf(shown, names, await core.answeredBy(shown))
    emitter.emit({ type: 'message', message, fills: false })
    if (shown.offer !== undefined && message.body.kind === 'file') files.announce(shown.offer)
  }
}
