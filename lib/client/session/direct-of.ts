// Direct connections, tied to the parts of a session; those that are built later are looked at later.
import type { Profile } from '../account/profile.ts'
import type { DirectDeps } from '../direct/deps.ts'
import { Direct } from '../direct/direct.ts'
import { DirectRules } from '../direct/rules.ts'
import type { Emitter } from '../emitter.ts'
import { FileServing } from '../files/way.ts'
import type { Transfers } from '../files/transfers.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { ClientDeps } from '../ports.ts'

export interface DirectParts extends Pick<
  DirectDeps,
  'device' | 'link' | 'peers' | 'directory' | 'clock' | 'log'
> {
  readonly deps: ClientDeps
  readonly profile: Profile
  readonly emitter: Emitter
  readonly transfers: Transfers
  readonly inbox: Inbox
  readonly outbox: Outbox
}

export async function openDirect(parts: DirectParts): Promise<Direct> {
  const { device, deps, link, peers, directory, clock, log, emitter, profile, transfers } = parts
  const serving = new FileServing(deps.files, clock, () => transfers.all())
  return new Direct({
    ...{ device, link, peers, directory, clock, log, dial: deps.dial, port: deps.direct },
    rules: await DirectRules.open(profile.store.records),
    inbox: () => parts.inbox,
    outbox: () => parts.outbox,
    chunk: (conv, frame) => serving.chunk(conv, frame),
    wayChanged: () => {
      serving.close()
      transfers.wayChanged()
    },
    nextNumber: () => transfers.nextNumber(),
    emit: emitter.emit,
  })
}
