// Brings the history of the account onto this device: reads the chains of all its devices and puts their rows below those
// that arrive meanwhile (PROTOCOL 11). Everything it does can be done again, so it goes on wherever it was interrupted.
import { convId, type DeviceId } from '../../identity/conversation.ts'
import type { DeviceList } from '../../identity/device-list-body.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import { sleep } from '../../util/clock.ts'
import { codeOf } from '../../util/errors.ts'
import type { HistoryItem } from '../../envelope/history.ts'
import type { RestoreProgress } from '../events.ts'
import type { ArchivedLog, FreeNumbers, Restored, Restoring } from '../messages/archived-log.ts'
import type { GoneChats } from '../messages/gone-chats.ts'
import type { MessageRow } from '../messages/row.ts'
import { type BatchSource, type ChainFault, ChainReader, askFor, openFrom } from './chain-reader.ts'
import { rowOf } from './item.ts'
import type { Reunion } from './reunion.ts'
import { type Merged, MergedChain, mergeNext } from './merge.ts'
import type { ChainProgress, RestoreState } from './restore-state.ts'

/** Items per flush: between two of them mail is stored and keystrokes are served. */
const STEP = 256
/** Room for what the other devices append while this one begins. */
const SLACK = 64
const ROWS_PER_BATCH = 64
/**
 * Where the server did not answer; and of one chain at most, where only it says how long that is. What comes beyond gets numbers
 * as anything new does.
 */
const UNKNOWN_ROWS = 100_000
/** No chain is longer, whatever a server says: with what it makes up no number may be reached that is none. */
const LAST_MAX = 2 ** 32
/** What is followed up later arrives like anything else: behind what is there. */
const NO_NUMBERS: FreeNumbers = { take: () => null, used: () => undefined }
const FIRST_BATCH = { item: 0, prev: Buffer.alloc(32), top: 0 } as const

export interface RestorerDeps extends BatchSource {
  readonly device: DeviceId
  readonly state: RestoreState
  readonly messages: ArchivedLog
  /** The own list, with the devices that are gone. */
  readonly ownList: () => DeviceList
  readonly reunion: Pick<Reunion, 'met' | 'unmet' | 'idle'>
  /** Something is wrong with what the server keeps for this device of ours; null: no such device. */
  readonly fault: (code: ChainFault | 'E_NO_DEVICE' | 'E_FORMAT', dev: Bytes) => void
  readonly progress: (progress: RestoreProgress) => void
  /** These rows are here now, or were already. */
  readonly regained: (rows: readonly MessageRow[]) => Promise<void>
  readonly gone: Pick<GoneChats, 'take' | 'covers'>
  /** What a device stored at this time, before it knew of a block, is not wanted back. */
  readonly isBlocked: (acct: Bytes, at: number) => boolean
  /** A row that live delivery did not bring. */
  readonly late: (row: MessageRow) => void
}

export class Restorer {
  readonly #deps: RestorerDeps
  #stopped = false

  constructor(deps: RestorerDeps) {
    this.#deps = deps
  }

  get progress(): RestoreProgress {
    const { progress } = this.#deps.state
    if (progress === null) return { restored: 0, expected: 0, done: false }
    const { restored, expected, done } = progress
    return { restored, expected: Math.max(expected, restored), done }
  }

  stop(): void {
    this.#stopped = true
  }

  /** Once in the life of a device, before its first mail is judged: what is there, and numbers for it. */
  async prepare(): Promise<void> {
    const { state, messages, clock, ownList } = this.#deps
    if (state.progress !== null) return
    const { devs, gone } = ownList()
    const isAlone = devs.length + gone.length <= 1
    const chains: ChainProgress[] = []
    let expected = 0
    let end: number
    try {
      for (const [dev, last] of isAlone ? [] : await this.#listed()) {
        expected += await this.#rowsOf(dev, last)
        chains.push({ dev, seq: 0, ...FIRST_BATCH, last })
      }
      end = expected + SLACK * chains.length
    } catch (error) {
      if (codeOf(error) === 'E_STORE') throw error
      end = UNKNOWN_ROWS
    }
    if (!messages.isEmpty) end = 0
    messages.reserve(end)
    const done = isAlone
    await state.save({ done, since: clock.now(), restored: 0, expected, end, chains, unmet: [] })
  }

  /** Reads on to the present end of all chains. Rejects when interrupted; the next call goes on. */
  async run(): Promise<void> {
    const { state, reunion } = this.#deps
    for (const acct of state.progress?.unmet ?? []) reunion.met(acct, state.end)
    for (let isMore = await this.#look(); isMore; isMore = await this.#look()) {
      await this.#apply(Infinity, state, () => undefined)
    }
    await reunion.idle()
    await this.#finish()
    if (state.progress !== null) this.#deps.progress(this.progress)
  }

