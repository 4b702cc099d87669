// A whole server in memory and clients that speak real channel bytes to it. Accounts are put into its store ready-made:
// the password ceremony costs half a second and is only used where a spec is about it.
import type { Connection } from '../../lib/channel/connection.ts'
import { connectClient } from '../../lib/channel/client-handshake.ts'
import { LaunchKeys } from '../../lib/channel/launch-keys.ts'
import { generateMlKem } from '../../lib/crypto/ml-kem.ts'
import { createSetup, opaqueReady } from '../../lib/crypto/opaque.ts'
import { randomBytes } from '../../lib/crypto/random.ts'
import { sha256 } from '../../lib/crypto/hash.ts'
import { generateX25519 } from '../../lib/crypto/x25519.ts'
import { bundleKeyId, signBundle } from '../../lib/identity/bundle.ts'
import { deviceLoginStatement } from '../../lib/identity/login-proof.ts'
import { encode } from '../../lib/protocol/cbor.ts'
import { decodeFrame, decodeReply, encodeFrame } from '../../lib/protocol/codec.ts'
import type { SignedBundle, Vault, Wrap } from '../../lib/protocol/composites.ts'
import type {
  Frame,
  FrameName,
  FrameOf,
  OkFrame,
  ReplyOf,
  RequestName,
  RequestOf,
} from '../../lib/protocol/frames.ts'
import { Accounts } from '../../lib/server/accounts.ts'
import { parseServerConfig, type ServerConfig } from '../../lib/server/config.ts'
import { Directory } from '../../lib/server/directory.ts'
import { accountId } from '../../lib/server/ids.ts'
import { createServer, type Server } from '../../lib/server/server.ts'
import { createMemoryFiles } from '../../lib/storage/memory-files.ts'
import { createMemoryStore, type MemoryStoreOptions } from '../../lib/storage/memory.ts'
import type { Files, Router, Store } from '../../lib/storage/ports.ts'
import { createLocalRouter } from '../../lib/storage/router-local.ts'
import { type Bytes, compare } from '../../lib/util/bytes.ts'
import { type Log, silentLog } from '../../lib/util/log.ts'
import { FakeClock } from './fake-clock.ts'
import { rsa2048, rsa3072 } from './keys.ts'
import { memoryWire, settle, type Wire } from './memory-duplex.ts'
import { DAY, type Person, person, type PersonOptions } from './people.ts'

const SIK = rsa3072(7)
export const RELAY_SRV: Buffer = sha256(SIK.publicKey.spki)

/** Sealed things that no server opens: only their sizes matter. */
export const VAULT: Vault = { ver: 1, body: Buffer.alloc(512, 1), slots: [] }
const RECORD = Buffer.alloc(192, 2)
const CID = Buffer.alloc(32, 3)

export interface RelayOptions {
  readonly config?: Partial<ServerConfig>
  readonly mailbox?: MemoryStoreOptions['mailbox']
  readonly logBytes?: number
  readonly quotaBytes?: number
  /** OPAQUE setup; made fresh by default. */
  readonly setup?: Buffer
  /** Stands between the server and its store, to fail or to watch. */
  readonly store?: (store: Store) => Store
  readonly files?: (files: Files) => Files
  readonly log?: Log
  /** Of another relay: two nodes over one store. */
  readonly shared?: { readonly store: Store; readonly router: Router; readonly clock: FakeClock }
}

export interface Relay {
  readonly server: Server
  readonly clock: FakeClock
  /** The one below `options.store`. */
  readonly store: Store
  readonly files: Files
  readonly router: Router
  readonly setup: Buffer
  /** A connected, anonymous client. */
  connect(remoteAddress?: string): Promise<Client>
  /** An account with one device that has published a bundle. */
  add(name: string, options: MemberOptions): Promise<Member>
  login(member: Member, remoteAddress?: string): Promise<Client>
}

export interface MemberOptions extends PersonOptions {
  /** What a real registration left; without it no password opens the account. */
  readonly credentials?: { readonly cid: Buffer; readonly record: Buffer }
}

/** A person known to the relay, with the inbox keys the directory serves. */
export interface Member extends Person {
  readonly bundle: SignedBundle
  readonly klid: Bytes
}

// no spec about the server opens a wrap: one set of keys is enough for everybody
const INBOX = {
  rsa: rsa2048(15).publicKey.spki,
  x: generateX25519(Buffer.alloc(32, 4)).publicKey,
  pq: generateMlKem(Buffer.alloc(64, 5)).publicKey,
}

export async function bundleOf(who: Person, n: number, now: number): Promise<SignedBundle> {
  const { srv, acct, dev } = who
  return signBundle(who.dsk, { srv, acct, dev, ...INBOX, n, rq: 0, nb: now, na: now + 31 * DAY })
}

