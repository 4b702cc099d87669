// Some people with some devices each, what is done to them, and what every device must hold in the end: the model behind
// convergence.spec.ts. Knows what was promised to whom; asks the clients for nothing but what a person sees.
import type { MessageView } from '../../lib/client/events.ts'
import { parseUsername } from '../../lib/protocol/names.ts'
import { SecureChatError } from '../../lib/util/errors.ts'
import { PASSWORD, signUp } from './account-kit.ts'
import { Losses } from './losses.ts'
import { type Player, World } from './world.ts'

export type Account = 'alice' | 'bob' | 'carol'

export interface Device {
  readonly player: Player
  readonly account: Account
  /** hex */
  readonly dev: string
  /** 'gone': revoked. */
  state: 'up' | 'down' | 'gone'
  /** Came when all others had said and stored everything: all of its lines are in order. */
  readonly isOrderly: boolean
}

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
  /** Every text it may show. */
  readonly versions: string[]
  /** A deletion was promised. */
  deleted: boolean
  /** Something about it may have reached some and not others. */
  loose: boolean
}

/** What may go wrong in an operation without anything being wrong. */
const EXPECTED: ReadonlySet<string> = new Set([
  ...['E_BLOCKED', 'E_STATE', 'E_CLOSED', 'E_CONNECT', 'E_TIMEOUT', 'E_STORE', 'E_NOT_FOUND'],
  ...['E_RATE', 'E_LOCKED', 'E_TOO_BIG', 'E_USAGE'],
])

export const SMILES = ['👍', '❤'] as const
const CHATS: readonly Account[] = ['alice', 'bob', 'carol']

export function chatOf(one: Account, other: Account): string {
  return [one, other].sort().join('+')
}

/** So many are there from the beginning. */
const FIRST = 4

export class Crowd {
  readonly world: World
  readonly devices: Device[] = []
  readonly said: Said[] = []
  readonly losses: Losses
  /** Conversations in which somebody was blocked at some time: what is about messages may have got lost there. */
  readonly mixed = new Set<string>()
  /** Removed devices by the index in `world.heard` from which each sender knows of the removal. */
  readonly removals: { readonly dev: string; readonly known: Map<Device, number> }[] = []
  readonly log: string[] = []
  readonly #accts = new Map<Account, string>()
  readonly #away = new Set<string>()
  #count = 0
  #isRenamed = false

  private constructor(world: World) {
    this.world = world
    this.losses = new Losses(world)
    const dial = world.dial.bind(world)
    world.dial = (name) =>
      this.#away.has(name)
        ? Promise.reject(new SecureChatError('E_CONNECT', 'There is no network.'))
        : dial(name)
  }

  /** Alice with a password, bob with two devices, carol; everybody knows everybody. */
  static async gather(): Promise<Crowd> {
    const world = await World.create()
    const crowd = new Crowd(world)
    const { player: alice } = await signUp(world, 'alice', 0)
    const bob = await world.prepare('bob', 1, { others: [9] })
    await bob.start()
    const second = await world.otherDevice(bob, 9)
    await second.start()
    const carol = await world.join('carol', 2)
    const all = [alice, bob, second, carol] as const
    for (const player of all) {
      const account = player === second ? 'bob' : (player.name as Account)
      crowd.#accts.set(account, player.session.me.acct)
      const { dev } = player.session.me
      crowd.devices.push({ player, account, dev, state: 'up', isOrderly: true })
    }
    for (const [from, to] of [
      [alice, 'bob'],
      [alice, 'carol'],
      [bob, 'carol'],
    ] as const) {
      const peer = to === 'bob' ? bob : carol
      await from.session.send(to, `hello from ${from.name}`)
      await world.passUntil(() => peer.texts.includes(`hello from ${from.name}`))
      await peer.session.send(from.name, `hello from ${to}`)
      await world.passUntil(() => from.texts.includes(`hello from ${to}`))
    }
    await world.passUntil(() => second.session.contacts().every(({ accepted }) => accepted))
    await world.pass(12_000, 1000)
    return crowd
  }

