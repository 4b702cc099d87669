// Messages that vanish, tied to the parts of a session: nothing of one stays once its time is over.
import type { Emit } from '../emitter.ts'
import { Expiry, type ExpiryDeps } from '../messages/expiry.ts'
import type { Names } from '../messages/view.ts'
import type { RecordMessageLog } from '../messages/log.ts'
import type { Outbox } from '../outbox/outbox.ts'

export interface ExpiryParts extends Omit<ExpiryDeps, 'messages' | 'expired'> {
  readonly messages: RecordMessageLog
  readonly outbox: () => Outbox
  readonly names: Names
  readonly emit: Emit
}

export async function openExpiry(parts: ExpiryParts): Promise<Expiry> {
  const { messages, outbox, names, emit } = parts
  const expiry = await Expiry.open({
    ...parts,
    expired: async ({ key, number, conv }) => {
      await outbox().expired(key)
      emit({ type: 'message-expired', number, chat: names.chat(conv) })
    },
  })
  messages.onTimed((rows) => expiry.note(rows))
  return expiry
}
