// Real clients and a real server in one process, over in-memory wires: everything but the sockets and the disk is the product.
// Accounts are mostly put in place ready-made, because a registration costs a second; registration has specs of its own.
import type { Connection } from '../../lib/channel/connection.ts'
import { LaunchKeys } from '../../lib/channel/launch-keys.ts'
import { ServerHandshaker } from '../../lib/channel/server-handshake.ts'
import { finishing } from '../../lib/client/account/password-finish.ts'
import { Profile } from '../../lib/client/account/profile.ts'
import {
  profileName,
  rememberProfile,
  rememberServer,
} from '../../lib/client/account/home-index.ts'
import { storeOwnList } from '../../lib/client/account/own-list.ts'
import type { Session, Unauthenticated } from '../../lib/client/api.ts'
import { connect } from '../../lib/client/connect.ts'
import type { ClientEvent, MessageView } from '../../lib/client/events.ts'
import type { ClientDeps, Dial, DirectPort } from '../../lib/client/ports.ts'
import type { ArchiveKeys } from '../../lib/envelope/archive-keys.ts'
import { createSetup, opaqueReady } from '../../lib/crypto/opaque.ts'
import { sha256 } from '../../lib/crypto/hash.ts'
import { randomBytes } from '../../lib/crypto/random.ts'
import { RsaPrivateKey } from '../../lib/crypto/rsa.ts'
import { InboxKeys } from '../../lib/envelope/inbox-keys.ts'
import { encode } from '../../lib/protocol/cbor.ts'
import type { KeyMaker } from '../../lib/client/account/key-maker.ts'
import { OpenVault } from '../../lib/envelope/vault.ts'
import { signDeviceList, verifyDeviceList } from '../../lib/identity/device-list.ts'
import { decodeFrame, encodeFrame } from '../../lib/protocol/codec.ts'
import type { Vault } from '../../lib/protocol/composites.ts'
import type { Frame } from '../../lib/protocol/frames.ts'
import { Accounts } from '../../lib/server/accounts.ts'
import { parseServerConfig, type ServerConfig } from '../../lib/server/config.ts'
import type { Link } from '../../lib/server/link.ts'
import { createServer, type Server } from '../../lib/server/server.ts'
import { createMemoryFiles } from '../../lib/storage/memory-files.ts'
import { createMemoryStore, type MemoryStoreOptions } from '../../lib/storage/memory.ts'
import type { Files, Store } from '../../lib/storage/ports.ts'
import { createLocalRouter } from '../../lib/storage/router-local.ts'
import type { Bytes } from '../../lib/util/bytes.ts'
import { SecureChatError } from '../../lib/util/errors.ts'
import { type Log, silentLog } from '../../lib/util/log.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { IDENTITIES, rsa2048, rsa3072 } from '../helpers/keys.ts'
import { memoryPair, type Pair } from './memory-pair.ts'
import { person, type Person } from '../helpers/people.ts'
import { MemoryDisk, MemoryHome } from './memory-home.ts'

const SIK = rsa3072(7)
/** The identity keys before it are taken by specs, by number. */
const FIRST_FREE = 8
export const WORLD_SRV: Buffer = sha256(SIK.publicKey.spki)
const VAULT: Vault = { ver: 1, body: Buffer.alloc(512, 1), slots: [] }
const TARGET = { host: 'server.test', port: 7700 }

/** Enough for the slowest machine, and an end for what never comes. */
const TURNS_MAX = 20_000

/** What a hostile server does to a frame on its way to a client: other frames instead of it. */
export type Tamper = (frame: Frame, to: string) => readonly Frame[] | null

export interface WorldOptions {
  readonly config?: Partial<ServerConfig>
  readonly mailbox?: MemoryStoreOptions['mailbox']
  readonly log?: Log
}

