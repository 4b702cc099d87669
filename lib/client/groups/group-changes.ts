// Changes of groups that are made on this device: signed, safe in the store, announced to everybody whom they concern, and
// made again when somebody else's state won (PROTOCOL 8). One after the other in each group.
import { randomBytes } from '../../crypto/random.ts'
import type { RsaPrivateKey } from '../../crypto/rsa.ts'
import {
  type GroupState,
  isAdmin,
  memberOf,
  type SeenGroupState,
  signGroupState,
} from '../../envelope/group-state.ts'
import { type DeviceId, messageId } from '../../identity/conversation.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { codeOf, fail } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { ClientEvent } from '../events.ts'
import type { MessageRow } from '../messages/row.ts'
import { nextTime } from '../messages/timing.ts'
import type { OutItem } from '../outbox/item.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { Directory } from '../people/directory.ts'
import type { Peers } from '../people/peers.ts'
import { without } from '../without.ts'
import { type Change, changed, type Content } from './change.ts'
import type { Group } from './group.ts'
import type { GroupBook } from './group-book.ts'
import type { GroupTable } from './group-table.ts'
import { payloadOf } from './state-row.ts'

export interface GroupChangesDeps {
  readonly device: DeviceId
  readonly dsk: RsaPrivateKey
  readonly groups: GroupTable
  readonly book: GroupBook
  readonly peers: Peers
  readonly directory: Directory
  readonly outbox: () => Outbox
  readonly clock: Clock
  readonly log: Log
  /** See MessageLog. */
  readonly lastSaid: (conv: string) => Promise<number>
  /** Stores a line of our own and tells it. */
  readonly write: (row: Omit<MessageRow, 'number'>) => Promise<void>
  readonly broken: (error: unknown) => void
}

export class GroupChanges {
  readonly #deps: GroupChangesDeps
  readonly #turns = new Map<string, Promise<unknown>>()
  #stopped = false

  constructor(deps: GroupChangesDeps) {
    this.#deps = deps
  }

  async create(name: string, accts: readonly Bytes[]): Promise<Group> {
    const { device, groups } = this.#deps
    const conv = randomBytes(16)
    const { acct } = device
    const mem = [
      { acct, admin: true },
      ...accts.map((each) => ({ acct: each, admin: false })),
    ].sort((p, q) => Buffer.compare(p.acct, q.acct))
    const seen = await this.#sign({ conv, n: 1, prev: Buffer.alloc(32) }, { name, topic: '', mem })
    await groups.found({ ...seen, quiet: true }, { untold: true }, NEW)
    await this.#announce(seen, undefined)
    return groups.get(hex(conv)) ?? fail('E_INTERNAL')
  }

  /** Null: it would change nothing, or is not for us to decide. */
  make(conv: string, change: Change): Promise<Group | null> {
    return this.#inTurn(conv, () => this.#make(conv, change))
  }

  /** The current state may be another one: makes up for what it costs us. */
  moved(conv: string): void {
    if (this.#stopped) return
    this.#inTurn(conv, () => this.#makeUp(conv)).catch((error: unknown) => {
      this.#deps.log.warn('client.group', { code: codeOf(error) })
      if (codeOf(error) === 'E_STORE' && !this.#stopped) this.#deps.broken(error)
    })
  }

