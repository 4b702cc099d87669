// The history of the account on the server, tied to the parts of a session.
import { Archive, type ArchiveDeps } from '../archive/archive.ts'
import { RestoreState } from '../archive/restore-state.ts'
import { viewOf } from '../messages/view.ts'
import type { MessageRow } from '../messages/row.ts'

export interface ArchiveParts extends Omit<ArchiveDeps, 'state' | 'viewed'> {
  /** The message that a row answers. */
  readonly answeredBy: (row: MessageRow) => Promise<MessageRow | null>
}

/** Numbers that belong to the history are given to nobody from here on. */
export async function openArchive(parts: ArchiveParts): Promise<Archive> {
  const { records, messages, names, answeredBy } = parts
  const state = await RestoreState.open(records)
  messages.reserve(state.end)
  return Archive.open({
    ...parts,
    state,
    viewed: async (row) => viewOf(row, names, await answeredBy(row)),
  })
}
