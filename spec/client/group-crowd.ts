// Some people with some devices each in one group, what they do there, and who must, may and must not have it in the end: the
// model behind group-convergence.spec.ts. What counts is what each device itself believed about the group at each moment.
import type { MessageView } from '../../lib/client/events.ts'
import type { GroupInfo } from '../../lib/client/group-api.ts'
import type { Account, Device } from './fleet.ts'
import { befriend } from './group-kit.ts'
import { type Target, TalkingFleet } from './talking-fleet.ts'
import { type Player, World } from './world.ts'

/** Something that one device tells the group. */
export interface Deed {
  readonly from: Device
  /** Accounts that were not in the group for somebody while it was on its way: they may have it. */
  readonly excused: Set<Account>
  /** Accounts that were not in the group for its author: they must not have it. */
  readonly barred: Set<Account>
  promised: boolean
  /** It has left its author. */
  isSent: boolean
  /** Not everybody has it. */
  isOpen: boolean
  /** Its author was out of the group for somebody, or has died over it: anybody may lack it. */
  isLoose: boolean
}

export interface Said extends Deed {
  readonly text: string
  /** hex; empty while nobody has promised anything. */
  mid: string
  /** Every text it may show. */
  readonly versions: string[]
  /** A deletion was promised. */
  isDeleted: boolean
  readonly changes: Deed[]
}

/** From when until when a device knew, by the index in `world.heard`, that an account was out. */
interface Absence {
  readonly device: Device
  readonly account: Account
  readonly from: number
  to: number
}

const PEOPLE: readonly Account[] = ['alice', 'bob', 'carol', 'dave']

export class GroupCrowd extends TalkingFleet<Said> {
  readonly said: Said[] = []
  readonly absences: Absence[] = []
  /** Of these some placeholder may wait for ever: they were out of the group at some time. */
  readonly everOut = new Set<Account>()
  /** hex */
  conv = ''
  readonly #absent = new Map<string, Absence>()

  /** Alice with a password, bob with two devices, carol, and dave who is not in the group; everybody knows everybody. */
  static async gather(): Promise<GroupCrowd> {
    const world = await World.create()
    const crowd = new GroupCrowd(world)
    const players = await crowd.signUp('carol', 'dave')
    const people = PEOPLE.flatMap((name) => players.get(name) ?? [])
    const [alice] = people as [Player]
    for (const [i, one] of people.entries()) {
      for (const other of people.slice(i + 1)) await befriend(one, other)
    }
    const known = (player: Player | undefined): number =>
      player?.session.contacts().filter(({ accepted }) => accepted).length ?? 0
    await world.passUntil(() => known(players.get('bob-9')) >= 3)
    const { conv } = await alice.session.groups.create('weekend', ['bob', 'carol'])
    crowd.conv = conv
    await world.passUntil(() =>
      crowd.devices.every((device) => device.account === 'dave' || crowd.group(device) !== null),
    )
    await alice.session.groups.admin('#weekend', 'bob', true)
    await world.passUntil(() => crowd.devices.every((each) => (crowd.group(each)?.n ?? 2) === 2))
    await world.pass(12_000, 1000)
    crowd.observe()
    return crowd
  }

  /** What a device believes; null while it has not heard of the group. */
  group({ player }: Device): GroupInfo | null {
    return player.session.groups.list()[0] ?? null
  }

