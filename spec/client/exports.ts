// A whole chat as the two documents a person can make of it.
import { exportLines } from '../../lib/cli/client/export-format.ts'
import type { Session } from '../../lib/client/api.ts'

export async function exported(session: Session, chat: string): Promise<string> {
  const parts: string[] = []
  for (const format of ['json', 'markdown'] as const) {
    for await (const part of exportLines(format, chat, session.archive.messages(chat))) {
      parts.push(part)
    }
  }
  return parts.join('')
}
