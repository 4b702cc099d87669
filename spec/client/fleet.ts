// Devices of some accounts in one world, and everything that may happen to them: what property tests of conversations and of
// groups share. Alice has a password, so it is her account that gets and loses devices. Knows nothing of what is said.
import { decodeHead } from '../../lib/envelope/head.ts'
import { parseUsername } from '../../lib/protocol/names.ts'
import { hex } from '../../lib/util/bytes.ts'
import { SecureChatError } from '../../lib/util/errors.ts'
import { PASSWORD, signUp } from './account-kit.ts'
import { Losses } from './losses.ts'
import type { Player, World } from './world.ts'

export type Account = 'alice' | 'bob' | 'carol' | 'dave'

export interface Device {
  readonly player: Player
  readonly account: Account
  /** hex */
  readonly dev: string
  /** 'gone': revoked. */
  state: 'up' | 'down' | 'gone'
}

/** What may go wrong in an operation without anything being wrong. */
const EXPECTED: ReadonlySet<string> = new Set([
  ...['E_BLOCKED', 'E_STATE', 'E_CLOSED', 'E_CONNECT', 'E_TIMEOUT', 'E_STORE', 'E_NOT_FOUND'],
  ...['E_RATE', 'E_LOCKED', 'E_TOO_BIG', 'E_USAGE', 'E_NOT_ADMIN'],
])
/** How many devices alice may have had. */
const ALICES_MAX = 4

/** What happens to devices and to the server, whatever people do. */
const MISHAPS = [
  ...(['pass', 'offline', 'online', 'cut', 'kill', 'dies', 'close', 'restart'] as const),
  ...(['server', 'lose', 'double'] as const),
]
export type Mishap = (typeof MISHAPS)[number]

export function isMishap(what: string): what is Mishap {
  return MISHAPS.some((each) => each === what)
}

export class Fleet {
  readonly world: World
  readonly devices: Device[] = []
  readonly losses: Losses
  /** Removed devices by the index in `world.heard` from which each sender knows of the removal. */
  readonly removals: { readonly dev: string; readonly known: Map<Device, number> }[] = []
  readonly log: string[] = []
  /** By acct, hex. */
  protected readonly accts = new Map<string, Account>()
  readonly #away = new Set<string>()
  #isRenamed = false

  protected constructor(world: World) {
    this.world = world
    this.losses = new Losses(world)
    const dial = world.dial.bind(world)
    world.dial = (name) =>
      this.#away.has(name)
        ? Promise.reject(new SecureChatError('E_CONNECT', 'There is no network.'))
        : dial(name)
  }

  /** Alice with a password, bob with two devices, and the others; nobody knows anybody. By their names, with `bob-9`. */
  protected async signUp(...others: readonly Account[]): Promise<ReadonlyMap<string, Player>> {
    const { world } = this
    const { player: alice } = await signUp(world, 'alice', 0)
    const bob = await world.prepare('bob', 1, { others: [9] })
    await bob.start()
    const second = await world.otherDevice(bob, 9)
    await second.start()
    const players = [alice, bob, second]
    for (const [k, name] of others.entries()) players.push(await world.join(name, 2 + k))
    for (const player of players) {
      const account = player === second ? 'bob' : (player.name as Account)
      const { acct, dev } = player.session.me
      this.accts.set(acct, account)
      this.devices.push({ player, account, dev, state: 'up' })
    }
    return new Map(players.map((player) => [player.name, player]))
  }

  /** For whoever reads how it came to a failure. */
  note({ player }: Device, what: string): void {
    this.log.push(`${this.world.heard.length} ${player.name} ${what}`)
  }

  /** After each operation. */
  settle(): Promise<void> {
    return Promise.resolve()
  }

  present(): Device[] {
    return this.devices.filter(({ state }) => state === 'up')
  }