  /** Of a device that believes to be in the group. */
  #inside(device: Device): GroupInfo | null {
    const group = this.group(device)
    return group?.standing === 'member' ? group : null
  }

  /** For whoever reads how it came to a failure: what this device believes just now. */
  override note(device: Device, what: string): void {
    const group = device.state === 'up' ? this.group(device) : null
    const { n = 0, standing = 'none', members = [] } = group ?? {}
    const people = members.map(({ user, admin }) => `${user}${admin ? '*' : ''}`).join(' ')
    const at = this.world.heard.length
    this.log.push(`${at} ${device.player.name} ${what} | ${n} ${standing} ${people}`)
  }

  membersIn({ members }: GroupInfo): Account[] {
    return members.flatMap(({ acct }) => this.accts.get(acct) ?? [])
  }

  /** Accounts that are out of the group as far as this device knows. */
  #outFor(device: Device): Account[] {
    const group = this.group(device)
    if (group === null) return device.account === 'dave' ? ['dave'] : []
    if (group.standing !== 'member') return [device.account]
    const inside = this.membersIn(group)
    return PEOPLE.filter((account) => !inside.includes(account))
  }

  isEverOut(acct: string): boolean {
    const account = this.accts.get(acct)
    return account === undefined || this.everOut.has(account)
  }

  async rows(device: Device): Promise<readonly MessageView[]> {
    const group = this.group(device)
    if (group === null) return []
    return device.player.session.history(group.chat, { limit: 100_000 })
  }

  /** What somebody who is out wanted to say waits for his return. */
  override isIdle(device: Device): boolean {
    const { queued, held } = device.player.session.status()
    return this.#inside(device) === null ? queued === held : queued === 0
  }

  #deed(from: Device): Deed {
    const barred = new Set(this.#outFor(from))
    barred.delete(from.account)
    const deed = {
      ...{ from, excused: new Set<Account>(), barred, promised: false },
      ...{ isSent: false, isOpen: true, isLoose: false },
    }
    this.#loosen(deed, this.#allOut())
    return deed
  }

  #allOut(): Set<Account> {
    const up = this.devices.filter(({ state }) => state === 'up')
    return new Set(up.flatMap((device) => this.#outFor(device)))
  }

  #loosen(deed: Deed, out: ReadonlySet<Account>): void {
    for (const account of out) {
      if (account === deed.from.account) deed.isLoose = true
      if (!deed.barred.has(account)) deed.excused.add(account)
    }
  }

  async say(device: Device): Promise<void> {
    const group = this.#inside(device)
    if (group === null) return
    const text = `${device.player.name} ${this.next()}`
    const said: Said = {
      ...{ ...this.#deed(device), text, mid: '', versions: [text] },
      ...{ isDeleted: false, changes: [] },
    }
    this.said.push(said)
    this.log.push(text)
    const sent = await this.attempt(device, () => device.player.session.send(group.chat, text))
    if (sent === null) return
    said.promised = true
    said.mid = sent.mid
  }

  /** By its author, or by an admin. */
  override async remove(device: Device, k: number): Promise<void> {
    const isAdmin = this.#inside(device)?.admin === true
    const target = await this.shown(device, k, !isAdmin)
    if (target === null) return
    const { said } = target
    const change = await this.change(device, said, () =>
      device.player.session.life.remove(target.number),
    )
    if (change.promised) said.isDeleted = true
    // a message that had not left yet is taken back for good; and whether somebody is an admin is judged by each receiver
    if (said.isOpen) said.isLoose = true
    if (said.from.account !== device.account && !this.#isAdminForAll(device.account)) {
      change.isLoose = true
    }
  }

  /** The group's affairs. `k` chooses whom or what. */
  async decide(
    device: Device,
    what: 'invite' | 'kick' | 'leave' | 'promote' | 'demote' | 'topic' | 'name',
    k: number,
  ): Promise<void> {
    const group = this.#inside(device)
    if (group === null) return
    const { groups } = device.player.session
    const { chat } = group
    const inside = this.membersIn(group)
    const any = group.members[k % group.members.length]?.user ?? ''
    const others = group.members.filter(({ me }) => !me)
    const other = others[k % Math.max(1, others.length)]?.user
    const strangers = this.#strangers(device, inside).slice(0, 1 + (k % 2))
    if (what === 'invite' && strangers.length === 0) return
    if (what === 'kick' && other === undefined) return
    await this.attempt(device, () => {
      switch (what) {
        case 'invite':
          return groups.invite(chat, strangers)
        case 'kick':
          return groups.kick(chat, other ?? '')
        case 'leave':
          return groups.leave(chat)
        case 'promote':
        case 'demote':
          return groups.admin(chat, any, what === 'promote')
        case 'topic':
          return groups.topic(chat, `topic ${this.next()}`)
        case 'name':
          return groups.rename(chat, `group-${this.next()}`)
      }
    })
  }

  override async add(): Promise<Device | null> {
    const before = this.of('alice')
    const device = await super.add()
    // what reached none of the others is nowhere
    if (device !== null && before.length === 0) this.#excuseAll('alice')
    return device
  }

  /** One of alice's devices, by another one. */
  override async revoke(device: Device, k: number): Promise<void> {
    const victim = await this.victimOf(device, k)
    if (victim === null) return
    await this.settle()
    if (!(await this.strike(device, victim))) return
    // what it had said is believed by those who got it before, and what only it had got is gone
    for (const deed of this.#open()) if (deed.from === victim) deed.isLoose = true
    this.#excuseAll('alice')
  }

  #excuseAll(account: Account): void {
    for (const deed of this.#open()) deed.excused.add(account)
  }

  #open(): Deed[] {
    return this.said.flatMap((said) => [said, ...said.changes]).filter(({ isOpen }) => isOpen)
  }

  /** What everybody believes by now. */
  override observe(): void {
    super.observe()
    const out = this.#allOut()
    for (const account of out) this.everOut.add(account)
    for (const device of this.devices) if (device.state === 'up') this.#watch(device)
    for (const deed of this.#open()) {
      const { from } = deed
      if (!deed.isSent && from.state === 'up') {
        const now = this.#outFor(from)
        for (const account of [...deed.barred]) {
          if (now.includes(account)) continue
          // it is in again, and what had not left goes to it as well
          deed.barred.delete(account)
          deed.excused.add(account)
        }
        deed.isSent = from.player.session.status().queued === 0
      }
      this.#loosen(deed, out)
    }
  }

  /** What everybody has got who must: whoever is removed from now on has it all the same. */
  override async settle(): Promise<void> {
    if (!this.isCalm()) return
    const texts = new Map<Device, Set<string>>()
    for (const device of this.devices) {
      if (device.state === 'up') {
        texts.set(device, new Set((await this.rows(device)).map(({ mid }) => mid)))
      }
    }
    for (const said of this.said) {
      const isThere = [...texts].every(
        ([device, mids]) =>
          said.excused.has(device.account) || said.barred.has(device.account) || mids.has(said.mid),
      )
      if (isThere && said.isSent) said.isOpen = false
      if (this.losses.everLost) continue
      for (const change of said.changes) if (change.isSent) change.isOpen = false
    }
  }

  #watch(device: Device): void {
    const at = this.world.heard.length
    const out = this.#inside(device) === null ? [] : this.#outFor(device)
    for (const account of PEOPLE) {
      const key = `${device.player.name}/${account}`
      const absence = this.#absent.get(key)
      if (!out.includes(account)) this.#absent.delete(key)
      else if (absence !== undefined) absence.to = at
      else {
        const fresh = { device, account, from: at, to: at }
        this.#absent.set(key, fresh)
        this.absences.push(fresh)
      }
    }
  }

  #isAdminForAll(account: Account): boolean {
    return this.devices.every((device) => {
      if (device.state === 'gone') return true
      if (device.state === 'down') return false
      const group = this.#inside(device)
      return (
        group === null ||
        group.members.some(({ acct, admin }) => admin && this.accts.get(acct) === account)
      )
    })
  }

  #strangers({ player }: Device, inside: readonly Account[]): string[] {
    return player.session.contacts().flatMap(({ acct, user }) => {
      const account = this.accts.get(acct)
      return account === undefined || inside.includes(account) ? [] : [user]
    })
  }

  protected override shown(device: Device, k: number, own: boolean): Promise<Target<Said> | null> {
    if (this.#inside(device) === null) return Promise.resolve(null)
    const known = this.said.filter(({ from }) => !own || from.account === device.account)
    return this.among(known, k, () => this.rows(device))
  }

  protected override async change(
    device: Device,
    said: Said,
    work: () => Promise<unknown>,
  ): Promise<Deed> {
    const change = this.#deed(device)
    said.changes.push(change)
    const done = await this.attempt(device, work)
    change.promised = done !== null
    // nobody knows whether it was queued
    if (done === null) change.isLoose = true
    return change
  }
}