export async function startRelay(options: RelayOptions = {}): Promise<Relay> {
  await opaqueReady()
  const clock = options.shared?.clock ?? new FakeClock()
  const store =
    options.shared?.store ??
    createMemoryStore({
      clock,
      ...(options.mailbox === undefined ? {} : { mailbox: options.mailbox }),
      ...(options.logBytes === undefined ? {} : { logBytes: options.logBytes }),
    })
  const files = createMemoryFiles({ quotaBytes: options.quotaBytes ?? 2 ** 30 })
  const router = options.shared?.router ?? createLocalRouter()
  const setup = options.setup ?? createSetup()
  let nextKey = 8
  const launchKeys = await LaunchKeys.create({
    sik: SIK,
    srv: RELAY_SRV,
    chain: [],
    clock,
    log: silentLog,
    generate: () => Promise.resolve(rsa2048(nextKey++ % 16)),
  })
  const server = createServer({
    store: options.store?.(store) ?? store,
    files: options.files?.(files) ?? files,
    router,
    shared: options.shared !== undefined,
    identity: { srv: RELAY_SRV, key: SIK.publicKey },
    launchKeys,
    opaqueSetup: setup,
    config: parseServerConfig({ handshakesPerSecond: 0, ...options.config }),
    clock,
    log: options.log ?? silentLog,
  })
  const { records } = store
  const accounts = new Accounts(records, clock)
  const directory = new Directory({
    records,
    accounts,
    router,
    log: silentLog,
    maxBytes: 0,
    changed: () => undefined,
  })

  const connect = async (remoteAddress = '192.0.2.1:5000'): Promise<Client> => {
    const wire = memoryWire()
    server.accept(wire.b, remoteAddress)
    const clk = rsa2048(14)
    const { connection } = await connectClient(wire.a, { pin: RELAY_SRV, clk, clock, ua: 'spec' })
    return new Client(connection, wire)
  }

  const add = async (name: string, memberOptions: MemberOptions): Promise<Member> => {
    const who = await person(name, { srv: RELAY_SRV, ...memberOptions })
    const { cid = CID, record = RECORD } = memberOptions.credentials ?? {}
    await accounts.create({
      acct: who.acct,
      user: who.user,
      renamed: [],
      cid,
      record,
      vault: VAULT,
      list: who.dl,
      created: clock.now(),
      state: 'live',
    })
    const n = 1
    const bundle = await bundleOf(who, n, clock.now())
    await directory.putBundle(accountId(who.acct), bundle, n, clock.now() + 31 * DAY)
    return { ...who, bundle, klid: bundleKeyId(bundle.b) }
  }

  const login = async (member: Member, remoteAddress?: string): Promise<Client> => {
    const client = await connect(remoteAddress)
    await client.ok('dev.login', await deviceLogin(client, member))
    return client
  }

  return { server, clock, store, files, router, setup, connect, add, login }
}

export async function deviceLogin(client: Client, who: Person): Promise<RequestOf<'dev.login'>> {
  const { acct, dev, dsk } = who
  const sig = await dsk.signAsync(deviceLoginStatement(client.connection.exporter, who))
  return { acct, dev, sig }
}

/** An `err` without what makes it an answer to one request. */
export type Refused = Omit<FrameOf<'err'>, 't' | 'r'>

type Answered = OkFrame | FrameOf<'err'>

/** One end of a channel, with what arrived on it. */
export class Client {
  readonly connection: Connection
  readonly wire: Wire
  /** Pushes and `bye`, in order; acknowledged by nobody unless a spec does. */
  readonly pushes: Frame[] = []
  /** The code of `bye`, '' without one, null while there was none. */
  bye: string | null = null
  readonly #answers = new Map<number, (answer: Answered) => void>()
  #waiting: (() => void)[] = []
  #next = 1

  constructor(connection: Connection, wire: Wire) {
    this.connection = connection
    this.wire = wire
    connection.onFrames((frames) => {
      for (const bytes of frames) this.#take(decodeFrame(bytes))
      this.#wake()
    })
    void connection.closed.then(() => {
      this.#wake()
    })
  }

  /** Sends a request and returns the answer, whatever it is. */
  ask<N extends RequestName>(name: N, fields: RequestOf<N>): Promise<Answered> {
    const r = this.#next++
    return new Promise((resolve) => {
      this.#answers.set(r, resolve)
      this.connection.send(encodeFrame({ t: name, r, ...fields } as unknown as Frame))
    })
  }