  /** What other devices appended until `upTo` and nobody delivered. */
  async follow(upTo: number): Promise<void> {
    if (await this.#look()) await this.#apply(upTo, NO_NUMBERS, this.#deps.late)
  }

  /** Asks what there is; true when something is left to be read. */
  async #look(): Promise<boolean> {
    const { state } = this.#deps
    const { progress } = state
    if (progress === null || this.#stopped) return false
    const known = new Map(progress.chains.map((chain) => [hex(chain.dev), chain]))
    for (const [dev, last] of await this.#listed()) {
      const chain = known.get(hex(dev)) ?? { dev, seq: 0, ...FIRST_BATCH, last }
      // fewer than before: reading to the old end finds out
      known.set(hex(dev), { ...chain, last: Math.max(last, chain.last) })
    }
    const chains = [...known.values()]
    await state.save({ ...progress, chains })
    return chains.some((chain) => chain.seq <= chain.last)
  }

  /** All other devices of ours that have a chain, and its last number. */
  async #listed(): Promise<[Bytes, number][]> {
    const { link, device, ownList, fault } = this.#deps
    const { devs } = await link.request('hist.ls', {})
    const { devs: present, gone } = ownList()
    const ours = [...present.map(({ id }) => id), ...gone.map(([id]) => id)]
    const listed: [Bytes, number][] = []
    for (const [dev, , last] of devs) {
      if (equal(dev, device.dev)) continue
      if (ours.some((id) => equal(id, dev))) listed.push([dev, Math.min(last, LAST_MAX)])
      else fault('E_NO_DEVICE', dev)
    }
    return listed
  }

  /** How many rows a chain says it has. */
  async #rowsOf(dev: Bytes, last: number): Promise<number> {
    const [row] = await askFor(this.#deps, { dev, seq: last })
    const atMost = (last + 1) * ROWS_PER_BATCH
    const batch =
      row?.[0] === last ? openFrom(this.#deps, { dev, seq: last, e: row[1] }, row[2]) : null
    return Math.min(batch?.rows ?? UNKNOWN_ROWS, atMost)
  }

  async #apply(upTo: number, numbers: FreeNumbers, late: (row: MessageRow) => void): Promise<void> {
    const { state, clock, reunion } = this.#deps
    const chains = (state.progress?.chains ?? []).map((chain) => this.#open(chain, upTo))
    while (!this.#stopped) {
      const step = await mergeNext(chains, STEP)
      const { progress } = state
      if (progress === null) return
      const added = await this.#store(step, numbers, late)
      await state.save({
        ...progress,
        restored: progress.restored + added,
        chains: chains.map((chain) => chain.progress),
        unmet: reunion.unmet,
      })
      if (step.length === 0 && chains.every((chain) => chain.isAtEnd)) return
      this.#deps.progress(this.progress)
      await sleep(clock, 0)
    }
  }

  #open(progress: ChainProgress, upTo: number): MergedChain {
    const { dev, seq, prev = null, last } = progress
    const reader = new ChainReader(this.#deps, { dev, seq, prev }, last, (code) => {
      this.#deps.fault(code, dev)
    })
    return new MergedChain(reader, progress, upTo)
  }

  async #finish(): Promise<void> {
    const { state, reunion } = this.#deps
    const { progress } = state
    if (progress !== null && !progress.done && !this.#stopped) {
      await state.save({ ...progress, done: true, unmet: reunion.unmet })
    }
  }

  /** Resolves to how many rows are new here. */
  async #store(
    step: readonly Merged[],
    numbers: FreeNumbers,
    late: (row: MessageRow) => void,
  ): Promise<number> {
    const { messages, gone } = this.#deps
    const results: Restored[] = []
    let rows: Restoring[] = []
    const flush = async (): Promise<void> => {
      results.push(...(await Promise.all(rows.map((each) => messages.restore(each)))))
      rows = []
    }
    for (const { dev, item } of step) {
      const [row] = this.#checked(item)
      if (row?.aside === 'gone') {
        // what stands before it goes, what stands behind it stays
        await flush()
        await gone.take({ conv: row.conv, dev, number: item.n, at: row.at })
      } else if (row !== undefined && !gone.covers(row, { dev, n: item.n })) {
        rows.push({ row, numbers })
      }
      if (row !== undefined) this.#meet(item)
    }
    await flush()
    await this.#deps.regained(results.map(({ row }) => row))
    const fresh = results.filter((result: Restored) => result.fresh && !result.replaced)
    for (const { row } of fresh) if (row.aside === undefined && row.withheld !== true) late(row)
    return fresh.length
  }

  /** The row of an item, none when it is no row. */
  #checked(item: HistoryItem): Omit<MessageRow, 'number'>[] {
    const { device, fault, isBlocked } = this.#deps
    if (isBlocked(item.f[0], item.at)) return []
    try {
      return [rowOf(item, device.acct)]
    } catch (error) {
      if (codeOf(error) !== 'E_FORMAT') throw error
      fault('E_FORMAT', item.f[1])
      return []
    }
  }

  #meet(item: HistoryItem): void {
    const { device, reunion, state } = this.#deps
    const { srv, acct } = device
    const other = item.w ?? item.f[0]
    const isBetweenTwo = equal(convId({ srv, acct }, { srv, acct: other }), item.c)
    if (isBetweenTwo) reunion.met(other, state.end)
  }
}
