// All groups of this profile with their signed states, in memory and in the sealed store. Decides nothing: what may be added
// is checked by group-book.ts and the chain.
import { GroupChain, type KnownGroupState } from '../../envelope/group-chain.ts'
import type { Records } from '../../storage/ports.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'
import { GroupCommit } from '../group-commit.ts'
import type { GroupStanding } from '../group-api.ts'
import { decodeGroup, encodeGroup, type Group, type StoredGroup } from './group.ts'
import { decodeState, encodeState, type KeptState, type StateNote } from './kept-state.ts'
import { localName } from './local-name.ts'

const KIND = 'group'
const STATE_KIND = 'gstate'
const PAGE = 500

interface Entry {
  readonly group: StoredGroup
  readonly chain: GroupChain
}

export class GroupTable {
  readonly #records: Records
  /** Whoever makes a group chooses its id: one that is the conversation of two people is no group (PROTOCOL 8). */
  readonly #isOfTwo: (conv: string) => boolean
  readonly #byConv = new Map<string, Entry>()
  /** How many groups have this name here: to look for a free one must not cost more the more groups there are. */
  readonly #called = new Map<string, number>()
  /** By H(b), hex. */
  readonly #notes = new Map<string, StateNote>()
  readonly #commit: GroupCommit<string>

