// What comes in and what goes out, tied to the parts of a session: keys, inbox, direct connections, outbox.
import { isContentKind } from '../../protocol/payloads.ts'
import { freshKeys } from '../account/key-maker.ts'
import { KeyRing } from '../account/key-ring.ts'
import { IncomingFiles } from '../files/incoming.ts'
import { eventsOf } from '../messages/telling.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { Resends } from '../outbox/resends.ts'
import type { Core } from './core.ts'
import { openDirect } from './direct-of.ts'
import { GroupParts } from './group-parts.ts'
import { openInbox } from './inbox-of.ts'
import { MessageStates } from './message-states.ts'
import { openOutbox } from './outbox-of.ts'

export async function openTraffic(core: Core): Promise<void> {
  const { link, clock, log, peers, device, profile, messages, directory, receivers } = core
  const { groups, parties, broken } = core
  const { emit } = core.emitter
  const keyRing = (): KeyRing => core.keyRing
  const outbox = (): Outbox => core.outbox
  core.keyRing = new KeyRing({
    keys: core.deps.keys ?? freshKeys,
    profile,
    link,
    clock,
    log,
    emit,
    isStrict: () => core.settings.choices.strict,
    inboxIdle: () => core.inbox.idle,
  })
  core.files = new IncomingFiles({
    transfers: () => core.transfers,
    files: core.deps.files,
    clock,
    emit,
  })
  const { files } = core
  const { acct } = device
  core.groupParts = new GroupParts(core)
  core.direct = await openDirect(core)
  const { groupParts, names, acceptance } = core
  const opening = groupParts.opening
  const resends = new Resends({ outbox, parties, opening, directory, clock, log, emit })
  const common = { device, acct, link, clock, log, emit, peers, groups, parties, directory }
  core.inbox = openInbox({
    ...{ ...common, names, messages, receivers, files, resends, acceptance, keyRing, broken },
    ...{ sync: core.sync, book: core.book, chats: core.chats, gaps: core.gaps },
    receipts: core.receipts,
    inGroups: groupParts,
    isBlocked: (from) => core.blocks.has(from),
    isStrict: () => core.settings.choices.strict,
    tellsReads: () => core.settings.choices.readReceipts,
    nextNumber: () => core.transfers.nextNumber(),
    introduced: core.direct.heard,
    show: (inserted, fills) => {
      for (const event of eventsOf(inserted, fills, names)) emit(event)
      const event = groupParts.eventOf(inserted.row)
      if (event !== null) emit(event)
    },
    stored: async () => {
      await core.sync.applyMarks()
      await groupParts.stored()
    },
  })
  core.states = new MessageStates({ messages, names, groups, acct, emit, clock, log, broken })
  core.outbox = await openOutbox({
    ...{ ...common, profile, receivers, acceptance, keyRing, broken, sideWay: core.direct.links },
    caughtUp: () => core.inbox.caughtUp(),
    voided: (item) => void core.groupChanges.drop(item).catch(broken),
    changed: (item, state, code, reason) => {
      if (state === 'accepted') void core.groupChanges.accepted(item).catch(broken)
      if (item.kind === 'rcpt' && state === 'accepted') core.receipts.settled(item)
      if (state === 'accepted') core.gone.accepted(item.mid)
      if (state === 'accepted') core.direct.accepted(item)
      // what goes to a part of a conversation is no line of it
      if (item.acct === undefined && (isContentKind(item.kind) || item.kind === 'req')) {
        core.states.changed(item, state, code, reason)
      }
    },
  })
}