  up(k: number): Device | null {
    return pick(
      this.devices.filter(({ state }) => state === 'up'),
      k,
    )
  }

  down(k: number): Device | null {
    return pick(
      this.devices.filter(({ state }) => state === 'down'),
      k,
    )
  }

  of(account: Account): Device[] {
    return this.devices.filter((device) => device.account === account && device.state !== 'gone')
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
    const text = `${device.player.name} ${++this.#count}`
    const before = (await this.rows(device, chat)).flatMap(textOf)
    const said: Said = {
      ...{ text, mid: '', chat, from: device, before, promised: false, versions: [text] },
      ...{ excused: new Set(), barred: new Set(), deleted: false, loose: false },
    }
    this.said.push(said)
    for (const other of this.of(to)) {
      if (other.account !== device.account && this.#blocks(other, device.account)) {
        if (this.#isReached(other)) said.barred.add(other)
        else said.excused.add(other)
      }
    }
    const sent = await this.attempt(device, () =>
      device.player.session.send(this.#nameOf(device, to), text),
    )
    if (sent === null) return
    said.promised = true
    said.mid = sent.mid
  }

  /** Something of this account's own that the device still shows. */
  async #mine(device: Device, k: number): Promise<{ said: Said; number: number } | null> {
    return this.#shown(device, k, true)
  }

  async #shown(
    device: Device,
    k: number,
    own: boolean,
  ): Promise<{ said: Said; number: number } | null> {
    const known = this.said.filter(
      ({ chat, from }) =>
        chat.split('+').includes(device.account) && (!own || from.account === device.account),
    )
    // the youngest are the most interesting
    const said = known.at(-1 - (k % Math.min(6, Math.max(1, known.length))))
    if (said === undefined) return null
    const row = (await this.rows(device, said.chat)).find(({ mid, body }) =>
      said.mid === '' ? false : mid === said.mid && body.kind === 'text',
    )
    return row === undefined ? null : { said, number: row.number }
  }

