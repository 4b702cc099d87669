// The history of the account on the server, tied to the parts of a session.
import { Archive } from '../archive/archive.ts'
import { RestoreState } from '../archive/restore-state.ts'
import { viewOf } from '../messages/view.ts'
import { chatOf } from './chat-of.ts'
import type { Core } from './core.ts'

/** Numbers that belong to the history are given to nobody from here on. */
export async function openArchive(core: Core): Promise<Archive> {
  const { records } = core.profile.store
  const { device, link, clock, log, peers, messages, directory, names } = core
  const state = await RestoreState.open(records)
  messages.reserve(state.end)
  return Archive.open({
    ...{ device, records, state, link, clock, log, peers, messages, directory, names },
    emit: core.emitter.emit,
    archives: () => core.profile.archives,
    broken: core.broken,
    viewed: async (row) => viewOf(row, names, await core.answeredBy(row)),
    chatOf: (chat) => chatOf(core, chat),
  })
}
