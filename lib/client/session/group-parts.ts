// The parts of a session that groups need, tied to the others (PROTOCOL 8).
import { parseGroupState } from '../../envelope/group-state.ts'
import { decodePayload, type Payload } from '../../protocol/payloads.ts'
import { codeOf, type ErrorCode } from '../../util/errors.ts'
import { type Bytes, equal } from '../../util/bytes.ts'
import type { ClientEvent } from '../events.ts'
import type { GroupChange, GroupInfo } from '../group-api.ts'
import { type Group, PENDING_ITEMS } from '../groups/group.ts'
import { GroupBook } from '../groups/group-book.ts'
import { GroupChanges } from '../groups/group-changes.ts'
import { infoOf } from '../groups/group-info.ts'
import { payloadOf } from '../groups/state-row.ts'
import { changesOf } from '../groups/steps.ts'
import type { MessageRow } from '../messages/row.ts'
import { eventsOf } from '../messages/telling.ts'
import { reveal, type Revealing } from './reveal.ts'
import type { MessageStates } from './message-states.ts'
import type { GroupTable } from '../groups/group-table.ts'
import type { Receipts } from '../inbox/receipts.ts'
import type { Chats } from '../people/chats.ts'
import type { Directory } from '../people/directory.ts'
import type { Peers } from '../people/peers.ts'
import type { Link } from '../link.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { DeviceId } from '../../identity/conversation.ts'
import type { RsaPrivateKey } from '../../crypto/rsa.ts'

/** What they need of the session; some of it is built later. */
export interface GroupHolder extends Revealing {
  readonly device: DeviceId
  readonly dsk: RsaPrivateKey
  readonly clock: Clock
  readonly log: Log
  readonly link: Link
  readonly peers: Peers
  readonly groups: GroupTable
  readonly chats: Chats
  readonly directory: Directory
  readonly outbox: Outbox
  readonly receipts: Receipts
  readonly states: MessageStates
  readonly transfers: { nextNumber(): number }
  readonly broken: (error: unknown) => void
}

export class GroupParts {
  readonly book: GroupBook
  readonly changes: GroupChanges
  readonly #core: GroupHolder
  /** Accepted, and what was kept unseen is not shown yet: some of it may be on its way into the store. */
  readonly #accepted = new Set<string>()

  constructor(core: GroupHolder) {
    this.#core = core
    const { device, groups, peers, directory, clock, log } = core
    const me = device.acct
    const outbox = (): Outbox => core.outbox
    this.book = new GroupBook({
      ...{ me, groups, peers, directory, outbox, clock, log },
      nextNumber: () => core.transfers.nextNumber(),
      moved: (conv) => {
        this.changes.moved(conv)
        void this.#meetMembers(conv)
      },
      warn: this.warn,
    })
    this.changes = new GroupChanges({
      ...{ device, dsk: core.dsk, groups, peers, directory, outbox, clock, log },
      book: this.book,
      lastSaid: (conv) => core.messages.lastSaid(conv),
      write: (row) => this.#write(row),
      broken: core.broken,
    })
  }

  info(group: Group): GroupInfo {
    const { peers, device, chats } = this.#core
    return infoOf(group, { peers, me: device.acct, number: chats.of(group.conv).number })
  }

  /** What every stream of a group begins with now. */
  opening = (conv: string): Payload | null => {
    const { groups } = this.#core
    return groups.get(conv) === undefined ? null : payloadOf(groups.chain(conv).current)
  }

  /** What a stored row says about a group, for the front end. */
  eventOf(row: MessageRow): ClientEvent | null {
    const { groups, names, device } = this.#core
    const group = groups.get(row.conv)
    if (row.steps === undefined || row.aside !== undefined || group === undefined) return null
    const changes = changesOf(row.steps, names.user)
    // of a pending group only that it is there, whatever else came with that
    const isInvitation = group.standing === 'pending' && brings(changes, names.user(device.acct))
    if (row.withheld === true && !isInvitation) return null
    return {
      ...{ type: 'group', group: this.info(group), changes },
      ...{ by: names.user(row.acct), own: row.own },
    }
  }

