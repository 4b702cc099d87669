// The message store of a client with a long life: 1,000 chats, one of them with 100,000 messages. What a person waits for:
// the store at start, a chat, a page further back, the list of chats, a search. In the program's own files, sealed.
// `MESSAGES=100000 CHATS=1000 npm run bench -- history`
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { RecordMessageLog } from '../../lib/client/messages/log.ts'
import type { MessageRow } from '../../lib/client/messages/row.ts'
import { systemClock } from '../../lib/cli/system-clock.ts'
import { encodePayload } from '../../lib/protocol/payloads.ts'
import { openNedbStore } from '../../lib/storage/nedb/store.ts'
import type { Store } from '../../lib/storage/ports.ts'
import { hex } from '../../lib/util/bytes.ts'
import { silentLog } from '../../lib/util/log.ts'
import { randomBytes } from '../../lib/crypto/random.ts'

const MESSAGES = Number(process.env['MESSAGES'] ?? 100_000)
const CHATS = Number(process.env['CHATS'] ?? 1000)
const GROUP = 256
const WORDS = 'the quick brown fox jumps over a lazy dog while nobody is looking at all'.split(' ')
const ACCT = randomBytes(32)
const DEV = randomBytes(8)

function convOf(chat: number): string {
  return chat.toString(16).padStart(32, '0')
}

function message(n: number, conv: string): Omit<MessageRow, 'number'> {
  const words = Array.from({ length: 12 }, (_, i) => WORDS[(n * 7 + i * i) % WORDS.length] ?? '')
  const b = `${words.join(' ')} ${String(n)}`
  const payload = encodePayload({ k: 'text', id: randomBytes(16), ts: n, b })
  return {
    ...{ key: hex(randomBytes(16)), conv, acct: ACCT, dev: DEV, ts: n, at: n, payload },
    ...{ own: n % 2 === 0, resent: false },
  }
}

async function timed<T>(
  work: () => Promise<T>,
): Promise<{ readonly ms: number; readonly result: T }> {
  const from = performance.now()
  const result = await work()
  return { ms: performance.now() - from, result }
}

async function fill(open: () => Promise<Store>, convs: readonly string[]): Promise<void> {
  const store = await open()
  const log = await RecordMessageLog.open(store, convs)
  // a few lines in every chat, then the long one
  const rows = [
    ...Array.from({ length: 3 * CHATS }, (_, i) => message(i, convOf(1 + (i % CHATS)))),
    ...Array.from({ length: MESSAGES }, (_, i) => message(i, convOf(0))),
  ]
  for (let at = 0; at < rows.length; at += GROUP) {
    await Promise.all(rows.slice(at, at + GROUP).map((row) => log.insert(row)))
  }
  await log.idle()
  await store.close()
}

async function search(log: RecordMessageLog, needle: string): Promise<number> {
  let count = 0
  for await (const rows of log.scan(null, needle)) {
    count += rows.length
    await new Promise(setImmediate)
  }
  return count
}

export async function historyBench(): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'securechat-bench-'))
  const key = randomBytes(32)
  const open = (): Promise<Store> =>
    openNedbStore({ dir: join(root, 'store'), key, clock: systemClock, log: silentLog })
  const convs = Array.from({ length: CHATS + 1 }, (_, i) => convOf(i))
  const long = convOf(0)
  try {
    const filled = await timed(() => fill(open, convs))
    const store = await open()
    const { ms: startMs, result: log } = await timed(() => RecordMessageLog.open(store, convs))
    const chat = await timed(() => log.page(long, null, 20))
    const middle = Math.floor(MESSAGES / 2)
    const back = await timed(() => log.page(long, middle, 20))
    const all = await timed(() => log.page(long, null, MESSAGES))
    const list = await timed(() => log.newest(convs))
    const hit = await timed(() => search(log, ` ${String(middle)}`))
    const miss = await timed(() => search(log, 'nowhere to be found'))
    const written = await timed(() => log.insert(message(1, long)))
    await store.close()
    const each = (filled.ms * 1000) / (MESSAGES + 3 * CHATS)
    const ms = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`
    console.log(
      `\nhistory of ${String(MESSAGES)} messages in one chat and ${String(CHATS)} more chats: ` +
        `store open ${ms(startMs)}, chat opened ${ms(chat.ms)}, ` +
        `page from the middle ${ms(back.ms)}, list of chats ${ms(list.ms)} (${String(list.result.size)}), ` +
        `search through all ${ms(miss.ms)} (nothing), ${ms(hit.ms)} (${String(hit.result)} found), ` +
        `all ${String(all.result.length)} read ${ms(all.ms)}, one more written ${ms(written.ms)}; ` +
        `${each.toFixed(0)} us per message written`,
    )
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}
