// The parts of a session, and the little that needs several of them. build-core.ts makes them.
import type { RsaPrivateKey } from '../../crypto/rsa.ts'
import type { DeviceId } from '../../identity/conversation.ts'
import type { Username } from '../../protocol/names.ts'
import { type Bytes, equal } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { fail } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { Archive } from '../archive/archive.ts'
import type { KeyRing } from '../account/key-ring.ts'
import { checkNotOlder } from '../account/own-list.ts'
import type { Profile } from '../account/profile.ts'
import type { Direct } from '../direct/direct.ts'
import type { Emitter } from '../emitter.ts'
import type { GroupTable } from '../groups/group-table.ts'
import { userOf } from '../groups/group-info.ts'
import type { Group } from '../groups/group.ts'
import type { GroupBook } from '../groups/group-book.ts'
import type { GroupChanges } from '../groups/group-changes.ts'
import type { Parties } from '../groups/parties.ts'
import type { GroupInfo } from '../group-api.ts'
import type { IncomingFiles } from '../files/incoming.ts'
import type { FileAnswers } from '../files/answers.ts'
import type { Transfers } from '../files/transfers.ts'
import type { Gaps } from '../inbox/gaps.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { Receipts } from '../inbox/receipts.ts'
import type { Receivers } from '../inbox/receivers.ts'
import type { Link } from '../link.ts'
import type { GoneChats } from '../messages/gone-chats.ts'
import { answeredBy } from '../messages/answers.ts'
import type { RecordMessageLog } from '../messages/log.ts'
import type { MessageRow } from '../messages/row.ts'
import type { Expiry } from '../messages/expiry.ts'
import type { Names } from '../messages/view.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Acceptance } from '../people/acceptance.ts'
import type { Blocks } from '../people/blocks.ts'
import type { Chats } from '../people/chats.ts'
import type { ContactBook } from '../people/contact-book.ts'
import type { Directory } from '../people/directory.ts'
import type { Lookout } from '../people/lookout.ts'
import type { OwnSync } from '../people/own-sync.ts'
import type { Peer } from '../people/peer.ts'
import type { Peers } from '../people/peers.ts'
import type { Settings } from '../people/settings.ts'
import type { ClientDeps } from '../ports.ts'
import type { GroupParts } from './group-parts.ts'
import type { MessageStates } from './message-states.ts'
import { OwnAccount } from './own-account.ts'

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

  constructor({ deps, profile, link, emitter, broken }: CoreOptions) {
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
}
