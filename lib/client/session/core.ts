// Builds the parts of a session and ties them together. Nothing runs before `start`; everything a part needs of another one
// that is built later goes through a function.
import type { RsaPrivateKey } from '../../crypto/rsa.ts'
import type { DeviceId } from '../../identity/conversation.ts'
import type { Username } from '../../protocol/names.ts'
import { isContentKind } from '../../protocol/payloads.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { fail } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { Archive } from '../archive/archive.ts'
import { freshKeys } from '../account/key-maker.ts'
import { KeyRing } from '../account/key-ring.ts'
import { checkNotOlder } from '../account/own-list.ts'
import type { Profile } from '../account/profile.ts'
import type { Direct } from '../direct/direct.ts'
import type { Emitter } from '../emitter.ts'
import { GroupTable } from '../groups/group-table.ts'
import { userOf } from '../groups/group-info.ts'
import type { Group } from '../groups/group.ts'
import type { GroupBook } from '../groups/group-book.ts'
import type { GroupChanges } from '../groups/group-changes.ts'
import { Parties } from '../groups/parties.ts'
import type { GroupInfo } from '../group-api.ts'
import { IncomingFiles } from '../files/incoming.ts'
import { FileAnswers } from '../files/answers.ts'
import { Transfers } from '../files/transfers.ts'
import { Gaps } from '../inbox/gaps.ts'
import type { Inbox } from '../inbox/inbox.ts'
import { Receipts } from '../inbox/receipts.ts'
import { Receivers } from '../inbox/receivers.ts'
import type { Link } from '../link.ts'
import { GoneChats } from '../messages/gone-chats.ts'
import { answeredBy } from '../messages/answers.ts'
import { RecordMessageLog } from '../messages/log.ts'
import type { MessageRow } from '../messages/row.ts'
import type { Expiry } from '../messages/expiry.ts'
import { eventsOf, noMessage } from '../messages/telling.ts'
import { type Names, viewOf } from '../messages/view.ts'
import type { Outbox } from '../outbox/outbox.ts'
import { Resends } from '../outbox/resends.ts'
import { Acceptance } from '../people/acceptance.ts'
import { Blocks } from '../people/blocks.ts'
import { Chats } from '../people/chats.ts'
import { ContactBook } from '../people/contact-book.ts'
import { Directory } from '../people/directory.ts'
import { watchOwnList } from '../people/own-list-watch.ts'
import { Lookout } from '../people/lookout.ts'
import { OwnSync } from '../people/own-sync.ts'
import type { Peer } from '../people/peer.ts'
import { Peers } from '../people/peers.ts'
import { Settings } from '../people/settings.ts'
import type { ClientDeps } from '../ports.ts'
import { openArchive } from './archive-of.ts'
import { chatOf } from './chat-of.ts'
import { openDirect } from './direct-of.ts'
import { openExpiry } from './expiry-of.ts'
import { GroupParts } from './group-parts.ts'
import { openInbox } from './inbox-of.ts'
import { MessageStates } from './message-states.ts'
import { openOutbox } from './outbox-of.ts'
import { OwnAccount } from './own-account.ts'
import { reveal } from './reveal.ts'

export interface CoreOptions {
  readonly deps: ClientDeps
  readonly profile: Profile
  readonly link: Link
  readonly emitter: Emitter
  readonly broken: (error: unknown) => void
}

export class Core {
  readonly device: DeviceId
  readonly profile: Profile
  readonly link: Link
  readonly clock: Clock
  readonly log: Log
  readonly deps: ClientDeps
  readonly emitter: Emitter
  readonly names: Names
  readonly own: OwnAccount
  peers!: Peers
  groups!: GroupTable
  parties!: Parties
  groupParts!: GroupParts
  book!: ContactBook
  settings!: Settings
  chats!: Chats
  gone!: GoneChats
  directory!: Directory
  messages!: RecordMessageLog
  archive!: Archive
  expiry!: Expiry
  transfers!: Transfers
  acceptance!: Acceptance
  blocks!: Blocks
  lookout!: Lookout
  sync!: OwnSync
  receivers!: Receivers
  gaps!: Gaps
  receipts!: Receipts
  keyRing!: KeyRing
  outbox!: Outbox
  direct!: Direct
  inbox!: Inbox
  states!: MessageStates
  answers!: FileAnswers
  files!: IncomingFiles
  readonly broken: (error: unknown) => void

  private constructor({ deps, profile, link, emitter, broken }: CoreOptions) {
    this.deps = deps
    this.device = profile.device
    this.profile = profile
    this.link = link
    this.clock = deps.clock
    this.log = deps.log
    this.emitter = emitter
    this.broken = broken
    this.own = new OwnAccount(this)
    this.names = {
      chat: (conv) => this.parties.name(conv),
      user: (acct) => userOf(this.peers, acct),
      isPinned: (conv, number) => this.chats.isPinned(conv, number),
    }
  }