  /** The fields of the `ok`; throws on a refusal. */
  async ok<N extends RequestName>(name: N, fields: RequestOf<N>): Promise<ReplyOf<N>> {
    const answer = await this.ask(name, fields)
    if (answer.t === 'err') throw new Error(`${name} was refused: ${answer.c}`)
    // what is logged in may send and get full-sized records (PROTOCOL 4.3)
    if (name.endsWith('login') || name === 'login.fin') this.connection.authenticated()
    return decodeReply(name, answer)
  }

  /** What a refusal says; throws on `ok`. */
  async err<N extends RequestName>(name: N, fields: RequestOf<N>): Promise<Refused> {
    const answer = await this.ask(name, fields)
    if (answer.t === 'ok') throw new Error(`${name} was not refused`)
    const refusal = Object.entries(answer).filter(([key]) => key !== 't' && key !== 'r')
    return Object.fromEntries(refusal) as unknown as Refused
  }

  push(frame: FrameOf<'mail.ack'> | FrameOf<'bye'>): void {
    this.connection.send(encodeFrame(frame))
  }

  raw(bytes: Bytes): void {
    this.connection.send(bytes)
  }

  of<N extends FrameName>(name: N): FrameOf<N>[] {
    return this.pushes.filter((frame): frame is FrameOf<N> & Frame => frame.t === name)
  }

  get mails(): FrameOf<'mail'>[] {
    return this.of('mail')
  }

  /** Resolves when so many frames of a name are here. */
  async until(name: FrameName, count = 1): Promise<void> {
    while (this.of(name).length < count) await this.#change()
  }

  /** Resolves to the code of the server's goodbye. */
  async goodbye(): Promise<string> {
    while (this.bye === null) await this.#change()
    return this.bye
  }

  /** Acknowledges everything that has arrived. */
  ackAll(): void {
    const q = this.mails.at(-1)?.q
    if (q !== undefined) this.push({ t: 'mail.ack', q })
  }

  async leave(): Promise<void> {
    await this.connection.close(encodeFrame({ t: 'bye' }))
    await settle()
  }

  /** As a process that is killed: no goodbye. */
  async vanish(): Promise<void> {
    this.connection.destroy()
    await settle()
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }

  #take(frame: Frame): void {
    if (frame.t === 'ok' || (frame.t === 'err' && frame.r !== undefined)) {
      const r = frame.r ?? 0
      const resolve = this.#answers.get(r)
      this.#answers.delete(r)
      resolve?.(frame)
      return
    }
    if (frame.t === 'bye') {
      this.bye = frame.c ?? ''
      void this.connection.close()
    } else this.pushes.push(frame)
  }
}

const WRAP: Wrap = [Buffer.alloc(256, 6), Buffer.alloc(1088, 7), Buffer.alloc(48, 8)]

/** A stream that this sender opens; its content is random, as it is to every server. */
export class SpecStream {
  readonly client: Client
  readonly st: Buffer = randomBytes(16)
  readonly head: Buffer
  readonly deviceCount: number
  next = 0

  constructor(client: Client, from: Person, to: readonly Member[], keys: readonly Bytes[] = []) {
    this.client = client
    const rows = to
      .map((who, k) => ({ acct: who.acct, dev: who.dev, klid: keys[k] ?? who.klid }))
      .sort((a, b) => compare(a.acct, b.acct) || compare(a.dev, b.dev))
    const grouped: [Bytes, [Bytes, Bytes][]][] = []
    for (const { acct, dev, klid } of rows) {
      const last = grouped.at(-1)
      if (last !== undefined && compare(last[0], acct) === 0) last[1].push([dev, klid])
      else grouped.push([acct, [[dev, klid]]])
    }
    this.deviceCount = rows.length
    this.head = encode({
      k: 'env',
      suite: 1,
      srv: from.srv,
      conv: Buffer.alloc(16, 9),
      st: this.st,
      gs: Buffer.alloc(32),
      from: [from.acct, from.dev],
      t: 0,
      x: Buffer.alloc(32, 10),
      com: Buffer.alloc(32, 11),
      to: grouped,
    })
  }

  openFields(): RequestOf<'st.open'> {
    const w = Array.from({ length: this.deviceCount }, (): Wrap => WRAP)
    return { st: this.st, at: 0, head: this.head, w }
  }

  open(): Promise<Answered> {
    return this.client.ask('st.open', this.openFields())
  }

  fields(i = this.next++, size = 528): RequestOf<'msg.put'> {
    return { st: this.st, i, n: randomBytes(16), c: randomBytes(size) }
  }

  put(i?: number, size?: number): Promise<Answered> {
    return this.client.ask('msg.put', this.fields(i, size))
  }
}

/** 'ok' or the code of the refusal. */
export function verdict(answer: Answered): string {
  return answer.t === 'ok' ? 'ok' : answer.c
}

export { settle }
