// A group of a hundred: what the first message after a change costs (a new stream: one wrap for each device), what each
// following one costs, and what the server needs to hand it to all the others. Real envelopes at the sender.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { randomBytes } from '../../lib/crypto/random.ts'
import { RsaPublicKey } from '../../lib/crypto/rsa.ts'
import { SenderStream } from '../../lib/envelope/sender-stream.ts'
import type { VerifiedBundle } from '../../lib/identity/bundle.ts'
import { encodePayload } from '../../lib/protocol/payloads.ts'
import { cpuMicros, pin, start } from './process.ts'
import {
  BENCH_DEVICE,
  BENCH_DSK,
  BENCH_INBOX,
  BenchClient,
  benchAccount,
} from './securechat-client.ts'

const MEMBERS = 100
const STREAMS = 5
const MESSAGES = 200

function bundleOf(srv: Uint8Array, member: BenchClient): VerifiedBundle {
  const { x, pq } = BENCH_INBOX
  const rsa = RsaPublicKey.fromSpki(BENCH_INBOX.rsa, 2048)
  const id = { srv, acct: benchAccount(member.n), dev: BENCH_DEVICE, klid: member.klid }
  return { ...id, rsa, x, pq, n: 1, rq: 0, na: Number.MAX_SAFE_INTEGER }
}

async function timed<T>(work: () => Promise<T>): Promise<readonly [number, T]> {
  const from = performance.now()
  const result = await work()
  return [performance.now() - from, result]
}

function text(b: string): Buffer {
  return encodePayload({ k: 'text', id: randomBytes(16), ts: Date.now(), b })
}

export async function groupBench(): Promise<void> {
  pin(process.pid, 1)
  const folder = await mkdtemp(join(tmpdir(), 'securechat-bench-'))
  const file = new URL('./securechat-server.ts', import.meta.url)
  const server = await start(file, [folder, String(MEMBERS)], 0)
  try {
    const port = Number(server.hello['port'])
    const srv = server.hello['srv'] as Uint8Array
    const members: BenchClient[] = []
    for (let n = 0; n < MEMBERS; n++) members.push(await BenchClient.open(n, port, srv))
    const [sender, ...others] = members
    if (sender === undefined) return
    let arrived = 0
    let wake = (): void => undefined
    for (const other of others) {
      other.arrived = () => {
        arrived += 1
        wake()
      }
    }
    const all = async (count: number): Promise<void> => {
      while (arrived < count) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      arrived = 0
    }
    const recipients = others.map((other) => bundleOf(srv, other))
    const open = (): Promise<SenderStream> =>
      SenderStream.open({
        ...{ srv, conv: randomBytes(16), gs: randomBytes(32), dsk: BENCH_DSK, recipients },
        ...{ from: { acct: benchAccount(sender.n), dev: BENCH_DEVICE }, now: Date.now() },
      })

    const opening: number[] = []
    const first: number[] = []
    const cpuFirst = cpuMicros(server.pid)
    let stream = await open()
    for (let k = 0; k < STREAMS; k++) {
      const [openMs, opened] = await timed(open)
      stream = opened
      opening.push(openMs)
      const [firstMs] = await timed(async () => {
        await sender.ask({ t: 'st.open', st: opened.st, at: 0, head: opened.head, w: opened.wraps })
        await sender.ask({ t: 'msg.put', ...(await opened.seal(text('the first after a change'))) })
        await all(others.length)
      })
      first.push(firstMs)
    }
    const serverFirst = (cpuMicros(server.pid) - cpuFirst) / STREAMS

    const cpuNext = cpuMicros(server.pid)
    const [sealMs, sealed] = await timed(async () => {
      const list = []
      for (let k = 0; k < MESSAGES; k++) list.push(await stream.seal(text(`message ${String(k)}`)))
      return list
    })
    const [sendMs] = await timed(async () => {
      for (const message of sealed) {
        await sender.ask({ t: 'msg.put', ...message })
        await all(others.length)
      }
    })
    const serverNext = (cpuMicros(server.pid) - cpuNext) / MESSAGES
    const median = (list: number[]): string =>
      (list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN).toFixed(0)
    console.log(
      `\ngroup of ${String(MEMBERS)}, one device each, all online: first message after a change ` +
        `${median(opening)} ms to seal for all, ${median(first)} ms until everybody has it, ` +
        `${(serverFirst / 1000).toFixed(1)} ms of server CPU; each following message ` +
        `${(sealMs / MESSAGES).toFixed(1)} ms to seal, ${(sendMs / MESSAGES).toFixed(1)} ms until everybody has it, ` +
        `${(serverNext / 1000).toFixed(2)} ms of server CPU (${(serverNext / others.length).toFixed(0)} us a member)`,
    )
    for (const member of members) member.close()
  } finally {
    server.child.kill()
    await rm(folder, { recursive: true, force: true })
  }
}
