// What is kept of conversations, tied to the parts of a session: messages, archive, files, receipts, gaps.
import { FileAnswers } from '../files/answers.ts'
import { Transfers } from '../files/transfers.ts'
import { Gaps } from '../inbox/gaps.ts'
import { Receipts } from '../inbox/receipts.ts'
import { Receivers } from '../inbox/receivers.ts'
import { RecordMessageLog } from '../messages/log.ts'
import { noMessage } from '../messages/telling.ts'
import { viewOf } from '../messages/view.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { openArchive } from './archive-of.ts'
import { chatOf } from './chat-of.ts'
import { openExpiry } from './expiry-of.ts'
import type { Core } from './core.ts'

export async function openConversations(core: Core): Promise<void> {
  const { link, clock, log, peers, device, parties } = core
  const { records } = core.profile.store
  const { emit } = core.emitter
  const outbox = (): Outbox => core.outbox
  core.messages = await RecordMessageLog.open(
    core.profile.store,
    parties.all().map(({ conv }) => conv),
  )
  const { messages, directory, names } = core
  core.expiry = await openExpiry({ records, messages, clock, log, outbox, names, emit })
  core.archive = await openArchive({
    ...{ device, records, link, clock, log, emit, peers, messages, directory, names },
    archives: () => core.profile.archives,
    broken: core.broken,
    gone: core.gone,
    appended: () => {
      core.sync.appended()
    },
    isBlocked: (acct, at) => core.blocks.hadBlocked(acct, at),
    answeredBy: (row) => core.answeredBy(row),
    chatOf: (chat) => chatOf(core, chat),
    regained: async (rows, upTo) => {
      await core.groupParts.regained(rows, upTo)
      for (const { seen, conv, number } of rows) {
        if (seen === true && number <= upTo) await parties.read(conv, number)
      }
    },
  })
  core.answers = new FileAnswers({ parties, outbox, clock })
  core.transfers = await Transfers.open({
    ...{ records, link, files: core.deps.files, clock, log, emit },
    ...{ names: core.names, way: (conv: string) => core.direct.links.way(conv) },
    acknowledge: (transfer, chunks, done) => core.answers.send(transfer, chunks, done),
    broken: core.broken,
  })
  for (const { request } of [...peers.all(), ...core.groups.all()]) {
    if (request !== undefined) core.transfers.reserve(request.number)
  }
  core.receivers = new Receivers(records)
  core.receipts = new Receipts({ parties, peers, messages: core.messages, outbox, clock, log })
  core.gaps = await Gaps.open({
    ...{ records, acct: device.acct, parties, messages: core.messages, outbox, clock },
    shown: (row) => {
      emit({ type: 'message', message: viewOf(row, core.names), fills: false })
    },
    broken: core.broken,
    removed: (row) => {
      emit(noMessage(row, core.names))
    },
  })
}