  async edit(device: Device, k: number): Promise<void> {
    const target = await this.#mine(device, k)
    if (target === null) return
    const text = `${target.said.text} (${++this.#count})`
    target.said.versions.push(text)
    await this.#change(device, target.said, () =>
      device.player.session.life.edit(target.number, text),
    )
  }

  async react(device: Device, k: number): Promise<void> {
    const target = await this.#shown(device, k, false)
    if (target === null) return
    const emoji = SMILES[k % 2] ?? SMILES[0]
    const on = k % 3 !== 0
    await this.#change(device, target.said, () =>
      device.player.session.life.react(target.number, emoji, on),
    )
  }

  async remove(device: Device, k: number): Promise<void> {
    const target = await this.#mine(device, k)
    if (target === null) return
    const { said } = target
    const done = await this.#change(device, said, () =>
      device.player.session.life.remove(target.number),
    )
    if (done) said.deleted = true
    // a message that had not left yet is taken back for good
    for (const other of this.entitled(said.chat)) said.excused.add(other)
  }

  async #change(device: Device, said: Said, work: () => Promise<unknown>): Promise<boolean> {
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

  offline({ player }: Device): void {
    this.#away.add(player.name)
    this.world.cutNetwork(player.name)
  }

  online({ player, state }: Device): void {
    if (!this.#away.delete(player.name) || state !== 'up') return
    player.session.reconnect()
  }

  kill(device: Device): void {
    device.state = 'down'
    device.player.kill()
  }

  /** At its write number `n` from now on. */
  dies(device: Device, n: number, when: 'before' | 'after'): void {
    device.player.home.cut = {
      ...{ at: n, when },
      died: () => {
        device.state = 'down'
        this.world.cutNetwork(device.player.name)
      },
    }
  }

  async close(device: Device): Promise<void> {
    await this.attempt(device, () => device.player.session.close())
    if (device.state === 'up') device.state = 'down'
  }

  async restart(device: Device): Promise<void> {
    if (!this.world.isUp || this.#away.has(device.player.name)) return
    device.player.kill()
    device.state = 'up'
    const done = await this.attempt(device, () => device.player.restart())
    if (done === null && device.state === 'up') this.kill(device)
  }

  async serverRestart(ms: number): Promise<void> {
    this.world.killServer()
    await this.world.pass(ms, stepOf(ms))
    await this.world.startServer()
  }

  /** Another device of alice. */
  async add(): Promise<Device | null> {
    const alices = this.devices.filter(({ account }) => account === 'alice')
    if (!this.world.isUp || alices.length >= 4) return null
    const isOrderly = this.isCalm()
    if (isOrderly) await this.world.pass(15_000, 1000)
    const player = this.world.newcomer(`alice-${alices.length}`)
    const device: Device = {
      ...{ player, account: 'alice', dev: '', state: 'up', isOrderly: isOrderly && this.isCalm() },
    }
    const user = await this.#ownName()
    const done = await this.attempt(device, async () => {
      const lobby = await player.lobby()
      return player.adopt(await lobby.login({ username: user, password: PASSWORD }))
    })
    if (done === null) return null
    const whole = { ...device, dev: player.session.me.dev }
    // what reached none of the others is nowhere
    const others = this.of('alice')
    for (const said of this.said) {
      const isNowhere = others.every((each) => said.excused.has(each) || said.barred.has(each))
      // nor does the history bring back what somebody said after being blocked
      const { account: author } = said.from
      const isBlocked = author !== 'alice' && others.some((each) => this.#blocks(each, author))
      if (isNowhere || isBlocked) said.excused.add(whole)
    }
    this.devices.push(whole)
    // the others hear of it; what leaves in that very moment comes by the history
    await this.world.pass(1000)
    return whole
  }

  /** One of alice's devices, by another one. */
  async revoke(device: Device, k: number): Promise<void> {
    const others = this.of('alice').filter((other) => other !== device)
    const victim = pick(others, k)
    if (device.account !== 'alice' || victim === null) return
    await this.world.pass(3000, 500)
    const { account } = device.player.session
    const { dev } = victim
    const listed = account.devices().find((each) => each.dev === dev)
    if (listed === undefined) return
    const isCalm = this.isCalm() && !this.losses.hasLostOf(dev)
    const held = new Map<Device, Set<string>>()
    for (const each of this.devices) if (each.state === 'up') held.set(each, await this.#held(each))
    const done = await this.attempt(device, () => account.revokeDevice(listed.number, PASSWORD))
    if (done === null) return
    if (!isCalm) {
      for (const said of this.said) {
        if (said.chat.split('+').includes('alice')) said.loose = true
        if (said.from !== victim) continue
        for (const each of this.devices) {
          if (held.get(each)?.has(said.text) !== true) said.excused.add(each)
        }
      }
    }
    victim.state = 'gone'
    this.removals.push({ dev, known: new Map([[device, this.world.heard.length]]) })
  }

  async rename(device: Device): Promise<void> {
    if (device.account !== 'alice' || this.#isRenamed) return
    const done = await this.attempt(device, () =>
      device.player.session.account.rename('alicia', PASSWORD),
    )
    this.#isRenamed ||= done !== null
  }

  async block(device: Device, k: number, blocked: boolean): Promise<void> {
    const others = CHATS.filter((account) => account !== device.account)
    const whom = others[k % others.length] ?? 'alice'
    if (this.#blocks(device, whom) === blocked) return
    const chat = chatOf(device.account, whom)
    this.mixed.add(chat)
    for (const other of this.of(device.account)) {
      const texts = other.state === 'up' ? await this.#held(other) : new Set<string>()
      for (const said of this.said) {
        if (said.chat !== chat || said.from.account !== whom) continue
        if (said.barred.has(other)) {
          // what is still on its way may come in after all
          if (!blocked && !this.#isReached(other)) loosen(said, other)
          if (!blocked && !this.#isReached(said.from)) loosen(said, other)
        } else if (!texts.has(said.text)) said.excused.add(other)
      }
    }
    const { session } = device.player
    const name = this.#nameOf(device, whom)
    await this.attempt(device, () => (blocked ? session.block(name) : session.unblock(name)))
    if (this.isCalm()) await this.world.pass(3000, 500)
  }

  /** Everybody is there and nothing waits. */
  isCalm(): boolean {
    return (
      this.world.isUp &&
      this.devices.every(
        (device) =>
          device.state === 'gone' ||
          (this.#isReached(device) && device.player.session.status().queued === 0),
      )
    )
  }

  /** What this sender said may stand out of order there; whoever came later has it from others. */
  isDisturbed(device: Device, from: Device): boolean {
    const isLater = this.devices.indexOf(device) >= FIRST
    const sources = isLater ? this.devices : [device]
    return sources.some(({ player }) => this.losses.isDisturbed(player.name, from.dev))
  }

  /** Time passes until the work is done or the process dead; null when it failed as things fail. */
  async attempt<T>(device: Device, work: () => Promise<T>): Promise<T | null> {
    const { world } = this
    const { life } = device.player.home
    let outcome: { readonly value: T } | { readonly error: unknown } | null = null
    const settle = (now: typeof outcome): void => {
      outcome = now
    }
    let started: Promise<T>
    try {
      started = work()
    } catch (error) {
      started = Promise.reject(error instanceof Error ? error : new Error(String(error)))
    }
    started.then(
      (value) => {
        settle({ value })
      },
      (error: unknown) => {
        settle({ error })
      },
    )
    await world.passUntil(() => outcome !== null || device.player.home.life !== life)
    const now = outcome as { readonly value: T } | { readonly error: unknown } | null
    if (now === null) return null
    if ('value' in now) return now.value
    if (device.player.home.life !== life) return null
    const { error } = now
    if (!(error instanceof SecureChatError) || !EXPECTED.has(error.code)) throw error
    this.log.push(`${device.player.name}: ${error.code} ${error.message}`)
    return null
  }

  /** Who has heard of a removal by now; and processes that died on their own. */
  observe(): void {
    for (const { dev, known } of this.removals) {
      for (const device of this.devices) {
        if (device.state !== 'up' || known.has(device)) continue
        if (!this.#lists(device, dev)) known.set(device, this.world.heard.length)
      }
    }
    for (const device of this.devices) {
      if (device.state === 'up' && device.player.of('closed').length > 0) device.state = 'down'
    }
  }

  /** Whether a device of ours believes that alice still has this one. */
  #lists(device: Device, dev: string): boolean {
    if (device.account !== 'alice') {
      const contact = device.player.of('contact')
      const removed = contact.filter(({ change }) => change === 'removed-device').length
      return removed < this.removals.length
    }
    return device.player.session.account.devices().some((each) => each.dev === dev)
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
    return device.player.session.blocked().some(({ acct }) => acct === this.#accts.get(whom))
  }

  #isReached({ player, state }: Device): boolean {
    return (
      state === 'up' &&
      !this.#away.has(player.name) &&
      this.world.isUp &&
      player.session.status().connection.state === 'online'
    )
  }

  #nameOf(device: Device, account: Account): string {
    if (account === device.account) return device.player.session.me.user
    const acct = this.#accts.get(account)
    const contact = device.player.session.contacts().find((each) => each.acct === acct)
    if (contact === undefined) throw new Error(`${device.player.name} does not know ${account}`)
    return contact.user
  }

  async #ownName(): Promise<string> {
    const renamed = await this.world.accounts.byName(parseUsername('alicia'))
    return renamed === null ? 'alice' : 'alicia'
  }

  /** The network is well again, and all that are left are there. */
  async recover(): Promise<void> {
    this.losses.end()
    this.#away.clear()
    if (!this.world.isUp) await this.world.startServer()
    for (const device of this.devices) {
      device.player.home.cut = null
      if (device.state === 'down') await this.restart(device)
      else if (device.state === 'up') device.player.session.reconnect()
    }
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

function pick<T>(all: readonly T[], k: number): T | null {
  return all[k % Math.max(1, all.length)] ?? null
}

export function stepOf(ms: number): number {
  return Math.max(100, Math.floor(ms / 20))
}