export class World {
  readonly clock: FakeClock
  readonly store: Store
  readonly files: Files
  readonly accounts: Accounts
  /** Applied to every frame from the server; null leaves it as it is. */
  tamper: Tamper | null = null
  /** Frames that clients sent, by name, since it was cleared. */
  readonly heard: { readonly from: string; readonly frame: Frame }[] = []
  /** Everything the server itself got to see of clients' frames. */
  seen: Buffer[] = []
  readonly #options: WorldOptions
  readonly #setup: Buffer
  #server!: Server
  #handshaker!: ServerHandshaker
  #launchKeys!: LaunchKeys
  readonly #wires = new Map<string, Pair[]>()
  /** The newest of each client. */
  readonly #connections = new Map<string, Connection>()
  #nextLaunchKey = 8
  isUp = true
  #nextKey = 0
  #sent = 0
  /** Account keys for the next registrations; then those at the end of the fixture, then new ones. */
  readonly identities: RsaPrivateKey[] = []
  #nextIdentity = IDENTITIES
  /** Keys that are at hand: making them would take most of the time of these specs. */
  readonly keys: KeyMaker = {
    rsa: (bits) =>
      bits === 2048
        ? Promise.resolve(rsa2048(this.#nextKey++ % 16))
        : Promise.resolve(this.identities.shift() ?? this.#freshIdentity()),
    inbox: () => {
      const rsa = rsa2048(this.#nextKey++ % 16).exportPkcs8()
      return Promise.resolve(
        InboxKeys.restore(encode({ rsa, x: randomBytes(32), pq: randomBytes(64) })),
      )
    },
  }

  private constructor(options: WorldOptions) {
    this.#options = options
    this.clock = new FakeClock()
    const mailbox = options.mailbox === undefined ? {} : { mailbox: options.mailbox }
    this.store = createMemoryStore({ clock: this.clock, ...mailbox })
    this.files = createMemoryFiles({ quotaBytes: 2 ** 30 })
    this.accounts = new Accounts(this.store.records, this.clock)
    this.#setup = createSetup()
  }

  static async create(options: WorldOptions = {}): Promise<World> {
    await opaqueReady()
    const world = new World(options)
    await world.startServer()
    return world
  }

  async startServer(): Promise<void> {
    const log = this.#options.log ?? silentLog
    const { clock } = this
    this.#launchKeys = await LaunchKeys.create({
      sik: SIK,
      srv: WORLD_SRV,
      chain: [],
      clock,
      log,
      generate: () => Promise.resolve(rsa2048(8 + (this.#nextLaunchKey++ % 8))),
    })
    this.#server = createServer({
      store: this.store,
      files: this.files,
      router: createLocalRouter(),
      identity: { srv: WORLD_SRV, key: SIK.publicKey },
      launchKeys: this.#launchKeys,
      opaqueSetup: this.#setup,
      config: parseServerConfig({ handshakesPerSecond: 0, ...this.#options.config }),
      clock,
      log,
    })
    this.#handshaker = new ServerHandshaker({
      identity: this.#launchKeys,
      clock,
      log,
      limits: { perSecond: 0 },
    })
    this.isUp = true
  }

  /** As a process that is killed: what it had in memory is gone. */
  killServer(): void {
    this.isUp = false
    for (const wires of this.#wires.values()) for (const wire of wires) cutWire(wire)
    this.#wires.clear()
    this.#launchKeys.close()
  }

  #freshIdentity(): RsaPrivateKey | Promise<RsaPrivateKey> {
    return --this.#nextIdentity < FIRST_FREE
      ? RsaPrivateKey.generate(3072)
      : rsa3072(this.#nextIdentity)
  }

  /** Something the server would never have sent. */
  inject(name: string, frame: Frame): void {
    this.#connections.get(name)?.send(encodeFrame(frame))
  }

  /** The network between one client and the server breaks. */
  cutNetwork(name: string): void {
    for (const wire of this.#wires.get(name) ?? []) cutWire(wire)
    this.#wires.delete(name)
  }

  dial(name: string): Promise<Pair['a']> {
    if (!this.isUp) return Promise.reject(new SecureChatError('E_CONNECT', 'Nobody listens.'))
    const wire = memoryPair()
    this.#wires.set(name, [...(this.#wires.get(name) ?? []), wire])
    this.#handshaker.accept(wire.b, `192.0.2.${this.#wires.size}:5000`).then(
      (connection) => {
        this.#server.adopt(this.#inTheMiddle(connection, name))
      },
      () => undefined,
    )
    return Promise.resolve(wire.a)
  }

  /** A client that nobody is logged in with yet. */
  newcomer(name: string): Player {
    return new Player(this, name)
  }

  /** An account with one device, online. */
  async join(name: string, key: number, keys: { aik?: RsaPrivateKey } = {}): Promise<Player> {
    const player = await this.prepare(name, key, keys)
    await player.start()
    return player
  }

  /** As join, but not online yet. */
  async prepare(
    name: string,
    key: number,
    {
      aik,
      others = [],
    }: { readonly aik?: RsaPrivateKey; readonly others?: readonly number[] } = {},
  ): Promise<Player> {
    const who = await this.#person(name, key, aik, others)
    await this.accounts.create({
      acct: who.acct,
      user: who.user,
      renamed: [],
      cid: Buffer.alloc(32, 3),
      record: Buffer.alloc(192, 2),
      vault: VAULT,
      list: who.dl,
      created: this.clock.now(),
      state: 'live',
    })
    const player = new Player(this, name)
    await player.install(who)
    return player
  }

  /** A device of the account that was in its list from the beginning (`others` of prepare), with a fresh home. */
  async otherDevice(first: Player, key: number): Promise<Player> {
    const player = new Player(this, `${first.name}-${key}`)
    player.archives = first.archives
    if (first.who === null) throw new Error('the account is not there yet')
    await player.install({ ...first.who, dev: Buffer.alloc(8, key + 1), dsk: rsa2048(key) })
    return player
  }

  /** With an account key of its own, since the fixed ones are only eight. */
  async #person(
    name: string,
    key: number,
    aik: RsaPrivateKey | undefined,
    others: readonly number[],
  ): Promise<Person> {
    const devs = [key, ...others].map((k) => ({
      ...{ id: Buffer.alloc(8, k + 1), dsk: rsa2048(k).publicKey, ts: 0 },
    }))
    const body = others.length === 0 ? {} : { body: { devs } }
    if (aik === undefined) return person(name, { key, srv: WORLD_SRV, ...body })
    const base = await person(name, { key: 0, srv: WORLD_SRV })
    const acct = sha256(aik.publicKey.spki)
    const dsk = rsa2048(key % 16)
    const dev = Buffer.alloc(8, key + 1)
    const first = { ...base.body, acct, devs: [{ id: dev, dsk: dsk.publicKey, ts: 0 }] }
    const dl = await signDeviceList(aik, first)
    const verified = verifyDeviceList(undefined, { srv: WORLD_SRV, user: base.user }, dl)
    return { ...base, acct, aik, dev, dsk, body: first, dl, verified }
  }

  /** Lets time pass in small steps, each only after everything that the step before caused has come to rest. */
  async pass(ms: number, step = 100): Promise<void> {
    await this.#rest()
    for (let left = ms; left > 0; left -= step) {
      this.clock.advance(Math.min(step, left))
      await this.#rest()
    }
  }

  /** After months that took a moment: the server has a certificate of now before anybody comes. */
  renewCertificate(): Promise<void> {
    return this.#launchKeys.rotate()
  }

  /** Waits for what must become true without time passing. Says what it waited for rather than hang. */
  async until(condition: () => boolean | Promise<boolean>): Promise<void> {
    for (let turn = 0; !(await condition()); turn++) {
      if (turn > TURNS_MAX) throw new Error(`never became true: ${String(condition)}`)
      this.clock.advance(0)
      // thread pool work takes real time: do not burn the core it needs
      await new Promise((resolve) => (turn < 20 ? setImmediate(resolve) : setTimeout(resolve, 2)))
    }
  }

  /** Lets time pass until something is true. */
  async passUntil(condition: () => boolean | Promise<boolean>): Promise<void> {
    for (let turn = 0; !(await condition()); turn++) {
      if (turn > TURNS_MAX) throw new Error(`never became true: ${String(condition)}`)
      await this.pass(turn < 5 ? 0 : 100)
    }
  }

  /** Nothing moves any more: no frame, no access to a file, for some turns. Thread pool work takes real time. */
  async #rest(): Promise<void> {
    let before = -1
    for (let quiet = 0; quiet < 3;) {
      const now = this.#moves()
      quiet = now === before && !isAtFiles() ? quiet + 1 : 0
      before = now
      this.clock.advance(0)
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }

  #moves(): number {
    return this.heard.length + this.#sent
  }

  #inTheMiddle(connection: Connection, name: string): Link {
    this.#connections.set(name, connection)
    return {
      get exporter(): Bytes {
        return connection.exporter
      },
      remoteAddress: `${name}:1`,
      get bufferedBytes(): number {
        return connection.bufferedBytes
      },
      closed: connection.closed,
      send: (bytes) => {
        this.#sent += 1
        const instead = this.tamper?.(decodeFrame(bytes), name) ?? null
        if (instead === null) connection.send(bytes)
        else for (const frame of instead) connection.send(encodeFrame(frame))
      },
      onFrames: (fn) => {
        connection.onFrames((frames) => {
          for (const bytes of frames) {
            this.heard.push({ from: name, frame: decodeFrame(bytes) })
            this.seen.push(Buffer.from(bytes))
          }
          fn(frames)
        })
      },
      drained: () => connection.drained(),
      pause: () => {
        connection.pause()
      },
      resume: () => {
        connection.resume()
      },
      rebind: (key) => {
        connection.rebind(key)
      },
      authenticated: () => {
        connection.authenticated()
      },
      close: (frame) => {
        // a goodbye that is swallowed leaves the line open
        const isKept = frame !== undefined && this.tamper?.(decodeFrame(frame), name)?.length === 0
        return isKept ? Promise.resolve() : connection.close(frame)
      },
      destroy: (error) => {
        connection.destroy(error)
      },
    }
  }
}

function cutWire(wire: Pair): void {
  wire.a.destroy()
  wire.b.destroy()
}

/** A person with one device, before and after login. */
export class Player {
  readonly world: World
  readonly name: string
  readonly home: MemoryHome
  readonly disk: MemoryDisk
  /** How far the clock of this machine is ahead of the others. */
  aheadMs = 0
  events: ClientEvent[] = []
  /** The way to other people's machines, and where they find this one. */
  direct: { readonly port: DirectPort; readonly dial: Dial } | null = null
  who: Person | null = null
  archives: readonly ArchiveKeys[] = []
  #session: Session | null = null

