// The sealed history of the account on the server, as one part of a session: what this device appends, what it restores,
// and what of the server's answers a person must hear about (PROTOCOL 11).
import type { DeviceList } from '../../identity/device-list-body.ts'
import type { DeviceId } from '../../identity/conversation.ts'
import type { Records } from '../../storage/ports.ts'
import { type Bytes, hex } from '../../util/bytes.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { codeOf, type ErrorCode, fail } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { ArchiveApi, ArchiveStatus } from '../archive-api.ts'
import type { Emit } from '../emitter.ts'
import type { ClientEvent, MessageView, RestoreProgress } from '../events.ts'
import type { GoneChats } from '../messages/gone-chats.ts'
import type { RecordMessageLog } from '../messages/log.ts'
import type { MessageRow } from '../messages/row.ts'
import { type Names, viewOf } from '../messages/view.ts'
import type { Directory } from '../people/directory.ts'
import type { Peers } from '../people/peers.ts'
import { Appender } from './appender.ts'
import type { BatchSource } from './chain-reader.ts'
import { Heads } from './heads.ts'
import { OwnChain } from './own-chain.ts'
import { Restorer } from './restorer.ts'
import type { RestoreState } from './restore-state.ts'
import { Reunion } from './reunion.ts'
import { warning } from './warnings.ts'

const PAGE = 200
/** A last append must not keep anybody from leaving. */
const LAST_APPEND_MS = 1500
const RETRY_MS = 30_000
const PROGRESS_EVERY_MS = 5000
/** Live delivery comes first; and what is followed up has had its time after two days. */
const FOLLOW_AFTER_MS = 10 * 60_000
const FOLLOW_FOR_MS = 48 * 3_600_000

export interface ArchiveDeps extends Omit<BatchSource, 'account'> {
  readonly device: DeviceId
  readonly records: Records
  readonly state: RestoreState
  readonly messages: RecordMessageLog
  readonly peers: Peers
  readonly directory: Directory
  readonly names: Names
  readonly clock: Clock
  readonly log: Log
  readonly emit: Emit
  readonly broken: (error: unknown) => void
  /** See RestorerDeps. */
  readonly gone: GoneChats
  readonly isBlocked: (acct: Bytes, at: number) => boolean
  /** The other devices want to know how far our chain is. */
  readonly appended: () => void
  /** With the message it answers. */
  readonly viewed: (row: MessageRow) => Promise<MessageView>
  /** Rows came back; `upTo`: what another device has seen. */
  readonly regained: (rows: readonly MessageRow[], upTo: number) => Promise<void>
  /** The conversation that a person means. */
  readonly chatOf: (chat: string) => Promise<{ readonly conv: string }>
}

export class Archive implements ArchiveApi {
  readonly #deps: ArchiveDeps
  readonly #chain: OwnChain
  readonly heads: Heads
  readonly #appender: Appender
  readonly #restorer: Restorer
  readonly #reunion: Reunion
  readonly #said = new Set<string>()
  readonly #waiting: (() => void)[] = []
  #isRestoring = false
  #timer: Timer | null = null
  #toldAt = -Infinity
  #hasAppendedAgain = false
  #stopped = false

