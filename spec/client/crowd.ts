// Some people with some devices each, what is done to them, and what every device must hold in the end: the model behind
// convergence.spec.ts. Knows what was promised to whom; asks the clients for nothing but what a person sees.
import type { MessageView } from '../../lib/client/events.ts'
import type { Account, Device } from './fleet.ts'
import { type Target, TalkingFleet } from './talking-fleet.ts'
import { type Player, World } from './world.ts'

/** One text and what has to become of it. */
export interface Said {
  readonly text: string
  /** hex; empty while nobody has promised anything. */
  mid: string
  readonly chat: string
  readonly from: Device
  /** What its author saw in the conversation then. */
  readonly before: readonly string[]
  promised: boolean
  /** Devices that may lack it, and those that must not have it. */
  readonly excused: Set<Device>
  readonly barred: Set<Device>
  /** Devices that must not have it any more, by the one on which its chat was deleted. */
  readonly forgotten: Map<Device, Device>
  /** Every text it may show. */
  readonly versions: string[]
  /** A deletion was promised. */
  deleted: boolean
  /** Something about it may have reached some and not others. */
  loose: boolean
}

const CHATS: readonly Account[] = ['alice', 'bob', 'carol']

export function chatOf(one: Account, other: Account): string {
  return [one, other].sort().join('+')
}

/** So many are there from the beginning. */
const FIRST = 4

export class Crowd extends TalkingFleet<Said> {
  readonly said: Said[] = []
  /** Conversations in which somebody was blocked at some time: what is about messages may have got lost there. */
  readonly mixed = new Set<string>()
  /** Who was blocked by some device, and by whom, as long as none has taken it back. */
  readonly #blocked = new Set<string>()

  /** Alice with a password, bob with two devices, carol; everybody knows everybody. */
  static async gather(): Promise<Crowd> {
    const world = await World.create()
    const crowd = new Crowd(world)
    const players = await crowd.signUp('carol')
    const [alice, bob, second, carol] = [...players.values()] as [Player, Player, Player, Player]
    for (const [from, to] of [
      [alice, bob],
      [alice, carol],
      [bob, carol],
    ] as const) {
      await from.session.send(to.name, `hello from ${from.name}`)
      await world.passUntil(() => to.texts.includes(`hello from ${from.name}`))
      await to.session.send(from.name, `hello from ${to.name}`)
      await world.passUntil(() => from.texts.includes(`hello from ${to.name}`))
    }
    await world.passUntil(() => second.session.contacts().every(({ accepted }) => accepted))
    await world.pass(12_000, 1000)
    return crowd
  }

  /** Devices that should hold what is said in a conversation. */
  entitled(chat: string): Device[] {
    const accounts = chat.split('+') as Account[]
    return [...new Set(accounts)].flatMap((account) => this.of(account))
  }