  constructor(world: World, name: string) {
    this.world = world
    this.name = name
    this.home = new MemoryHome(world.clock)
    this.disk = new MemoryDisk()
  }

  /** Those of one process: once it is dead, nothing it still tries reaches anything. */
  deps(): ClientDeps {
    const { world, home, name } = this
    const { life } = home
    return {
      dial: (host, port) => {
        if (life !== home.life) return Promise.reject(new Error('this process is dead'))
        return host === TARGET.host || this.direct === null
          ? world.dial(name)
          : this.direct.dial(host, port)
      },
      ...(this.direct === null ? {} : { direct: this.direct.port }),
      home,
      files: this.disk,
      clock: {
        now: () => world.clock.now() + this.aheadMs,
        monotonic: () => world.clock.monotonic(),
        after: (ms, work) => world.clock.after(ms, work),
      },
      log: silentLog,
      confirmServer: () => Promise.resolve(true),
      keys: world.keys,
      finish: finishing.code, // nobody guesses at these passwords
    }
  }

  get session(): Session {
    if (this.#session === null) throw new Error(`${this.name} is not logged in`)
    return this.#session
  }

  async install(who: Person): Promise<void> {
    this.who = who
    if (this.archives.length === 0) this.archives = OpenVault.create(who.aik).archiveKeys()
    const { srv, acct, dev } = who
    const profile = await Profile.create(
      this.home,
      { srv, acct, dev },
      { dsk: who.dsk, archives: this.archives, inbox: [] },
      { vaultSecret: Buffer.alloc(32, 9), lock: 'device' },
    )
    await storeOwnList(profile, who.user, who.dl)
    await profile.close()
    const name = profileName(acct, dev)
    const lastUsed = this.world.clock.now()
    await rememberProfile(this.home, {
      ...{ name, srv, acct, dev, user: who.user, resumable: true, lastUsed },
    })
    await rememberServer(this.home, { ...TARGET, srv, since: lastUsed, highestVersion: 1 })
  }

  lobby(): Promise<Unauthenticated> {
    return connect(this.deps(), TARGET)
  }

  async start(): Promise<Session> {
    const lobby = await this.lobby()
    return this.adopt(await lobby.resume())
  }

  /** Resolves when others can write to it. */
  async adopt(session: Session): Promise<Session> {
    this.#session = session
    this.#closesInTime(session)
    session.on((event) => this.events.push(event))
    await this.world.until(() => this.events.some((event) => event.type === 'keys'))
    return session
  }

  /** What a session waits for at its end has a limit in time; here time passes only when somebody says so. */
  #closesInTime(session: Session): void {
    const close = session.close.bind(session)
    session.close = () => {
      const nudge = setInterval(() => {
        this.world.clock.advance(500)
      }, 3000)
      return close().finally(() => {
        clearInterval(nudge)
      })
    }
  }

