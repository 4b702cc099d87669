// Whom the user wants to hear nothing from: sealed for the own devices, enforced here alone. The blocked side and the server
// cannot tell a block from silence (PROTOCOL 11).
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { b, check, list, map, opt, type Shape, tuple, u } from '../../protocol/shape.ts'
import type { Records } from '../../storage/ports.ts'
import { type Bytes, fromHex, hex } from '../../util/bytes.ts'
import { codeOf } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import { type BlobDeps, SealedBlob } from './sealed-blob.ts'

const KIND = 'meta'
const ID = 'blocks'
const BLOCKS_MAX = 1200

interface BlockList {
  readonly list: readonly (readonly [acct: Bytes, at: number])[]
}

const BLOCK_LIST: Shape<BlockList> = map({ list: list(tuple(b(32), u), BLOCKS_MAX) })

const STORED = map({
  v: u,
  l: list(tuple(b(32), u), BLOCKS_MAX),
  /** Changes that the server does not have yet: 1 = blocked, 0 = not. */
  p: opt(list(tuple(b(32), u), BLOCKS_MAX)),
})

export interface BlockDeps extends Omit<BlobDeps<BlockList>, 'name' | 'shape'> {
  readonly records: Records
  readonly log: Log
  /** The set changed: by the user here, or on another device. */
  changed(acct: Bytes, blocked: boolean): Promise<unknown>
}

export class Blocks {
  readonly #deps: BlockDeps
  readonly #blob: SealedBlob<BlockList>
  readonly #since = new Map<string, number>()
  readonly #pending = new Map<string, boolean>()
  #ver: number
  #syncing: Promise<void> | null = null

  private constructor(deps: BlockDeps, ver: number) {
    this.#deps = deps
    this.#ver = ver
    this.#blob = new SealedBlob({ ...deps, name: 'blocks', shape: BLOCK_LIST }, ver)
    deps.link.add({
      online: () => {
        void this.sync()
      },
    })
  }

  static async open(deps: BlockDeps): Promise<Blocks> {
    const record = await deps.records.get(KIND, ID)
    if (record === null) return new Blocks(deps, 0)
    const { v, l, p = [] } = check(STORED, decodeStrict(record.body), 'block list')
    const blocks = new Blocks(deps, v)
    for (const [acct, at] of l) blocks.#since.set(hex(acct), at)
    for (const [acct, blocked] of p) blocks.#pending.set(hex(acct), blocked === 1)
    return blocks
  }

  get version(): number {
    return this.#ver
  }

  /** @throws as SealedBlob.read */
  async load(): Promise<void> {
    await this.#syncing
    await this.#exchange()
  }

  reseal(): Promise<void> {
    return this.#blob.reseal()
  }

  has(acct: Bytes): boolean {
    return this.#since.has(hex(acct))
  }

  /** Whether the account was blocked at this time already (ms), and is now. */
  hadBlocked(acct: Bytes, at: number): boolean {
    return at > (this.#since.get(hex(acct)) ?? Infinity)
  }

  /** Holds at once and for good; the other devices hear of it when there is a connection. */
  async set(acct: Bytes, blocked: boolean, now: number): Promise<void> {
    const key = hex(acct)
    this.#pending.set(key, blocked)
    await this.#apply(key, blocked, now)
    await this.#save()
    await this.sync()
  }

  /** Sends what is pending, takes over what other devices changed. Failures wait for the next connection. */
  sync(): Promise<void> {
    this.#syncing ??= this.#exchange()
      .catch((error: unknown) => {
        this.#deps.log.info('client.blocks.sync', { code: codeOf(error) })
      })
      .finally(() => {
        this.#syncing = null
      })
    return this.#syncing
  }

  async #exchange(): Promise<void> {
    if (!this.#deps.link.online) return
    const sent = new Map(this.#pending)
    const { ver, content } =
      sent.size === 0
        ? await this.#blob.read()
        : await this.#blob.change((current) => merged(current, sent, this.#since))
    const there = new Map((content?.list ?? []).map(([acct, at]) => [hex(acct), at]))
    for (const [key, blocked] of sent) {
      if (this.#pending.get(key) === blocked) this.#pending.delete(key)
    }
    for (const key of new Set([...there.keys(), ...this.#since.keys()])) {
      if (this.#pending.has(key) || there.has(key) === this.#since.has(key)) continue
      await this.#apply(key, there.has(key), there.get(key) ?? 0)
    }
    this.#ver = ver
    await this.#save()
    if (this.#pending.size > 0) await this.#exchange()
  }

  async #apply(key: string, blocked: boolean, at: number): Promise<void> {
    if (blocked) this.#since.set(key, at)
    else this.#since.delete(key)
    await this.#deps.changed(fromHex(key), blocked)
  }

  async #save(): Promise<void> {
    const body = encode({
      v: this.#ver,
      l: [...this.#since].map(([key, at]) => [fromHex(key), at]),
      p: [...this.#pending].map(([key, blocked]) => [fromHex(key), blocked ? 1 : 0]),
    })
    await this.#deps.records.put(KIND, ID, body)
  }
}

function merged(
  current: BlockList | null,
  pending: ReadonlyMap<string, boolean>,
  since: ReadonlyMap<string, number>,
): BlockList {
  const entries = new Map((current?.list ?? []).map(([acct, at]) => [hex(acct), at]))
  for (const [key, blocked] of pending) {
    if (blocked) entries.set(key, since.get(key) ?? 0)
    else entries.delete(key)
  }
  return { list: [...entries].map(([key, at]) => [fromHex(key), at] as const) }
}
