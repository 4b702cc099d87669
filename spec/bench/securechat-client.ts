// A lean client of our server for load: real channel, real frames, sealed bytes of the right size instead of envelopes.
import type { Connection } from '../../lib/channel/connection.ts'
import { connectClient } from '../../lib/channel/client-handshake.ts'
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
import type { Frame } from '../../lib/protocol/frames.ts'
import type { Bytes } from '../../lib/util/bytes.ts'
import { rsa2048 } from '../helpers/keys.ts'

const DAY_MS = 86_400_000
/** 512 bytes of padded plaintext and its tag: what a message of 256 characters becomes. */
const SEALED_BYTES = 528
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
  readonly klid: Bytes
  arrived: (stamp: number) => void = () => undefined
  readonly #connection: Connection
  readonly #answers = new Map<number, (frame: Frame) => void>()
  #next = 1
  #acked = 0
  #ackPlanned = false
  #stream: { readonly st: Buffer; next: number } | null = null

  private constructor(n: number, connection: Connection, klid: Bytes) {
    this.n = n
    this.klid = klid
    this.#connection = connection
    connection.onFrames((frames) => {
      for (const bytes of frames) this.#take(decodeFrame(bytes))
    })
  }

  /** Connects, logs the device in and publishes a bundle. */
  static async open(n: number, port: number, srv: Bytes): Promise<BenchClient> {
    const { connection } = await connectClient(
      await dial({ host: '127.0.0.1', port, timeoutMs: 20_000 }),
      {
        pin: srv,
        clk: CLK,
        clock: systemClock,
        ua: 'bench',
      },
    )
    const who = { srv, acct: benchAccount(n), dev: BENCH_DEVICE }
    const now = Date.now()
    const bundle = await signBundle(BENCH_DSK, {
      ...who,
      ...BENCH_INBOX,
      n: now,
      rq: 0,
      nb: now,
      na: now + 30 * DAY_MS,
    })
    const client = new BenchClient(n, connection, bundleKeyId(bundle.b))
    const sig = await BENCH_DSK.signAsync(deviceLoginStatement(connection.exporter, who))
    await client.ask({ t: 'dev.login', acct: who.acct, dev: who.dev, sig })
    await client.ask({ t: 'bun.put', bundle })
    return client
  }

  /** Opens a stream to one other client. */
  async openStream(srv: Bytes, to: BenchClient): Promise<void> {
    const st = randomBytes(16)
    const head = encode({
      k: 'env',
      suite: 1,
      srv,
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
    if (this.#stream === null) return
    const n = Buffer.alloc(16)
    n.writeDoubleBE(stamp)
    const { st } = this.#stream
    const i = this.#stream.next++
    this.#connection.send(
      encodeFrame({ t: 'msg.put', r: this.#next++, st, i, n, c: Buffer.alloc(SEALED_BYTES) }),
    )
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
