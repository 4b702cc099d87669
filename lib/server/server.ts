// The server: builds what its sessions share, takes in connections, looks after time, closes in order. Store, files,
// router and keys are given to it by the composition root and stay its property.
import type { Duplex } from 'node:stream'

import { type Connection, SERVER_CONNECTION_LIMITS } from '../channel/connection.ts'
import type { LaunchKeys } from '../channel/launch-keys.ts'
import { ServerHandshaker } from '../channel/server-handshake.ts'
import type { RsaPublicKey } from '../crypto/rsa.ts'
import { encodeFrame } from '../protocol/codec.ts'
import type { Files, Router, Store } from '../storage/ports.ts'
import type { Bytes } from '../util/bytes.ts'
import type { Clock, Timer } from '../util/clock.ts'
import { codeOf, type WireCode } from '../util/errors.ts'
import type { Log } from '../util/log.ts'
import { Accounts } from './accounts.ts'
import { Bans } from './bans.ts'
import { AccountSessions } from './account-sessions.ts'
import { Ceremonies } from './ceremonies.ts'
import { addressBlock } from '../channel/address.ts'
import type { ServerConfig } from './config.ts'
import { Directory } from './directory.ts'
import { Guesses } from './guesses.ts'
import { Histories } from './histories.ts'
import { InactiveAccounts } from './inactive-accounts.ts'
import { Invites } from './invites.ts'
import type { Link } from './link.ts'
import { buildBudgets, changeBudgets, LIVE_SETTINGS } from './live-settings.ts'
import { Post } from './post.ts'
import { Presence } from './presence.ts'
import { type Reason, RefusalLog } from './refusal-log.ts'
import type { Services } from './services.ts'
import { Session, type SessionWatcher } from './session.ts'
import { ShownAccounts } from './shown-accounts.ts'
import { SignIns } from './sign-ins.ts'
import { SteadyClock } from './steady-clock.ts'
import { Streams } from './streams.ts'
import { FRAME_TABLE } from './table.ts'
import { Transfers } from './transfers.ts'
import { UserDesk } from './user-desk.ts'
import { type VisitorLimits, Visitors } from './visitors.ts'

const TICK_MS = 5000
const LOOK_MS = 30_000
const SWEEP_MS = 10 * 60_000
/** Requests under way at `close` get this long to become durable. */
const FAREWELL_MS = 10_000

export interface ServerDeps {
  readonly store: Store
  readonly files: Files
  readonly router: Router
  /**
   * Other nodes append to the same mailboxes: numbers may then become known out of order, so a new mail is a reason to
   * read the mailbox and not a mail to pass on. Default false.
   */
  readonly shared?: boolean
  /** Server id and the SPKI of its current identity key. */
  readonly identity: { readonly srv: Bytes; readonly key: RsaPublicKey }
  readonly launchKeys: LaunchKeys
  /** 128 bytes made by crypto/opaque `createSetup`, kept for ever (PROTOCOL 3). */
  readonly opaqueSetup: Bytes
  readonly config: ServerConfig
  readonly clock: Clock
  readonly log: Log
  /** What the log may say of an address; see RefusalLog. */
  readonly networkOf?: (remoteAddress: string) => string
}

export interface ServerStats {
  readonly connections: number
  readonly handshakes: number
  readonly devices: number
  readonly streams: number
  readonly messagesAccepted: number
  readonly fileBytesInFlight: number
  /** Since the start. */
  readonly frames: number
  readonly loginFailures: number
  /** Connections and requests, since the start. */
  readonly refused: Readonly<Record<Exclude<Reason, 'login'>, number>>
}

export class Server {
  readonly #deps: ServerDeps
  /** Changed in place by `reconfigure`; all services hold this object. */
  readonly #config: { -readonly [K in keyof ServerConfig]: ServerConfig[K] }
  readonly #services: Services
  readonly #users: UserDesk
  readonly #inactive: InactiveAccounts
  readonly #handshaker: ServerHandshaker
  readonly #sessions = new Set<Session>()
  readonly #perAddress = new Map<string, number>()
  readonly #visitors: Visitors
  readonly #stopListening: Promise<() => Promise<void>>
  readonly #steady: SteadyClock
  #tick: Timer
  #lookedAt: number
  #sweptAt: number
  #sweeping: Promise<void> = Promise.resolve()
  #closing: Promise<void> | null = null