  /** The process is killed: no goodbye, nothing more reaches disk or network. */
  kill(): void {
    this.home.kill()
    this.world.cutNetwork(this.name)
    this.#session = null
  }

  async restart(): Promise<Session> {
    this.events = []
    return this.start()
  }

  of<T extends ClientEvent['type']>(type: T): Extract<ClientEvent, { type: T }>[] {
    return this.events.filter(
      (event): event is Extract<ClientEvent, { type: T }> => event.type === type,
    )
  }

  /** Texts that arrived as events, in order. */
  get texts(): string[] {
    return this.of('message').flatMap(({ message }) => (message.own ? [] : textOf(message)))
  }

  /** Texts in the store, in order. */
  async stored(chat: string): Promise<string[]> {
    const rows = await this.session.history(chat, { limit: 100_000 })
    return rows.filter((row) => !row.own).flatMap(textOf)
  }

  /** The server told that it has the message. */
  wasAccepted(mid: string): boolean {
    return this.of('message-state').some((event) => event.mid === mid && event.state === 'accepted')
  }

  /** The last state told of an own message. */
  stateOf(mid: string): string | undefined {
    return this.of('message-state')
      .filter((event) => event.mid === mid)
      .at(-1)?.state
  }
}

function textOf(message: MessageView): string[] {
  return message.body.kind === 'text' ? [message.body.text] : []
}

/** Something is read or written at this moment. */
function isAtFiles(): boolean {
  return process.getActiveResourcesInfo().some((resource) => resource.startsWith('FSReq'))
}