  async rows(device: Device, chat: string): Promise<readonly MessageView[]> {
    return device.player.session.history(this.#nameOf(device, otherIn(chat, device.account)), {
      limit: 100_000,
    })
  }

  async say(device: Device, k: number): Promise<void> {
    const to = CHATS[k % CHATS.length] ?? 'alice'
    await this.sayTo(device, to)
  }

  async sayTo(device: Device, to: Account): Promise<void> {
    const chat = chatOf(device.account, to)
    const text = `${device.player.name} ${this.next()}`
    const before = (await this.rows(device, chat)).flatMap(textOf)
    const said: Said = {
      ...{ text, mid: '', chat, from: device, before, promised: false, versions: [text] },
      ...{
        excused: new Set(),
        barred: new Set(),
        forgotten: new Map(),
        deleted: false,
        loose: false,
      },
    }
    this.said.push(said)
    for (const other of to === device.account ? [] : this.of(to)) {
      const isBlocked = this.#blocks(other, device.account)
      if (isBlocked && this.isReached(other)) said.barred.add(other)
      // it may hear of the block before it gets the message
      else if (isBlocked || this.#blocked.has(`${to} ${device.account}`)) said.excused.add(other)
    }
    const sent = await this.attempt(device, () =>
      device.player.session.send(this.#nameOf(device, to), text),
    )
    if (sent === null) return
    said.promised = true
    said.mid = sent.mid
  }

  protected override shown(device: Device, k: number, own: boolean): Promise<Target<Said> | null> {
    const known = this.said.filter(
      ({ chat, from }) =>
        chat.split('+').includes(device.account) && (!own || from.account === device.account),
    )
    return this.among(known, k, ({ chat }) => this.rows(device, chat))
  }

  override async remove(device: Device, k: number): Promise<void> {
    const target = await this.shown(device, k, true)
    if (target === null) return
    const { said } = target
    const done = await this.change(device, said, () =>
      device.player.session.life.remove(target.number),
    )
    if (done) said.deleted = true
    // a message that had not left yet is taken back for good
    for (const other of this.entitled(said.chat)) said.excused.add(other)
  }

  protected override async change(
    device: Device,
    said: Said,
    work: () => Promise<unknown>,
  ): Promise<boolean> {
    const done = await this.attempt(device, work)
    // a change of which nobody knows whether it was queued
    if (done === null && device.state !== 'up') said.loose = true
    return done !== null
  }

  async read(device: Device, k: number): Promise<void> {
    const to = CHATS[k % CHATS.length] ?? 'alice'
    if (to === device.account) return
    await this.attempt(device, () => device.player.session.markRead(this.#nameOf(device, to)))
  }

  override async add(): Promise<Device | null> {
    const others = this.of('alice')
    const device = await super.add()
    if (device === null) return null
    // what reached none of the others is nowhere
    for (const said of this.said) {
      const isNowhere = others.every((each) => said.excused.has(each) || said.barred.has(each))
      // nor does the history bring back what somebody said after being blocked
      const { account: author } = said.from
      const isBlocked = author !== 'alice' && others.some((each) => this.#blocks(each, author))
      if (isNowhere || isBlocked) said.excused.add(device)
      const [by] = said.forgotten.values()
      if (by?.account === 'alice' && by.state !== 'gone') said.forgotten.set(device, by)
    }
    // the others hear of it; what leaves in that very moment comes by the history
    await this.world.pass(1000)
    return device
  }

  /** One of alice's devices, by another one. */
  override async revoke(device: Device, k: number): Promise<void> {
    const victim = await this.victimOf(device, k)
    if (victim === null) return
    const isCalm = this.isCalm() && !this.losses.hasLostOf(victim.dev)
    const held = new Map<Device, Set<string>>()
    for (const each of this.devices) if (each.state === 'up') held.set(each, await this.#held(each))
    if (!(await this.strike(device, victim)) || isCalm) return
    for (const said of this.said) {
      if (said.chat.split('+').includes('alice')) said.loose = true
      if (said.from !== victim) continue
      for (const each of this.devices) {
        if (held.get(each)?.has(said.text) !== true) said.excused.add(each)
      }
    }
  }

  async block(device: Device, k: number, blocked: boolean): Promise<void> {
    const others = CHATS.filter((account) => account !== device.account)
    const whom = others[k % others.length] ?? 'alice'
    if (this.#blocks(device, whom) === blocked) return
    const chat = chatOf(device.account, whom)
    this.mixed.add(chat)
    const pair = `${device.account} ${whom}`
    if (blocked) this.#blocked.add(pair)
    else this.#blocked.delete(pair)
    for (const other of this.of(device.account)) {
      const texts = other.state === 'up' ? await this.#held(other) : new Set<string>()
      for (const said of this.said) {
        if (said.chat !== chat || said.from.account !== whom) continue
        if (said.barred.has(other)) {
          // what is still on its way may come in after all
          if (!blocked && !this.isReached(other)) loosen(said, other)
          if (!blocked && !this.isReached(said.from)) loosen(said, other)
        } else if (!texts.has(said.text)) said.excused.add(other)
      }
    }
    const { session } = device.player
    const name = this.#nameOf(device, whom)
    await this.attempt(device, () => (blocked ? session.block(name) : session.unblock(name)))
    if (this.isCalm()) await this.world.pass(3000, 500)
  }

  /** The chat goes on all devices of the account: what this one had, and whatever else they had by then. */
  async forget(device: Device, k: number): Promise<void> {
    const other = CHATS[k % CHATS.length] ?? 'alice'
    const chat = chatOf(device.account, other)
    const name = this.#nameOf(device, other)
    const texts = await this.#held(device)
    const { length } = this.said
    const done = await this.attempt(device, async () => {
      await device.player.session.life.deleteChat(name)
      return true
    })
    for (const said of this.said.slice(0, length)) {
      if (said.chat !== chat) continue
      for (const each of this.of(device.account)) {
        said.excused.add(each)
        // what its author has not sent yet is sent, and stays there
        const isOwn = each !== device && each === said.from
        if (done === true && texts.has(said.text) && !isOwn) said.forgotten.set(each, device)
      }
      // it comes later, if its author was away, and nothing that came before it is left
      if (!texts.has(said.text)) said.loose = true
    }
    await this.world.pass(100)
  }

  /** Nothing that was lost on the way can have brought it back, and this device has heard of the deletion. */
  mustLack(device: Device, said: Said): boolean {
    const by = said.forgotten.get(device)
    if (by === undefined || this.mixed.has(said.chat)) return false
    return !this.isDisturbed(device, by) && !this.isDisturbed(device, said.from)
  }

  /** What this sender said may stand out of order there; whoever came later has it from others. */
  isDisturbed(device: Device, from: Device): boolean {
    const isLater = this.devices.indexOf(device) >= FIRST
    const sources = isLater ? this.devices : [device]
    return sources.some(({ player }) => this.losses.isDisturbed(player.name, from.dev))
  }

  async #held(device: Device): Promise<Set<string>> {
    const texts = new Set<string>()
    for (const account of CHATS) {
      const chat = chatOf(device.account, account)
      const mids = new Map(this.said.map((said) => [said.mid, said.text]))
      for (const { mid } of await this.rows(device, chat)) texts.add(mids.get(mid) ?? '')
    }
    return texts
  }

  #blocks(device: Device, whom: Account): boolean {
    if (device.state !== 'up') return true // perhaps
    return device.player.session.blocked().some(({ acct }) => this.accts.get(acct) === whom)
  }

  #nameOf(device: Device, account: Account): string {
    if (account === device.account) return device.player.session.me.user
    const contacts = device.player.session.contacts()
    const contact = contacts.find(({ acct }) => this.accts.get(acct) === account)
    if (contact === undefined) throw new Error(`${device.player.name} does not know ${account}`)
    return contact.user
  }
}

function loosen(said: Said, device: Device): void {
  said.barred.delete(device)
  said.excused.add(device)
}

function otherIn(chat: string, account: Account): Account {
  const [one, other] = chat.split('+') as [Account, Account]
  return one === account ? other : one
}

function textOf({ body }: MessageView): string[] {
  return body.kind === 'text' ? [body.text] : []
}
