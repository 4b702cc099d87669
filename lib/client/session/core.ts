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
import type { Emitter } from '../emitter.ts'
import { IncomingFiles } from '../files/incoming.ts'
import { FileAnswers } from '../files/answers.ts'
import { Transfers } from '../files/transfers.ts'
import { Dispatch } from '../inbox/dispatch.ts'
import { Gaps } from '../inbox/gaps.ts'
import { Gossiper } from '../inbox/gossiper.ts'
import { Inbox } from '../inbox/inbox.ts'
import { Opening } from '../inbox/opened.ts'
import { Receipts } from '../inbox/receipts.ts'
import { Receivers } from '../inbox/receivers.ts'
import type { Link } from '../link.ts'
import { GoneChats } from '../messages/gone-chats.ts'
import { answeredBy } from '../messages/answers.ts'
import { RecordMessageLog } from '../messages/log.ts'
import type { MessageRow } from '../messages/row.ts'
import { Expiry } from '../messages/expiry.ts'
import { eventsOf, noMessage } from '../messages/telling.ts'
import { type Names, viewOf } from '../messages/view.ts'
import { Opener } from '../outbox/opener.ts'
import { Outbox } from '../outbox/outbox.ts'
import { Resends } from '../outbox/resends.ts'
import { Acceptance } from '../people/acceptance.ts'
import { Blocks } from '../people/blocks.ts'
import { Chats } from '../people/chats.ts'
import { ContactBook } from '../people/contact-book.ts'
import { Directory } from '../people/directory.ts'
import { watchOwnList } from '../people/own-list-watch.ts'
import { OwnSync } from '../people/own-sync.ts'
import type { Peer } from '../people/peer.ts'
import { Peers } from '../people/peers.ts'
import { Settings } from '../people/settings.ts'
import type { ClientDeps } from '../ports.ts'
import { openArchive } from './archive-of.ts'
import { MessageStates } from './message-states.ts'
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
  sync!: OwnSync
  receivers!: Receivers
  gaps!: Gaps
  receipts!: Receipts
  keyRing!: KeyRing
  outbox!: Outbox
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
      chat: (conv) => this.peers.byConv(conv)?.pin.user ?? '',
      user: (acct) => this.peers.get(acct)?.pin.user ?? '',
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
    this.gaps.stop()
    this.receipts.stop()
    this.book.stop()
    await this.sync.stop()
    await this.archive.stop()
    await Promise.all([
      this.link.stop(),
      this.inbox.stop(),
      this.outbox.stop(),
      this.transfers.stop(),
      this.keyRing.stop(),
      this.expiry.stop(),
    ])
    await Promise.all([this.messages.idle(), this.peers.idle(), this.chats.idle()])
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
    this.book = await ContactBook.open({
      ...{ ...blob, peers: this.peers, clock },
      learned: (known) => {
        this.own.learned(known)
      },
    })
    this.settings = await Settings.open(blob)
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
        await reveal(this, peer)
        await this.receipts.accepted(peer)
      },
    })
    this.sync = new OwnSync({
      ...{ acct, profile: this.profile, peers, directory: this.directory, clock, log, emit },
      messages: () => this.messages,
      gone: this.gone,
      heads: () => this.archive.heads,
      outbox: () => this.outbox,
      documents: () => this.own.documents(),
    })
  }

  async #openConversations(): Promise<void> {
    const { link, clock, log, peers, device } = this
    const { records } = this.profile.store
    const { emit } = this.emitter
    const outbox = (): Outbox => this.outbox
    this.messages = await RecordMessageLog.open(
      this.profile.store,
      peers.all().map((peer) => peer.conv),
    )
    this.expiry = await Expiry.open({
      records,
      messages: this.messages,
      clock,
      log,
      expired: async ({ key, number, conv }) => {
        await outbox().forget(key)
        emit({ type: 'message-expired', number, chat: this.names.chat(conv) })
      },
    })
    this.messages.onTimed((rows) => this.expiry.note(rows))
    const { messages, directory, names } = this
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
      meet: (user) => this.meet(user),
    })
    this.answers = new FileAnswers({ peers, outbox, clock })
    this.transfers = await Transfers.open({
      ...{ records, link, files: this.deps.files, clock, log, emit },
      userOf: (acct) => this.names.user(acct),
      acknowledge: (transfer, chunks, done) => this.answers.send(transfer, chunks, done),
      broken: this.broken,
    })
    for (const { request } of peers.all()) {
      if (request !== undefined) this.transfers.reserve(request.number)
    }
    this.receivers = new Receivers(records)
    this.receipts = new Receipts({ peers, messages: this.messages, outbox, clock, log })
    this.gaps = await Gaps.open({
      ...{ records, acct: device.acct, peers, messages: this.messages, outbox, clock },
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
    const { emit } = this.emitter
    const keyRing = (): KeyRing => this.keyRing
    const outbox = (): Outbox => this.outbox
    const broken = this.broken
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
    const { acceptance } = this
    this.files = new IncomingFiles({
      transfers: () => this.transfers,
      files: this.deps.files,
      clock,
      emit,
    })
    const { files } = this
    const resends = new Resends({ outbox, directory, clock, log, emit })
    const { acct } = device
    this.inbox = new Inbox({
      acct,
      link,
      opening: new Opening({
        device,
        clock,
        peers,
        directory,
        receivers,
        keyRing,
        isBlocked: (from) => this.blocks.has(from),
      }),
      dispatch: new Dispatch({
        acct,
        peers,
        messages,
        acceptance,
        files,
        resends,
        sync: this.sync,
        book: this.book,
        chats: this.chats,
        clock,
        log,
        emit,
        isStrict: () => this.settings.choices.strict,
        nextNumber: () => this.transfers.nextNumber(),
        needless: (key) => this.gaps.needless(key),
      }),
      messages,
      receivers,
      gaps: this.gaps,
      receipts: this.receipts,
      gossiper: new Gossiper({ acct, peers, directory, receivers, gaps: this.gaps, clock, log }),
      peers,
      directory,
      files,
      keyRing,
      clock,
      log,
      emit,
      show: (inserted, fills) => {
        for (const event of eventsOf(inserted, fills, this.names)) emit(event)
      },
      stored: () => this.sync.applyMarks(),
      broken,
    })
    const opener = new Opener({
      device,
      profile,
      link,
      clock,
      peers,
      directory,
      receivers,
      acceptance,
      keyRing,
    })
    this.states = new MessageStates({ messages, names: this.names, emit, clock, log, broken })
    this.outbox = await Outbox.open({
      acct,
      records: profile.store.records,
      link,
      clock,
      log,
      open: (item) => opener.open(item),
      gate: (item) => opener.gate(item),
      stale: (item, accounts) => {
        opener.stale(item, accounts)
      },
      changed: (item, state, code, reason) => {
        if (item.kind === 'rcpt' && state === 'accepted') this.receipts.settled(item)
        if (isContentKind(item.kind) || item.kind === 'req') {
          if (state === 'accepted') this.gone.accepted(item.mid)
          this.states.changed(item, state, code, reason)
        }
      },
      broken,
    })
  }
}