  /** What a crash kept from being told. */
  async repair(): Promise<void> {
    const { groups, outbox } = this.#deps
    const open = new Set(outbox().open.flatMap((each) => (isWhole(each) ? each.mid : [])))
    for (const { conv } of groups.all()) {
      for (const known of groups.chain(conv).line()) {
        if (known.quiet !== true || open.has(this.#midOf(known))) continue
        await this.#announce(known, groups.chain(conv).find(known.state.prev)?.state)
      }
      await this.#tell(conv)
      await this.#deps.book.settle(conv)
    }
  }

  /** The server has this item. */
  async accepted(item: OutItem): Promise<void> {
    const { groups, clock } = this.#deps
    if (item.kind !== 'group' || !isWhole(item) || groups.get(item.conv) === undefined) return
    const known = groups
      .chain(item.conv)
      .all.find((each) => each.quiet === true && this.#midOf(each) === item.mid)
    if (known === undefined) return
    if (groups.get(item.conv)?.standing === 'removed') return
    await groups.announced(item.conv, known.h, clock.now())
    this.moved(item.conv)
  }

  /** Nobody is to be told of this any more. */
  async drop({ conv, mid }: OutItem): Promise<void> {
    const { outbox } = this.#deps
    while (await outbox().cancel(mid));
    outbox().release(conv)
  }

  /** A device of somebody was removed: what it signed cannot be checked by newcomers any more. */
  heard(event: ClientEvent): void {
    if (event.type !== 'contact' || event.change !== 'removed-device') return
    for (const { conv, state } of this.#deps.groups.all()) {
      if (hex(state.by.acct) === event.contact.acct) this.moved(conv)
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all([...this.#turns.values()])
  }

  async idle(): Promise<void> {
    while (this.#turns.size > 0) await Promise.all([...this.#turns.values()])
  }

  async #make(conv: string, change: Change): Promise<Group | null> {
    const { device, groups, clock } = this.#deps
    const { state, h } = groups.get(conv) ?? fail('E_NOT_FOUND')
    const content = changed(state, change, device.acct)
    if (content === null) return null
    const seen = await this.#sign({ conv: state.conv, n: state.n + 1, prev: h }, content)
    const note = { untold: true, change } as const
    await groups.add(conv, { ...seen, quiet: true }, note, clock.now())
    if (memberOf(seen.state, device.acct) === undefined) {
      await groups.change(conv, (g) => ({ ...without(g, 'request'), standing: 'left' }))
    } else await groups.settle(conv, groups.get(conv)?.standing ?? 'member')
    await this.#announce(seen, state)
    return groups.get(conv) ?? null
  }

  async #makeUp(conv: string): Promise<void> {
    const { groups, outbox, device } = this.#deps
    const chain = groups.chain(conv)
    for (const known of chain.all) {
      const { change } = groups.note(known.h)
      if (change === undefined || chain.isInLine(known.h)) continue
      // what tells those who were to be removed has the same id
      while (await outbox().cancel(this.#midOf(known)));
      if (memberOf(chain.current.state, device.acct) !== undefined) await this.#make(conv, change)
      await groups.setNote(conv, known.h, without(groups.note(known.h), 'change'))
    }
    if (this.#isSignedByNobody(conv)) await this.#make(conv, { what: 'sign' })
    outbox().release(conv)
  }

  /** The device that signed the current state is not one of its account's any more, and we may sign. */
  #isSignedByNobody(conv: string): boolean {
    const { groups, peers, directory, device } = this.#deps
    const { state } = groups.chain(conv).current
    const peer = peers.get(state.by.acct)
    if (peer === undefined || !isAdmin(state, device.acct)) return false
    return directory.listOf(peer).gone.some(([id]) => equal(id, state.by.dev))
  }

  async #sign(
    place: Pick<GroupState, 'conv' | 'n' | 'prev'>,
    content: Content,
  ): Promise<SeenGroupState> {
    const { device, dsk, clock, lastSaid } = this.#deps
    const by = { acct: device.acct, dev: device.dev }
    const ts = nextTime(clock.now(), await lastSaid(hex(place.conv)))
    return signGroupState(dsk, { ...place, ...content, by, ts })
  }

  /** To everybody in it, and to those who are not in it any more. */
  async #announce(seen: SeenGroupState, before: GroupState | undefined): Promise<void> {
    const { outbox, device } = this.#deps
    const conv = hex(seen.state.conv)
    const payload = payloadOf(seen)
    await outbox().add(payload, { conv }, () => this.#tell(conv))
    for (const { acct } of before?.mem ?? []) {
      const isOut = memberOf(seen.state, acct) === undefined && !equal(acct, device.acct)
      if (isOut) await outbox().add(payload, { conv, acct })
    }
  }

  async #tell(conv: string): Promise<void> {
    const { book, write, device } = this.#deps
    for (const row of book.untold(conv)) {
      await write(equal(row.acct, device.acct) ? { ...row, state: 'queued' } : row)
    }
    await book.told()
  }

  #midOf({ state, h }: SeenGroupState): string {
    return hex(messageId(state.conv, state.by.acct, h.subarray(0, 16)))
  }

  async #inTurn<T>(conv: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(conv) ?? Promise.resolve()
    const turn = before.then(work)
    const settled = turn
      .catch(() => undefined)
      .then(() => {
        if (this.#turns.get(conv) === settled) this.#turns.delete(conv)
      })
    this.#turns.set(conv, settled)
    return turn
  }
}

const NEW = { standing: 'member', readTo: 0, receiptedFrom: 0 } as const

function isWhole({ acct }: OutItem): boolean {
  return acct === undefined
}