  private constructor(deps: ArchiveDeps, chain: OwnChain, heads: Heads) {
    this.#deps = deps
    this.heads = heads
    this.#chain = chain
    const { device, messages, peers } = deps
    const source = { ...deps, account: device }
    this.#reunion = new Reunion(deps)
    this.#appender = new Appender({
      ...source,
      chain,
      otherOf: (conv) => peers.byConv(conv)?.acct,
      fault: (code) => {
        this.#warn(code, device.dev)
      },
      again: () => {
        this.#appendAgain()
      },
    })
    this.#restorer = new Restorer({
      ...source,
      ownList: () => this.#ownList(),
      reunion: this.#reunion,
      fault: (code, dev) => {
        this.#warn(code, dev)
      },
      progress: (progress) => {
        this.#tell(progress)
      },
      regained: (rows) => deps.regained(rows, deps.state.end),
      late: (row) => {
        deps.emit({ type: 'message', message: viewOf(row, deps.names), fills: false })
      },
    })
    messages.appendedUpTo(Math.max(chain.head.top, deps.state.end))
    messages.onDue((count) => {
      this.#appender.touched(count)
    })
    deps.link.add({
      online: () => {
        this.#later(0)
      },
    })
  }

  static async open(deps: ArchiveDeps): Promise<Archive> {
    const chain = await OwnChain.open(deps.records)
    let archive: Archive | null = null
    const heads = await Heads.open({
      ...{ ...deps, account: deps.device, dev: deps.device.dev, chain },
      fault: (code, dev) => {
        if (archive !== null) archive.#warn(code, dev)
      },
    })
    archive = new Archive(deps, chain, heads)
    return archive
  }

  /** Before the first mail is judged: numbers for what will come back. */
  async prepare(): Promise<void> {
    await this.#restorer.prepare()
    this.#later(0)
  }

  status(): ArchiveStatus {
    return { batches: this.#chain.head.seq, restore: this.#restorer.progress }
  }

  flush(): Promise<void> {
    return this.#appender.flush()
  }

  async restored(): Promise<RestoreProgress> {
    while (!this.#restorer.progress.done && !this.#stopped) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
      })
    }
    return this.#restorer.progress
  }

  async *messages(chat: string): AsyncIterable<MessageView> {
    const { messages, chatOf, viewed } = this.#deps
    const { conv } = await chatOf(chat)
    let after = 0
    for (;;) {
      const rows = await messages.after(conv, after, PAGE)
      for (const row of rows) if (row.withheld !== true) yield await viewed(row)
      const last = rows.at(-1)
      if (last === undefined || rows.length < PAGE) return
      after = last.number
    }
  }

  /** Another device of ours begins: what it looks for should be there. */
  heard(event: ClientEvent): void {
    if (event.type !== 'contact' || event.change !== 'new-device') return
    if (event.contact.acct !== hex(this.#deps.device.acct)) return
    this.flush().catch((error: unknown) => {
      this.#deps.log.info('client.archive.flush', { code: codeOf(error) })
    })
  }

  /** Appends what waits, if that is quick, and ends. */
  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.#timer?.cancel()
    this.#restorer.stop()
    this.heads.stop()
    this.#reunion.stop()
    if (this.#deps.link.online) await this.#lastAppend()
    this.#appender.stop()
    this.#wake()
  }

  async #lastAppend(): Promise<void> {
    const { clock } = this.#deps
    await new Promise<void>((resolve) => {
      const timer = clock.after(LAST_APPEND_MS, resolve)
      this.flush().then(
        () => {
          timer.cancel()
          resolve()
        },
        () => {
          timer.cancel()
          resolve()
        },
      )
    })
  }

  #later(ms: number): void {
    this.#timer?.cancel()
    if (this.#stopped) return
    this.#timer = this.#deps.clock.after(ms, () => {
      this.#timer = null
      if (this.#isRestoring) return
      this.#isRestoring = true
      void this.#restore().finally(() => {
        this.#isRestoring = false
      })
    })
  }

  async #restore(): Promise<void> {
    const { link, clock, log, state, broken } = this.#deps
    if (!link.online || state.progress === null) return
    const { since } = state.progress
    try {
      if (!state.progress.done) {
        await this.#restorer.run()
        if (this.#restorer.progress.done) this.#wake()
        this.#later(FOLLOW_AFTER_MS)
      } else if (clock.now() - since < FOLLOW_FOR_MS) {
        await this.#restorer.follow(clock.now() - FOLLOW_AFTER_MS)
        this.#later(FOLLOW_AFTER_MS)
      }
    } catch (error) {
      const code = codeOf(error)
      if (this.#stopped) return
      log.info('client.restore', { code })
      if (code === 'E_STORE' || code === 'E_DISK_FULL') broken(error)
      else this.#retry()
    }
  }

  /** Offline: the next connection begins again. */
  #retry(): void {
    if (this.#deps.link.online) this.#later(RETRY_MS)
  }

  /** The server has lost what was appended: all of it once more, but only once, whatever it says. */
  #appendAgain(): void {
    if (this.#hasAppendedAgain) return
    this.#hasAppendedAgain = true
    this.#deps.messages.appendedUpTo(0)
  }

  #ownList(): DeviceList {
    const { peers, directory, device } = this.#deps
    return directory.listOf(peers.get(device.acct) ?? fail('E_CORRUPT'))
  }

  #tell(progress: RestoreProgress): void {
    const { clock, emit } = this.#deps
    const now = clock.monotonic()
    if (!progress.done && now - this.#toldAt < PROGRESS_EVERY_MS) return
    if (progress.done && progress.restored === 0) return
    this.#toldAt = now
    emit({ type: 'restore', progress })
  }

  /** Each kind of trouble once per device and session. */
  #warn(code: ErrorCode, dev: Bytes): void {
    const key = `${code}:${hex(dev)}`
    if (this.#said.has(key)) return
    this.#said.add(key)
    const { log, emit } = this.#deps
    log.warn('client.archive.fault', { code })
    emit({ type: 'notice', level: 'warning', code, text: warning(code, dev) })
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
