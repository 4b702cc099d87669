// The people of a session: contacts, settings, blocks, requests, and what the own devices tell each other of them.
import { hex } from '../../util/bytes.ts'
import { GroupTable } from '../groups/group-table.ts'
import { Parties } from '../groups/parties.ts'
import { GoneChats } from '../messages/gone-chats.ts'
import { Acceptance } from '../people/acceptance.ts'
import { Blocks } from '../people/blocks.ts'
import { Chats } from '../people/chats.ts'
import { ContactBook } from '../people/contact-book.ts'
import { Directory } from '../people/directory.ts'
import { watchOwnList } from '../people/own-list-watch.ts'
import { Lookout } from '../people/lookout.ts'
import { OwnSync } from '../people/own-sync.ts'
import { Peers } from '../people/peers.ts'
import { Settings } from '../people/settings.ts'
import type { Core } from './core.ts'
import { reveal } from './reveal.ts'

export async function openPeople(core: Core): Promise<void> {
  const { link, clock, log, device } = core
  const { records } = core.profile.store
  const { emit } = core.emitter
  link.add({
    impostor: (code, text) => {
      emit({ type: 'notice', level: 'alarm', code, text })
    },
  })
  const archives = () => core.profile.archives
  const wrote = (name: string, ver: number): void => {
    core.sync.wrote(name, ver)
  }
  const blob = { account: device, link, archives, records, log, emit, wrote }
  core.peers = await Peers.open(records)
  core.groups = await GroupTable.open(records, (conv) => core.peers.byConv(conv) !== undefined)
  core.parties = new Parties(device.acct, core.peers, core.groups)
  core.book = await ContactBook.open({
    ...{ ...blob, peers: core.peers, clock },
    learned: (known) => {
      core.own.learned(known)
    },
  })
  core.settings = await Settings.open({
    ...blob,
    changed: () => {
      void core.lookout.tell()
    },
  })
  core.lookout = new Lookout({
    ...{ link, clock, log, peers: core.peers, acct: device.acct },
    isShown: () => core.settings.choices.presence,
  })
  core.chats = await Chats.open(records)
  core.gone = new GoneChats({ device, chats: core.chats, messages: () => core.messages, clock })
  const { peers, book } = core
  const { srv, acct } = device
  core.directory = new Directory({
    ...{ srv, acct, link, peers, book, clock, log },
    emit: (event) => {
      emit(event)
      core.own.heard(event)
      core.archive.heard(event)
      core.groupChanges.heard(event)
    },
    isBlocked: (who) => core.blocks.has(who),
  })
  const { directory } = core
  watchOwnList({ acct, link, directory, me: () => core.me, log, emit })
  core.blocks = await Blocks.open({
    ...blob,
    changed: (blockedAcct, blocked) => core.own.blockChanged(blockedAcct, blocked),
  })
  core.acceptance = new Acceptance({
    ...{ me: hex(acct), peers, book, outbox: () => core.outbox, clock, log, emit },
    displayName: () => core.settings.choices.displayName,
    isStrict: () => core.settings.choices.strict,
    onAccepted: async (peer) => {
      await reveal(core, peer.conv)
      await core.receipts.accepted(peer.conv)
    },
  })
  core.sync = new OwnSync({
    ...{ acct, profile: core.profile, peers, parties: core.parties, clock, log, emit },
    directory: core.directory,
    messages: () => core.messages,
    gone: core.gone,
    heads: () => core.archive.heads,
    outbox: () => core.outbox,
    documents: () => core.own.documents(),
  })
}