  /** Shown at the end of the batch: rows of this very group may be on their way. */
  accepted = async (conv: string): Promise<void> => {
    await this.book.accept(conv)
    this.#accepted.add(conv)
  }

  /** By a person here. */
  async join(conv: string): Promise<void> {
    await this.accepted(conv)
    await this.stored()
  }

  /** The rows of a batch are stored. */
  async stored(): Promise<void> {
    await this.book.told()
    await this.#showAccepted()
  }

  async #showAccepted(): Promise<void> {
    const { receipts, groups, emitter, names, device } = this.#core
    for (const conv of [...this.#accepted]) {
      this.#accepted.delete(conv)
      const group = groups.get(conv)
      if (group === undefined) continue
      const changes = [{ what: 'added', users: [names.user(device.acct)] }] as const
      const by = names.user(group.state.by.acct)
      emitter.emit({ type: 'group', group: this.info(group), changes, by, own: false })
      await reveal(this.#core, conv, 2 * PENDING_ITEMS)
      await receipts.accepted(conv)
    }
  }

  /** Rows of our own history: another device of ours has believed what they say. */
  async regained(rows: readonly MessageRow[], upTo: number): Promise<void> {
    // the last version of each, where its first one was: an invitation may have been accepted since
    for (const row of new Map(rows.map((each) => [each.key, each])).values()) {
      if (row.steps === undefined || row.payload.length === 0) continue
      // a change of our own that has not left, or that gave way
      if (row.own && (row.state === undefined || row.state === 'failed')) continue
      const payload = decodePayload(row.payload)
      if (payload.k !== 'group') continue
      try {
        const invited = row.withheld === true ? row.at : null
        const isAnswered = await this.book.restored(parseGroupState(payload), invited, upTo)
        if (isAnswered) await this.accepted(row.conv)
      } catch (error) {
        if (codeOf(error) !== 'E_FORMAT' && codeOf(error) !== 'E_BINDING') throw error
      }
    }
    await this.#showAccepted()
  }

  /** Loud: only somebody who cheats does that. */
  warn = (code: ErrorCode, conv: string, acct: Bytes): void => {
    const { log, emitter, names } = this.#core
    log.warn('client.group.refused', { code })
    const user = names.user(acct)
    const what =
      code === 'E_NOT_ADMIN'
        ? `@${user}, who is no admin there, tried to change the group`
        : `a message from @${user} was dropped: it was also addressed to somebody who is not a member`
    const text = `${names.chat(conv)}: ${what} (${code}).`
    emitter.emit({ type: 'notice', level: 'alarm', code, text, user })
  }

  /** Their names and devices are wanted from now on, of a pending group the name of who brought it; who cannot be met now is later. */
  async #meetMembers(conv: string): Promise<void> {
    const { groups, peers, directory, link } = this.#core
    const group = groups.get(conv)
    if (group === undefined || !link.online) return
    const { standing, state, request } = group
    const invited = standing === 'pending' && request !== undefined ? [request.acct] : []
    for (const acct of standing === 'member' ? state.mem.map((each) => each.acct) : invited) {
      if (peers.get(acct) === undefined) await directory.meetAccount(acct).catch(() => undefined)
    }
  }

  async #write(row: Omit<MessageRow, 'number'>): Promise<void> {
    const { messages, states, emitter, names, device } = this.#core
    const inserted = await messages.insert(row)
    if (!inserted.fresh) return
    if (equal(row.acct, device.acct)) states.queued(inserted.row)
    for (const event of eventsOf(inserted, false, names)) emitter.emit(event)
    const event = this.eventOf(inserted.row)
    if (event !== null) emitter.emit(event)
  }
}

/** The first that somebody hears of a group. */
function brings(changes: readonly GroupChange[], me: string): boolean {
  return changes.some(
    (change) => change.what === 'created' || (change.what === 'added' && change.users.includes(me)),
  )
}
