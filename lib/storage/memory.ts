// The Store in memory: for tests and throw-away servers. Same contract as the durable adapters, nothing survives `close`.
import { type Bytes, view } from '../util/bytes.ts'
import type { Clock } from '../util/clock.ts'
import { fail } from '../util/errors.ts'
import { BoxTable, type Mail, type MailboxLimits } from './box-table.ts'
import type {
  Appended,
  Incoming,
  Keys,
  LogHead,
  Logs,
  Mailboxes,
  Rec,
  Records,
  Store,
} from './ports.ts'
import { checkKind, checkRecord } from './record-rules.ts'
import { RecordTable, type Row } from './record-table.ts'

export interface MemoryStoreOptions {
  /** As every adapter is given one; nothing here is read by its age. */
  readonly clock: Clock
  readonly mailbox?: Partial<MailboxLimits>
  /** Bytes of the bodies of one log. Default 1 GiB. */
  readonly logBytes?: number
}

/** Runs one call of a port; what it throws becomes a rejection. */
type Run = <T>(call: () => T) => Promise<T>

/** Bodies are copied in and out: a caller that reuses its buffer must not change the store. */
function copy(bytes: Bytes): Buffer {
  return Buffer.from(view(bytes))
}

function recordOf(row: Row<Buffer> | undefined): Rec | null {
  return row === undefined ? null : { ...row.keys, id: row.id, rev: row.rev, body: copy(row.body) }
}

function memoryRecords(run: Run): Records {
  const tables = new Map<string, RecordTable<Buffer>>()
  const of = (kind: string): RecordTable<Buffer> => {
    checkKind(kind)
    let table = tables.get(kind)
    if (table === undefined) tables.set(kind, (table = new RecordTable()))
    return table
  }
  const put = (kind: string, id: string, body: Bytes, keys: Keys): void => {
    const table = of(kind)
    checkRecord(body, keys)
    const field = table.conflict(id, keys)
    if (field !== undefined) fail('E_TAKEN', `another ${kind} record has this ${field}`)
    table.set({ id, rev: (table.get(id)?.rev ?? 0) + 1, body: copy(body), keys })
  }
  return {
    create: (kind, id, body, keys = {}) =>
      run(() => {
        const table = of(kind)
        checkRecord(body, keys)
        if (table.get(id) !== undefined) return { ok: false, conflict: 'id' }
        const unique = table.conflict(id, keys)
        if (unique !== undefined) return { ok: false, conflict: { unique } }
        table.set({ id, rev: 1, body: copy(body), keys })
        return { ok: true, rev: 1 }
      }),
    get: (kind, id) => run(() => recordOf(of(kind).get(id))),
    getUnique: (kind, field, key) => run(() => recordOf(of(kind).byUnique(field, key))),
    list: (kind, field, key, afterId, limit, order = 'ascending') =>
      run(() =>
        of(kind)
          .list(field, key, afterId, limit, order)
          .flatMap((r) => recordOf(r) ?? []),
      ),
    update: (kind, id, expectRev, body, keys = {}) =>
      run(() => {
        const table = of(kind)
        checkRecord(body, keys)
        const row = table.get(id)
        if (row === undefined) return { ok: false, conflict: 'missing' }
        if (row.rev !== expectRev) return { ok: false, conflict: 'rev' }
        const unique = table.conflict(id, keys)
        if (unique !== undefined) return { ok: false, conflict: { unique } }
        table.set({ id, rev: expectRev + 1, body: copy(body), keys })
        return { ok: true, rev: expectRev + 1 }
      }),
    put: (kind, id, body, keys = {}) =>
      run(() => {
        put(kind, id, body, keys)
      }),
    putMany: (kind, items) =>
      run(() => {
        for (const item of items) put(kind, item.id, item.body, item.keys ?? {})
      }),
    delete: (kind, id, expectRev) =>
      run(() => {
        const row = of(kind).get(id)
        if (row === undefined || (expectRev !== undefined && row.rev !== expectRev)) return false
        of(kind).delete(id)
        return true
      }),
    deleteMany: (kind, ids) =>
      run(() => {
        for (const id of ids) of(kind).delete(id)
      }),
  }
}