  static async build(options: CoreOptions): Promise<Core> {
    const core = new Core(options)
    await core.#openPeople()
    await core.#openConversations()
    await core.#openTraffic()
    await core.messages.sweep(core.clock.now())
    core.expiry.start()
    return core
  }

  get me(): Peer {
    return this.peers.get(this.device.acct) ?? fail('E_CORRUPT')
  }

  get dsk(): RsaPrivateKey {
    return this.profile.dsk
  }

  isMe(acct: Bytes): boolean {
    return equal(acct, this.device.acct)
  }

  get groupBook(): GroupBook {
    return this.groupParts.book
  }

  get groupChanges(): GroupChanges {
    return this.groupParts.changes
  }

  groupInfo(group: Group): GroupInfo {
    return this.groupParts.info(group)
  }

  /** The contact by the name a person typed. @throws E_NOT_FOUND E_CONNECT and identity errors */
  meet(user: Username): Promise<Peer> {
    return this.directory.meet(user)
  }

  /** What the other devices know; on a new device before the first mail is judged. */
  learn(): Promise<void> {
    return this.sync.refresh()
  }

  /** The message that a row answers; null when there is none here. */
  answeredBy(row: MessageRow): Promise<MessageRow | null> {
    return answeredBy(row, (key) => this.messages.byKey(key))
  }

  /** The own list on the server must be ours or follow it. */
  async checkOwnList(n: number): Promise<void> {
    checkNotOlder(this.me, n)
    if (n > this.me.pin.n) await this.directory.refresh(this.device.acct)
  }

  async stop(): Promise<void> {
    await this.direct.stop()
    this.gaps.stop()
    this.receipts.stop()
    this.book.stop()
    await this.sync.stop()
    this.groupBook.stop()
    await this.groupChanges.stop()
    await this.archive.stop()
    await Promise.all([
      this.link.stop(),
      this.inbox.stop(),
      this.outbox.stop(),
      this.transfers.stop(),
      this.keyRing.stop(),
      this.expiry.stop(),
    ])
    const tables = [this.messages, this.peers, this.chats, this.groups]
    await Promise.all(tables.map((each) => each.idle()))
  }

