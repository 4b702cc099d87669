// A lean client of our server for load: real channel, real frames, sealed bytes of the right size instead of envelopes.
import type { Duplex } from 'node:stream'

import type { Connection } from '../../lib/channel/connection.ts'
import { connectClient, type Connected } from '../../lib/channel/client-handshake.ts'
import { dial } from '../../lib/channel/tcp.ts'
import { systemClock } from '../../lib/cli/system-clock.ts'
import { generateMlKem } from '../../lib/crypto/ml-kem.ts'
import { randomBytes } from '../../lib/crypto/random.ts'
import type { RsaPrivateKey } from '../../lib/crypto/rsa.ts'
import { generateX25519 } from '../../lib/crypto/x25519.ts'
import { bundleKeyId, type InboxPublicKeys, signBundle } from '../../lib/identity/bundle.ts'
import { deviceLoginStatement } from '../../lib/identity/login-proof.ts'
import { encode } from '../../lib/protocol/cbor.ts'
import { decodeFrame, encodeFrame } from '../../lib/protocol/codec.ts'
import type { Frame, RequestOf } from '../../lib/protocol/frames.ts'
import { type Bytes, NO_BYTES } from '../../lib/util/bytes.ts'
import { rsa2048 } from '../helpers/keys.ts'

const DAY_MS = 86_400_000
/** 512 bytes of padded plaintext and its tag: what a message of 256 characters becomes. */
const SEALED = Buffer.alloc(528)
export const BENCH_DSK: RsaPrivateKey = rsa2048(0)
const CLK = rsa2048(1)
export const BENCH_INBOX: InboxPublicKeys = {
  rsa: rsa2048(15).publicKey.spki,
  x: generateX25519(Buffer.alloc(32, 4)).publicKey,
  pq: generateMlKem(Buffer.alloc(64, 5)).publicKey,
}

/** The account id of the n-th user; the server checked a real one when it was registered, and does not again. */
export function benchAccount(n: number): Buffer {
  const acct = Buffer.alloc(32, 0x5a)
  acct.writeUInt32BE(n)
  return acct
}
export const BENCH_DEVICE: Buffer = Buffer.alloc(8, 1)

export class BenchClient {
  readonly n: number
  /** What the server asked for before it listened; 0: nothing. */
  readonly puzzleBits: number
  arrived: (stamp: number) => void = () => undefined
  readonly #srv: Bytes
  readonly #connection: Connection
  /** Names its published keys. */
  klid: Bytes = NO_BYTES
  readonly #answers = new Map<number, (frame: Frame) => void>()
  #next = 1
  #acked = 0
  #ackPlanned = false
  #stream: { readonly st: Buffer; next: number } | null = null

  private constructor(n: number, srv: Bytes, { connection, puzzleBits }: Connected) {
    this.n = n
    this.puzzleBits = puzzleBits
    this.#srv = srv
    this.#connection = connection
    connection.onFrames((frames) => {
      for (const bytes of frames) this.#take(decodeFrame(bytes))
    })
  }

  /** Connects and logs the device in: an idle client. */
  static async login(n: number, port: number, srv: Bytes): Promise<BenchClient> {
    return BenchClient.over(await dial({ host: '127.0.0.1', port, timeoutMs: 20_000 }), n, srv)
  }

  static async over(duplex: Duplex, n: number, srv: Bytes): Promise<BenchClient> {
    const connected = await connectClient(duplex, {
      pin: srv,
      clk: CLK,
      clock: systemClock,
      ua: 'bench',
      timeoutMs: 60_000,
    })
    const { connection } = connected
    const client = new BenchClient(n, srv, connected)
    const who = client.#who
    const sig = await BENCH_DSK.signAsync(deviceLoginStatement(connection.exporter, who))
    await client.ask({ t: 'dev.login', acct: who.acct, dev: who.dev, sig })
    return client
  }

  /** One that others can write to: it has published its keys. */
  static async open(n: number, port: number, srv: Bytes): Promise<BenchClient> {
    const client = await BenchClient.login(n, port, srv)
    await client.publish()
    return client
  }

  /** Others can write to it from then on. */
  async publish(): Promise<void> {
    const now = Date.now()
    const [nb, na] = [now, now + 30 * DAY_MS]
    const bundle = await signBundle(BENCH_DSK, {
      ...this.#who,
      ...BENCH_INBOX,
      n: now,
      rq: 0,
      nb,
      na,
    })
    await this.ask({ t: 'bun.put', bundle })
    this.klid = bundleKeyId(bundle.b)
  }

  /** The connection is gone, whoever ended it. */
  get closed(): Promise<unknown> {
    return this.#connection.closed
  }

  /** Opens a stream to one other client. */
  async openStream(to: BenchClient): Promise<void> {
    const st = randomBytes(16)
    const head = encode({
      k: 'env',
      suite: 1,
      srv: this.#srv,
      conv: Buffer.alloc(16),
      st,
      gs: Buffer.alloc(32),
      from: [benchAccount(this.n), BENCH_DEVICE],
      t: Date.now(),
      x: Buffer.alloc(32),
      com: Buffer.alloc(32),
      to: [[benchAccount(to.n), [[BENCH_DEVICE, to.klid]]]],
    })
    const wrap = [Buffer.alloc(256), Buffer.alloc(1088), Buffer.alloc(48)] as const
    await this.ask({ t: 'st.open', st, at: 0, head, w: [wrap] })
    this.#stream = { st, next: 0 }
  }

  /** The stamp travels where a nonce would. */
  send(stamp: number): void {
    this.#connection.send(encodeFrame({ r: this.#next++, ...this.#message(stamp) }))
  }

  /** Resolves when the server has it for good. */
  async store(): Promise<void> {
    await this.ask(this.#message(0))
  }

  get #who(): { readonly srv: Bytes; readonly acct: Bytes; readonly dev: Bytes } {
    return { srv: this.#srv, acct: benchAccount(this.n), dev: BENCH_DEVICE }
  }

  #message(stamp: number): RequestOf<'msg.put'> & { readonly t: 'msg.put' } {
    if (this.#stream === null) throw new Error('no stream is open')
    const n = Buffer.alloc(16)
    n.writeDoubleBE(stamp)
    return { t: 'msg.put', st: this.#stream.st, i: this.#stream.next++, n, c: SEALED }
  }

  ask(fields: object): Promise<Frame> {
    const r = this.#next++
    return new Promise((resolve, reject) => {
      this.#answers.set(r, (frame) => {
        if (frame.t === 'err') reject(new Error(frame.c))
        else resolve(frame)
      })
      this.#connection.send(encodeFrame({ r, ...fields } as unknown as Frame))
    })
  }

  close(): void {
    this.#connection.destroy()
  }

  #take(frame: Frame): void {
    if (frame.t === 'mail') {
      this.#acked = frame.q
      if (!this.#ackPlanned) {
        this.#ackPlanned = true
        process.nextTick(() => {
          this.#ackPlanned = false
          this.#connection.send(encodeFrame({ t: 'mail.ack', q: this.#acked }))
        })
      }
      this.arrived(Buffer.from(frame.n).readDoubleBE(0))
    } else if ((frame.t === 'ok' || frame.t === 'err') && frame.r !== undefined) {
      const answer = this.#answers.get(frame.r)
      this.#answers.delete(frame.r)
      if (answer === undefined && frame.t === 'err') throw new Error(`msg.put: ${frame.c}`)
      answer?.(frame)
    }
  }
}