function memoryMailboxes(run: Run, limits: Partial<MailboxLimits>): Mailboxes {
  const table = new BoxTable<Mail & { readonly body: Buffer }>(limits)
  let last = 0
  const append = (item: Incoming, assigned: (seq: number) => void): Appended => {
    const known = table.find(item.box, item.id)
    if (known !== undefined) return { status: 'duplicate', seq: known.seq }
    const size = item.body.length
    const refusal = table.refusal(item, size)
    if (refusal !== null) return { status: refusal }
    const seq = ++last
    const { box, from, id, expires } = item
    table.add({ seq, box, from, id, size, expires, body: copy(item.body) })
    assigned(seq)
    return { status: 'stored', seq }
  }
  return {
    append: (items, assigned) =>
      run(() => items.map((item, index) => append(item, (seq) => assigned?.(index, seq)))),
    read: (box, after, limit) =>
      run(() =>
        table
          .list(box, after, limit)
          .map(({ seq, id, body, expires }) => ({ seq, id, body: copy(body), expires })),
      ),
    ack: (box, upTo) =>
      run(() => {
        table.takeUpTo(box, upTo)
      }),
    usage: (box) => run(() => table.usage(box)),
    total: () => run(() => table.total),
    drop: (box) =>
      run(() => {
        table.takeAll(box)
      }),
    sweep: (now) => run(() => table.takeExpired(now).length),
  }
}

interface MemoryLog {
  first: number
  chunks: Buffer[]
}

function memoryLogs(run: Run, logBytes: number): Logs {
  const logs = new Map<string, MemoryLog>()
  const head = (log: MemoryLog | undefined): LogHead => ({
    first: log?.first ?? 0,
    next: log === undefined ? 0 : log.first + log.chunks.length,
    bytes: log?.chunks.reduce((sum, chunk) => sum + chunk.length, 0) ?? 0,
  })
  return {
    append: (name, expectNext, chunks) =>
      run(() => {
        const before = head(logs.get(name))
        if (before.next !== expectNext) return { ok: false, conflict: before }
        const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, before.bytes)
        if (bytes > logBytes) return { ok: false, full: true }
        const log = logs.get(name) ?? { first: 0, chunks: [] }
        log.chunks.push(...chunks.map(copy))
        logs.set(name, log)
        return { ok: true, next: expectNext + chunks.length }
      }),
    read: (name, from, to, maxBytes) =>
      run(() => {
        const log = logs.get(name)
        const found: { seq: number; body: Bytes }[] = []
        let bytes = 0
        for (let seq = Math.max(from, log?.first ?? 0); seq < to; seq++) {
          const chunk = log?.chunks[seq - log.first]
          if (chunk === undefined || (found.length > 0 && bytes + chunk.length > maxBytes)) break
          found.push({ seq, body: copy(chunk) })
          bytes += chunk.length
        }
        return found
      }),
    head: (name) => run(() => head(logs.get(name))),
    truncate: (name, before) =>
      run(() => {
        const log = logs.get(name)
        if (log === undefined || before <= log.first) return
        const gone = log.chunks.splice(0, before - log.first)
        log.first += gone.length
      }),
    drop: (name) =>
      run(() => {
        logs.delete(name)
      }),
  }
}

export function createMemoryStore(options: MemoryStoreOptions): Store {
  let closed = false
  const run: Run = (call) =>
    new Promise((resolve) => {
      if (closed) fail('E_CLOSED', 'the store is closed')
      resolve(call())
    })
  return {
    records: memoryRecords(run),
    mail: memoryMailboxes(run, options.mailbox ?? {}),
    logs: memoryLogs(run, options.logBytes ?? 2 ** 30),
    health: () => Promise.resolve(closed ? 'down' : 'ok'),
    close: () => {
      closed = true
      return Promise.resolve()
    },
  }
}