  async #openPeople(): Promise<void> {
    const { link, clock, log, device } = this
    const { records } = this.profile.store
    const { emit } = this.emitter
    link.add({
      impostor: (code, text) => {
        emit({ type: 'notice', level: 'alarm', code, text })
      },
    })
    const archives = () => this.profile.archives
    const wrote = (name: string, ver: number): void => {
      this.sync.wrote(name, ver)
    }
    const blob = { account: device, link, archives, records, log, emit, wrote }
    this.peers = await Peers.open(records)
    this.groups = await GroupTable.open(records, (conv) => this.peers.byConv(conv) !== undefined)
    this.parties = new Parties(device.acct, this.peers, this.groups)
    this.book = await ContactBook.open({
      ...{ ...blob, peers: this.peers, clock },
      learned: (known) => {
        this.own.learned(known)
      },
    })
    this.settings = await Settings.open({
      ...blob,
      changed: () => {
        void this.lookout.tell()
      },
    })
    this.lookout = new Lookout({
      ...{ link, clock, log, peers: this.peers, acct: device.acct },
      isShown: () => this.settings.choices.presence,
    })
    this.chats = await Chats.open(records)
    this.gone = new GoneChats({ device, chats: this.chats, messages: () => this.messages, clock })
    const { peers, book } = this
    const { srv, acct } = device
    this.directory = new Directory({
      ...{ srv, acct, link, peers, book, clock, log },
      emit: (event) => {
        emit(event)
        this.own.heard(event)
        this.archive.heard(event)
        this.groupChanges.heard(event)
      },
      isBlocked: (who) => this.blocks.has(who),
    })
    const { directory } = this
    watchOwnList({ acct, link, directory, me: () => this.me, log, emit })
    this.blocks = await Blocks.open({
      ...blob,
      changed: (blockedAcct, blocked) => this.own.blockChanged(blockedAcct, blocked),
    })
    this.acceptance = new Acceptance({
      ...{ me: hex(acct), peers, book, outbox: () => this.outbox, clock, log, emit },
      displayName: () => this.settings.choices.displayName,
      isStrict: () => this.settings.choices.strict,
      onAccepted: async (peer) => {
        await reveal(this, peer.conv)
        await this.receipts.accepted(peer.conv)
      },
    })
    this.sync = new OwnSync({
      ...{ acct, profile: this.profile, peers, parties: this.parties, clock, log, emit },
      directory: this.directory,
      messages: () => this.messages,
      gone: this.gone,
      heads: () => this.archive.heads,
      outbox: () => this.outbox,
      documents: () => this.own.documents(),
    })
  }

  async #openConversations(): Promise<void> {
    const { link, clock, log, peers, device, parties } = this
    const { records } = this.profile.store
    const { emit } = this.emitter
    const outbox = (): Outbox => this.outbox
    this.messages = await RecordMessageLog.open(
      this.profile.store,
      parties.all().map(({ conv }) => conv),
    )
    const { messages, directory, names } = this
    this.expiry = await openExpiry({ records, messages, clock, log, outbox, names, emit })
    this.archive = await openArchive({
      ...{ device, records, link, clock, log, emit, peers, messages, directory, names },
      archives: () => this.profile.archives,
      broken: this.broken,
      gone: this.gone,
      appended: () => {
        this.sync.appended()
      },
      isBlocked: (acct, at) => this.blocks.hadBlocked(acct, at),
      answeredBy: (row) => this.answeredBy(row),
      chatOf: (chat) => chatOf(this, chat),
      regained: (rows, upTo) => this.groupParts.regained(rows, upTo),
    })
    this.answers = new FileAnswers({ parties, outbox, clock })
    this.transfers = await Transfers.open({
      ...{ records, link, files: this.deps.files, clock, log, emit },
      ...{ names: this.names, way: (conv: string) => this.direct.links.way(conv) },
      acknowledge: (transfer, chunks, done) => this.answers.send(transfer, chunks, done),
      broken: this.broken,
    })
    for (const { request } of [...peers.all(), ...this.groups.all()]) {
      if (request !== undefined) this.transfers.reserve(request.number)
    }
    this.receivers = new Receivers(records)
    this.receipts = new Receipts({ parties, peers, messages: this.messages, outbox, clock, log })
    this.gaps = await Gaps.open({
      ...{ records, acct: device.acct, parties, messages: this.messages, outbox, clock },
      shown: (row) => {
        emit({ type: 'message', message: viewOf(row, this.names), fills: false })
      },
      broken: this.broken,
      removed: (row) => {
        emit(noMessage(row, this.names))
      },
    })
  }

  async #openTraffic(): Promise<void> {
    const { link, clock, log, peers, device, profile, messages, directory, receivers } = this
    const { groups, parties, broken } = this
    const { emit } = this.emitter
    const keyRing = (): KeyRing => this.keyRing
    const outbox = (): Outbox => this.outbox
    this.keyRing = new KeyRing({
      keys: this.deps.keys ?? freshKeys,
      profile,
      link,
      clock,
      log,
      emit,
      isStrict: () => this.settings.choices.strict,
      inboxIdle: () => this.inbox.idle,
    })
    this.files = new IncomingFiles({
      transfers: () => this.transfers,
      files: this.deps.files,
      clock,
      emit,
    })
    const { files } = this
    const { acct } = device
    this.groupParts = new GroupParts(this)
    this.direct = await openDirect(this)
    const { groupParts, names, acceptance } = this
    const opening = groupParts.opening
    const resends = new Resends({ outbox, parties, opening, directory, clock, log, emit })
    const common = { device, acct, link, clock, log, emit, peers, groups, parties, directory }
    this.inbox = openInbox({
      ...{ ...common, names, messages, receivers, files, resends, acceptance, keyRing, broken },
      ...{ sync: this.sync, book: this.book, chats: this.chats, gaps: this.gaps },
      receipts: this.receipts,
      inGroups: groupParts,
      isBlocked: (from) => this.blocks.has(from),
      isStrict: () => this.settings.choices.strict,
      tellsReads: () => this.settings.choices.readReceipts,
      nextNumber: () => this.transfers.nextNumber(),
      introduced: this.direct.heard,
      show: (inserted, fills) => {
        for (const event of eventsOf(inserted, fills, names)) emit(event)
        const event = groupParts.eventOf(inserted.row)
        if (event !== null) emit(event)
      },
      stored: async () => {
        await this.sync.applyMarks()
        await groupParts.stored()
      },
    })
    this.states = new MessageStates({ messages, names, parties, acct, emit, clock, log, broken })
    this.outbox = await openOutbox({
      ...{ ...common, profile, receivers, acceptance, keyRing, broken, sideWay: this.direct.links },
      caughtUp: () => this.inbox.caughtUp(),
      voided: (item) => void this.groupChanges.drop(item).catch(broken),
      changed: (item, state, code, reason) => {
        if (state === 'accepted') void this.groupChanges.accepted(item).catch(broken)
        if (item.kind === 'rcpt' && state === 'accepted') this.receipts.settled(item)
        if (state === 'accepted') this.gone.accepted(item.mid)
        if (state === 'accepted') this.direct.accepted(item)
        // what goes to a part of a conversation is no line of it
        if (item.acct === undefined && (isContentKind(item.kind) || item.kind === 'req')) {
          this.states.changed(item, state, code, reason)
        }
      },
    })
  }
}
