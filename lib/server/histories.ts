// The history logs of accounts: which there are, also of devices that left long ago, and how much an account has in all of
// them (PROTOCOL 11). What is counted is kept in memory and asked of the logs again after a restart.
import type { LogAppended, Logs, Records } from '../storage/ports.ts'
import type { Bytes } from '../util/bytes.ts'
import { BoundedMap } from '../util/rate.ts'
import { boxOf, historyLog } from './ids.ts'

/** One record per log, made before the log. */
const KIND = 'history'
/** Accounts whose usage is remembered. */
const KEPT = 10_000
const PAGE = 100
/** What a log counts, however short it is: it is a file of its own. */
const LOG_BYTES = 4096

interface Usage {
  readonly logs: Set<string>
  bytes: number
}

export class Histories {
  readonly #records: Records
  readonly #logs: Logs
  readonly #maxBytes: number
  readonly #usages = new BoundedMap<Promise<Usage>>(KEPT)

  /** `maxBytes`: of one account in the logs of all its devices. */
  constructor(deps: { readonly records: Records; readonly logs: Logs; readonly maxBytes: number }) {
    this.#records = deps.records
    this.#logs = deps.logs
    this.#maxBytes = deps.maxBytes
  }

  async append(id: string, dev: Bytes, seq: number, chunk: Bytes): Promise<LogAppended> {
    const log = historyLog(id, dev)
    const usage = await this.#usageOf(id)
    const isNew = !usage.logs.has(log)
    if (usage.bytes + chunk.length + (isNew ? LOG_BYTES : 0) > this.#maxBytes) {
      const head = await this.#logs.head(log)
      // a repeated request is answered as ever
      return head.next === seq ? { ok: false, full: true } : { ok: false, conflict: head }
    }
    if (isNew) {
      await this.#records.put(KIND, boxOf(id, dev), dev, { index: { acct: id } })
      usage.logs.add(log)
      usage.bytes += LOG_BYTES
    }
    const result = await this.#logs.append(log, seq, [chunk])
    if (result.ok) usage.bytes += chunk.length
    return result
  }

  /** Every device that ever put something here. */
  async devices(id: string): Promise<Bytes[]> {
    const devs: Bytes[] = []
    for (let after: string | null = null; ;) {
      const page = await this.#records.list(KIND, 'acct', id, after, PAGE)
      devs.push(...page.map(({ body }) => body))
      const last = page.at(-1)
      if (page.length < PAGE || last === undefined) return devs
      after = last.id
    }
  }

  async bytesOf(id: string): Promise<number> {
    return (await this.#usageOf(id)).bytes
  }

  /** All logs of an account. */
  async drop(id: string): Promise<void> {
    for (const dev of await this.devices(id)) {
      await this.#logs.drop(historyLog(id, dev))
      await this.#records.delete(KIND, boxOf(id, dev))
    }
    this.#usages.delete(id)
  }

  #usageOf(id: string): Promise<Usage> {
    const known = this.#usages.get(id)
    if (known !== undefined) return known
    const usage = this.#count(id)
    this.#usages.set(id, usage)
    usage.catch(() => {
      this.#usages.delete(id)
    })
    return usage
  }

  async #count(id: string): Promise<Usage> {
    const usage: Usage = { logs: new Set(), bytes: 0 }
    for (const dev of await this.devices(id)) {
      const log = historyLog(id, dev)
      usage.logs.add(log)
      usage.bytes += LOG_BYTES + (await this.#logs.head(log)).bytes
    }
    return usage
  }
}