  constructor(deps: ServerDeps) {
    const { config, clock, log } = deps
    this.#config = { ...config }
    this.#deps = deps
    this.#services = buildServices({ ...deps, config: this.#config })
    this.#users = new UserDesk(this.#services)
    this.#inactive = new InactiveAccounts(this.#services, this.#users)
    this.#visitors = new Visitors(visitorLimits(config))
    this.#handshaker = new ServerHandshaker({
      identity: deps.launchKeys,
      clock,
      log,
      limits: {
        perSecond: config.handshakesPerSecond,
        burst: config.handshakeBurst,
        puzzleAbovePerSecond: config.handshakesBeforePuzzle,
        connection: {
          ...SERVER_CONNECTION_LIMITS,
          lifeMs: config.connectionLifeMs,
          silenceMs: config.idleMs,
        },
      },
    })
    this.#stopListening = this.#services.directory.start()
    this.#steady = new SteadyClock(clock, log)
    this.#sweptAt = this.#lookedAt = clock.monotonic()
    this.#tick = clock.after(TICK_MS, this.#onTick)
  }

  /** Takes over a new stream; whatever is wrong with it ends it and is logged at level debug. */
  accept(duplex: Duplex, remoteAddress: string): void {
    if (this.#services.bans.has(remoteAddress, this.#deps.clock.now())) {
      this.#services.refusals.note('banned', remoteAddress)
      duplex.destroy()
      return
    }
    this.#handshaker.accept(duplex, remoteAddress).then(
      (connection: Connection) => {
        this.adopt(connection)
      },
      (error: unknown) => {
        // who hangs up without a byte has asked who we are, as clients do before they trust a server (PROTOCOL 4.1)
        if (codeOf(error) !== 'E_CLOSED') this.#services.refusals.note('handshake', remoteAddress)
        this.#deps.log.debug('server.not-admitted', { code: codeOf(error) })
      },
    )
  }

  /** There was no room for a connection, before it could be taken. */
  refuse(remoteAddress: string): void {
    this.#services.refusals.note('full', remoteAddress)
  }

  /** A session for an established channel, or `bye` when the server is full or closing. */
  adopt(link: Link): void {
    const block = addressBlock(link.remoteAddress)
    const isClosing = this.#closing !== null
    if (isClosing || !this.#hasRoom(block)) {
      if (!isClosing) this.refuse(link.remoteAddress)
      link.onFrames(() => undefined)
      void link.close(encodeFrame({ t: 'bye', c: 'E_BUSY' }))
      return
    }
    const session = new Session(this.#services, FRAME_TABLE, link, this.#watcher)
    // what was already here may have ended it
    if (session.isClosed) return
    this.#perAddress.set(block, (this.#perAddress.get(block) ?? 0) + 1)
    this.#sessions.add(session)
    if (session.isAnonymous) this.#visitors.add(session, this.#deps.clock.monotonic())
  }

  /** For one more; somebody without login goes if that is what it takes. */
  #hasRoom(block: string): boolean {
    const { maxClients, maxClientsPerAddress } = this.#config
    const now = this.#deps.clock.monotonic()
    const here = this.#perAddress.get(block) ?? 0
    if (maxClientsPerAddress > 0 && here >= maxClientsPerAddress) {
      if (!this.#visitors.dismiss(now, block)) return false
    }
    return this.#sessions.size < maxClients || this.#visitors.dismiss(now)
  }

  stats(): ServerStats {
    const { presence, streams, post, transfers, traffic, refusals } = this.#services
    const { login: loginFailures, ...refused } = refusals.totals()
    return {
      connections: this.#sessions.size,
      handshakes: this.#handshaker.open,
      devices: presence.count,
      streams: streams.count,
      messagesAccepted: post.accepted,
      fileBytesInFlight: transfers.inFlightBytes,
      ...traffic,
      ...{ loginFailures, refused },
    }
  }

  /** Takes what can change while it runs; connections stay. The rest of `next` is ignored. */
  reconfigure(next: ServerConfig): void {
    const live = Object.entries(next).filter(([name]) => LIVE_SETTINGS.has(name))
    const before = { ...this.#config }
    Object.assign(this.#config, Object.fromEntries(live))
    changeBudgets(this.#services, before, this.#config)
    this.#visitors.limit(visitorLimits(this.#config))
  }

  /** For the operator's commands. */
  get invites(): Invites {
    return this.#services.invites
  }

  get users(): UserDesk {
    return this.#users
  }

  /** Nobody is banned before its `load`. */
  get bans(): Bans {
    return this.#services.bans
  }

  /** Ends every connection from banned addresses. */
  dropBanned(): number {
    const { bans, clock } = this.#services
    const banned = [...this.#sessions].filter((s) => bans.has(s.link.remoteAddress, clock.now()))
    for (const session of banned) void session.bye('E_RATE')
    return banned.length
  }

  /**
   * Takes nothing new, waits until all that was taken is answered, says goodbye to everybody. When it resolves, nothing
   * of this server uses the store any more; store, files and router are then for their owner to close.
   */
  close(reason: WireCode = 'E_BUSY'): Promise<void> {
    this.#closing ??= this.#close(reason)
    return this.#closing
  }

  async #close(reason: WireCode): Promise<void> {
    const { clock, log } = this.#deps
    this.#tick.cancel()
    this.#inactive.stop()
    const sessions = [...this.#sessions]
    log.info('server.closing', { connections: sessions.length })
    const answered = Promise.all(sessions.map((session) => session.stop()))
    await Promise.race([
      answered,
      new Promise<void>((resolve) => clock.after(FAREWELL_MS, resolve)),
    ])
    await Promise.all(sessions.map((session) => session.bye(reason)))
    this.#services.transfers.stop()
    this.#services.refusals.report()
    await this.#sweeping
    await (
      await this.#stopListening
    )()
  }

  readonly #watcher: SessionWatcher = {
    entered: (session) => {
      this.#visitors.delete(session)
    },
    ended: (session) => {
      this.#onEnded(session)
    },
  }

  #onEnded(session: Session): void {
    this.#visitors.delete(session)
    if (!this.#sessions.delete(session)) return
    const here = (this.#perAddress.get(session.block) ?? 1) - 1
    if (here > 0) this.#perAddress.set(session.block, here)
    else this.#perAddress.delete(session.block)
  }

  /** One timer for all connections; those that are logged in are not looked at. */
  readonly #onTick = (): void => {
    const { clock } = this.#deps
    this.#tick = clock.after(TICK_MS, this.#onTick)
    const now = clock.monotonic()
    this.#visitors.sweep(now)
    this.#services.streams.sweep(now)
    this.#services.refusals.sweep(now)
    if (now - this.#lookedAt >= LOOK_MS) {
      this.#lookedAt = now
      this.#services.presence.lookAgain()
    }
    if (now - this.#sweptAt < SWEEP_MS) return
    this.#sweptAt = now
    // one after the other: the first may have much to do
    if (this.#steady.look()) this.#sweeping = this.#sweeping.then(() => this.#sweep())
  }

  async #sweep(): Promise<void> {
    const { store, files, clock, log } = this.#deps
    try {
      const mails = await store.mail.sweep(clock.now())
      const chunks = await files.sweep(clock.now())
      const accounts = await this.#inactive.sweep()
      const found = mails + chunks + accounts
      if (found > 0) log.info('server.swept', { mails, files: chunks, accounts })
    } catch (error) {
      log.error('server.sweep-failed', { code: codeOf(error) })
    }
  }
}

export function createServer(deps: ServerDeps): Server {
  return new Server(deps)
}

function visitorLimits(config: ServerConfig): VisitorLimits {
  const { maxClients, anonymousPerAddress, anonymousLifeMs } = config
  return { maxClients, perBlock: anonymousPerAddress, lifeMs: anonymousLifeMs }
}

function buildServices(deps: ServerDeps): Services {
  const { store, router, config, clock, log } = deps
  const { records, mail, logs } = store
  const accounts = new Accounts(records, clock)
  const presence = new Presence({ router, log, shared: deps.shared ?? false })
  const streams = new Streams({
    perDevice: config.streamsPerDevice,
    total: config.streamsTotal,
    pendingBytes: config.streamHeadBytes,
  })
  const directory = new Directory({
    records,
    accounts,
    router,
    log,
    maxBytes: config.directoryCacheBytes,
    changed: (id, by) => {
      streams.accountChanged(id, by)
    },
  })
  const budgets = buildBudgets(config)
  return {
    srv: deps.identity.srv,
    opaqueSetup: deps.opaqueSetup,
    dummyKeys: {
      device: deps.launchKeys.current.slk?.publicKey ?? deps.identity.key,
      login: deps.identity.key,
    },
    config,
    clock,
    log,
    records,
    mail,
    logs,
    histories: new Histories({ records, logs, maxBytes: config.historyBytes }),
    accounts,
    accountSessions: new AccountSessions(),
    ceremonies: new Ceremonies(config.ceremoniesPerSecond, clock.monotonic()),
    directory,
    streams,
    presence,
    shown: new ShownAccounts(),
    signIns: new SignIns({ records, clock, log }),
    traffic: { frames: 0 },
    refusals: new RefusalLog({ log, networkOf: deps.networkOf, now: clock.monotonic() }),
    post: new Post({ mail, presence, clock, lifeMs: config.mailboxLifeMs }),
    transfers: new Transfers({
      files: deps.files,
      clock,
      maxInFlightBytes: config.fileBytesInFlight,
      fileBytes: config.fileBytes,
      fileLifeMs: config.fileLifeMs,
    }),
    invites: new Invites(records),
    bans: new Bans(records),
    guesses: new Guesses(),
    ...budgets,
  }
}