  up(k: number): Device | null {
    return pick(this.present(), k)
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

  async suffer(what: Mishap, device: Device, k: number): Promise<void> {
    switch (what) {
      case 'pass':
        return this.world.pass(k * 200, stepOf(k * 200))
      case 'offline':
        this.offline(device)
        return
      case 'online':
        this.online(device)
        return
      case 'cut':
        this.world.cutNetwork(device.player.name)
        return
      case 'kill':
        this.kill(device)
        return
      case 'dies':
        this.dies(device, k + 1, k % 2 === 0 ? 'before' : 'after')
        return
      case 'close':
        return this.close(device)
      case 'restart':
        return this.restart(device)
      case 'server':
        return this.serverRestart(k * 100)
      case 'lose':
      case 'double':
        this.losses.plan(device.player.name, what)
    }
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
    const count = this.devices.filter(({ account }) => account === 'alice').length
    if (!this.world.isUp || count >= ALICES_MAX) return null
    if (this.isCalm()) await this.world.pass(15_000, 1000)
    const player = this.world.newcomer(`alice-${count}`)
    const device: Device = { player, account: 'alice', dev: '', state: 'up' }
    const user = await this.#ownName()
    const done = await this.attempt(device, async () => {
      const lobby = await player.lobby()
      return player.adopt(await lobby.login({ username: user, password: PASSWORD }))
    })
    if (done === null) return null
    const whole = { ...device, dev: player.session.me.dev }
    this.devices.push(whole)
    return whole
  }

  /** Another one of alice's devices that this one of hers can remove. */
  async victimOf(device: Device, k: number): Promise<Device | null> {
    const others = this.of('alice').filter((other) => other !== device)
    const victim = pick(others, k)
    if (device.account !== 'alice' || victim === null) return null
    await this.world.pass(3000, 500)
    const isListed = this.#lists(device, victim.dev)
    return isListed ? victim : null
  }

  async strike(device: Device, victim: Device): Promise<boolean> {
    const { account } = device.player.session
    const { dev } = victim
    const listed = account.devices().find((each) => each.dev === dev)
    if (listed === undefined) return false
    const done = await this.attempt(device, () => account.revokeDevice(listed.number, PASSWORD))
    if (done === null) return false
    victim.state = 'gone'
    this.removals.push({ dev, known: new Map([[device, this.world.heard.length]]) })
    return true
  }

  async rename(device: Device): Promise<void> {
    if (device.account !== 'alice' || this.#isRenamed) return
    const done = await this.attempt(device, () =>
      device.player.session.account.rename('alicia', PASSWORD),
    )
    this.#isRenamed ||= done !== null
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

  /** No head that a device made after it knew of a removal names the removed device. */
  checkRemovals(): void {
    for (const { dev, known } of this.removals) {
      for (const [device, from] of known) {
        for (const { frame, from: name } of this.world.heard.slice(from)) {
          if (name !== device.player.name || frame.t !== 'st.open' || frame.head === undefined)
            continue
          const { to } = decodeHead(frame.head)
          problem(
            !to.some((each) => hex(each.dev) === dev),
            `${name} writes to a device that it knows to be removed`,
          )
        }
      }
    }
  }

  /** Time passes until nothing waits; whoever is down comes back. */
  async quiet(): Promise<void> {
    for (let turn = 0; turn < 100; turn++) {
      await this.world.pass(2000, 500)
      this.observe()
      for (const device of this.devices) if (device.state === 'down') await this.restart(device)
      if (this.isCalm()) return
    }
    const waiting = this.devices
      .filter(({ state }) => state === 'up')
      .map(({ player }) => [player.name, player.session.status()] as const)
    throw new Error(`never comes to rest: ${JSON.stringify(waiting)}`)
  }

  end(): void {
    for (const { player, state } of this.devices) if (state === 'up') player.kill()
    this.world.killServer()
  }

  /** Everybody is there and nothing waits. */
  isCalm(): boolean {
    return (
      this.world.isUp &&
      this.devices.every(
        (device) => device.state === 'gone' || (this.isReached(device) && this.isIdle(device)),
      )
    )
  }

  /** Nothing of it waits that could go. */
  isIdle({ player }: Device): boolean {
    return player.session.status().queued === 0
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

  isReached({ player, state }: Device): boolean {
    return (
      state === 'up' &&
      !this.#away.has(player.name) &&
      this.world.isUp &&
      player.session.status().connection.state === 'online'
    )
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

export function pick<T>(all: readonly T[], k: number): T | null {
  return all[k % Math.max(1, all.length)] ?? null
}

export function stepOf(ms: number): number {
  return Math.max(100, Math.floor(ms / 20))
}

export function problem(condition: boolean, text: string): void {
  if (!condition) throw new Error(text)
}