  private constructor(records: Records, isOfTwo: (conv: string) => boolean) {
    this.#records = records
    this.#isOfTwo = isOfTwo
    this.#commit = new GroupCommit(async (convs) => {
      const items = [...new Set(convs)].map((conv) => ({
        id: conv,
        body: encodeGroup(this.#entry(conv).group),
        keys: { index: { all: 'yes' } },
      }))
      await records.putMany(KIND, items)
      return convs.map(() => undefined)
    })
  }

  static async open(records: Records, isOfTwo: (conv: string) => boolean): Promise<GroupTable> {
    const table = new GroupTable(records, isOfTwo)
    let after: string | null = null
    for (;;) {
      const page = await records.list(KIND, 'all', 'yes', after, PAGE)
      for (const { body } of page) await table.#load(decodeGroup(body))
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return table
      after = last.id
    }
  }

  all(): Group[] {
    return [...this.#byConv.values()].map(groupOf).filter(({ conv }) => !this.#isOfTwo(conv))
  }

  get(conv: string): Group | undefined {
    const entry = this.#byConv.get(conv)
    return entry === undefined || this.#isOfTwo(conv) ? undefined : groupOf(entry)
  }

  byName(name: string): Group | undefined {
    const folded = name.normalize('NFC').toLowerCase()
    return this.all().find((group) => group.name === folded)
  }

  /** Groups in which both we and this account are. */
  sharedWith(acct: Bytes): Group[] {
    return this.all().filter(
      ({ standing, state }) =>
        standing === 'member' && state.mem.some((member) => equal(member.acct, acct)),
    )
  }

  /** @throws E_NOT_FOUND */
  chain(conv: string): GroupChain {
    return this.#entry(conv).chain
  }

  note(h: Bytes): StateNote {
    return this.#notes.get(hex(h)) ?? {}
  }

  /** A group that is new here, or to which we come back: what was known of its states is no beginning any more. Durable. */
  async found(
    known: KnownGroupState,
    note: StateNote,
    as: Pick<Group, 'standing' | 'request' | 'readTo' | 'receiptedFrom'>,
  ): Promise<Group> {
    const conv = hex(known.state.conv)
    const before = this.#byConv.get(conv)
    const name = this.#freeName(known.state.name, conv)
    const group: StoredGroup = { receipted: new Map(), held: 0, ...as, conv, name }
    this.#put({ group, chain: new GroupChain([known]) })
    this.#notes.set(hex(known.h), note)
    // a group without a state does not open: the state first
    await this.#save([known])
    await this.#commit.add(conv)
    const old = before?.chain.all.filter(({ h }) => !equal(h, known.h)) ?? []
    await this.#forget(old)
    return this.get(conv) ?? fail('E_INTERNAL')
  }

  /** As GroupChain.add. Durable when it resolves. */
  async add(conv: string, known: KnownGroupState, note: StateNote, now: number): Promise<void> {
    const { chain } = this.#entry(conv)
    await this.#moved(conv, () => {
      chain.add(known, now)
      this.#notes.set(hex(known.h), note)
      return [known.h]
    })
  }

  /** As GroupChain.announced. */
  async announced(conv: string, h: Bytes, now: number): Promise<void> {
    const { chain } = this.#entry(conv)
    if (chain.find(h)?.quiet !== true) return
    await this.#moved(conv, () => {
      chain.announced(h, now)
      return [h]
    })
  }

  async setNote(conv: string, h: Bytes, note: StateNote): Promise<void> {
    this.#notes.set(hex(h), note)
    const known = this.chain(conv).find(h)
    if (known !== undefined) await this.#save([known])
  }

  /** In memory at once, so that the next reader sees it; resolves when it is durable. */
  async change(conv: string, change: (group: Group) => Group): Promise<Group> {
    const entry = this.#entry(conv)
    this.#put({ ...entry, group: storedOf(change(groupOf(entry))) })
    await this.#commit.add(conv)
    return this.get(conv) ?? fail('E_INTERNAL')
  }

  /** After a change of its state: where we stand, and what it is called here. */
  async settle(conv: string, standing: GroupStanding): Promise<Group> {
    const { state, name, standing: before } = this.get(conv) ?? fail('E_NOT_FOUND')
    const next = this.#freeName(state.name, conv)
    if (next === name && standing === before) return this.get(conv) ?? fail('E_NOT_FOUND')
    return this.change(conv, (group) => ({ ...group, name: next, standing }))
  }

  idle(): Promise<void> {
    return this.#commit.idle()
  }

  async #load(group: StoredGroup): Promise<void> {
    const states: KeptState[] = []
    let after: string | null = null
    for (;;) {
      const page = await this.#records.list(STATE_KIND, 'conv', group.conv, after, PAGE)
      states.push(...page.map(({ body }) => decodeState(body)))
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) break
      after = last.id
    }
    for (const { known, note } of states) this.#notes.set(hex(known.h), note)
    this.#put({ group, chain: new GroupChain(states.map(({ known }) => known)) })
  }

  /** Writes the states that `move` changed, and those that it replaced. */
  async #moved(conv: string, move: () => readonly Bytes[]): Promise<void> {
    const { chain } = this.#entry(conv)
    const before = chain.current.h
    const quiet = chain.all.filter((each) => each.quiet === true)
    const touched = move()
    const gone = chain.prune()
    const changed = [...touched, ...quiet.map(({ h }) => h), before, chain.current.h]
    const unique = new Map(changed.map((h) => [hex(h), h]))
    await this.#save([...unique.values()].flatMap((h) => chain.find(h) ?? []))
    await this.#forget(gone)
  }

  async #save(states: readonly KnownGroupState[]): Promise<void> {
    const items = states.map((known) => ({
      id: idOf(known),
      body: encodeState({ known, note: this.note(known.h) }),
      keys: { index: { conv: hex(known.state.conv) } },
    }))
    await this.#records.putMany(STATE_KIND, items)
  }

  async #forget(states: readonly KnownGroupState[]): Promise<void> {
    // newest first: what is left after a crash is one tree with one root
    for (const known of [...states].sort((p, q) => q.state.n - p.state.n)) {
      this.#notes.delete(hex(known.h))
      await this.#records.delete(STATE_KIND, idOf(known))
    }
  }

  #put(entry: Entry): void {
    const { conv, name } = entry.group
    const before = this.#byConv.get(conv)?.group.name
    this.#byConv.set(conv, entry)
    if (before === name) return
    this.#called.set(name, this.#countOf(name) + 1)
    if (before === undefined) return
    const left = this.#countOf(before) - 1
    if (left > 0) this.#called.set(before, left)
    else this.#called.delete(before)
  }

  #countOf(name: string): number {
    return this.#called.get(name) ?? 0
  }

  #freeName(name: string, conv: string): string {
    const own = this.#byConv.get(conv)?.group.name
    return localName(name, (candidate) => this.#countOf(candidate) > (candidate === own ? 1 : 0))
  }

  #entry(conv: string): Entry {
    return this.#byConv.get(conv) ?? fail('E_NOT_FOUND', 'There is no such group.')
  }
}

function groupOf({ group, chain }: Entry): Group {
  const { h, state } = chain.current
  return { ...group, h, state }
}

/** What the states say is not written twice. */
function storedOf(group: Group): StoredGroup {
  const { conv, name, standing, readTo, receiptedFrom, receipted, request, held } = group
  const stored = { conv, name, standing, readTo, receiptedFrom, receipted, held }
  return request === undefined ? stored : { ...stored, request }
}

function idOf({ state, h }: KnownGroupState): string {
  return `${hex(state.conv)}/${String(state.n).padStart(9, '0')}/${hex(h)}`
}
