// The phone book: device lists and bundles of accounts, cached in memory within a bound, so that opening a stream or
// logging in a device usually reads no storage. Everything in it was verified before it was stored; clients verify again.
import { randomBytes } from '../crypto/random.ts'
import { bundleKeyId } from '../identity/bundle.ts'
import { type Device, type DeviceList, parseDeviceList } from '../identity/device-list-body.ts'
import { decodeStrict, encode } from '../protocol/cbor.ts'
import { bundle, type SignedBundle, type SignedDeviceList } from '../protocol/composites.ts'
import type { Username } from '../protocol/names.ts'
import { check, exact, u } from '../protocol/shape.ts'
import type { Records, Router } from '../storage/ports.ts'
import { base64url, type Bytes, concat, equal, utf8, view } from '../util/bytes.ts'
import type { Log } from '../util/log.ts'
import type { Accounts } from './accounts.ts'
import { boxOf } from './ids.ts'
import { refuse } from './refusal.ts'

const BUNDLE_KIND = 'bundle'
/** Where nodes tell each other which entry to forget. */
const CHANGES_BOX = 'directory'
const ENTRY_OVERHEAD_BYTES = 4096

export interface DirectoryBundle {
  readonly signed: SignedBundle
  readonly klid: Bytes
  readonly n: number
  /** Valid until, ms since 1970. */
  readonly na: number
}

export interface DirectoryEntry {
  readonly id: string
  readonly acct: Bytes
  readonly user: Username
  readonly signed: SignedDeviceList
  readonly list: DeviceList
  readonly disabled: boolean
  /** By base64url of the device id; only devices of the list. */
  readonly bundles: ReadonlyMap<string, DirectoryBundle>
  /** Approximate memory it takes. */
  readonly bytes: number
}

/** A list and what it says. */
export type KnownList = Pick<DirectoryEntry, 'signed' | 'list'>

/** An entry on its way from the store, and how often it changed there meanwhile. */
interface Loading {
  changes: number
  entry: Promise<DirectoryEntry | null>
}

const STORED = exact({ bundle, n: u, na: u })

export class Directory {
  readonly #records: Records
  readonly #accounts: Accounts
  readonly #router: Router
  readonly #log: Log
  readonly #maxBytes: number
  readonly #changed: (id: string, by?: string) => void
  readonly #node = randomBytes(8)
  /** Least recently used first. */
  readonly #cache = new Map<string, DirectoryEntry>()
  readonly #names = new Map<string, string>()
  readonly #loading = new Map<string, Loading>()
  /** Of accounts that are being refreshed. */
  readonly #known = new Map<string, KnownList>()
  #bytes = 0

  /** `changed`: devices or keys of an account are no longer what they were; `by`: only the keys of this device. */
  constructor(deps: {
    readonly records: Records
    readonly accounts: Accounts
    readonly router: Router
    readonly log: Log
    readonly maxBytes: number
    readonly changed: (id: string, by?: string) => void
  }) {
    this.#records = deps.records
    this.#accounts = deps.accounts
    this.#router = deps.router
    this.#log = deps.log
    this.#maxBytes = deps.maxBytes
    this.#changed = deps.changed
  }

  /** Hears what other nodes change. */
  start(): Promise<() => Promise<void>> {
    return this.#router.attach(CHANGES_BOX, (message) => {
      if (!equal(message.subarray(0, this.#node.length), this.#node)) {
        this.#forget(view(message.subarray(this.#node.length)).toString())
      }
    })
  }

  /** The cached entry, without waiting. */
  peek(id: string): DirectoryEntry | undefined {
    const entry = this.#cache.get(id)
    if (entry !== undefined) {
      this.#cache.delete(id)
      this.#cache.set(id, entry)
    }
    return entry
  }

  /** Null when there is no such account (any more). */
  get(id: string): Promise<DirectoryEntry | null> {
    const cached = this.peek(id)
    if (cached !== undefined) return Promise.resolve(cached)
    const under = this.#loading.get(id)
    if (under !== undefined) return under.entry
    const load: Loading = { changes: 0, entry: Promise.resolve(null) }
    load.entry = this.#load(id, load).finally(() => this.#loading.delete(id))
    this.#loading.set(id, load)
    return load.entry
  }

  async byName(name: Username): Promise<DirectoryEntry | null> {
    const known = this.#names.get(name)
    const id = known ?? (await this.#accounts.byName(name))?.id
    const entry = id === undefined ? null : await this.get(id)
    return entry?.user === name ? entry : null
  }

  /** Past the cache, for an asker who has seen a newer state elsewhere. */
  reload(id: string): Promise<DirectoryEntry | null> {
    this.#uncache(id)
    return this.get(id)
  }

  /**
   * What a stored list says; from the cache when it is the current one there. Importing its keys takes milliseconds of
   * the event loop.
   */
  parsed(id: string, { b }: SignedDeviceList): DeviceList {
    const entry = this.#cache.get(id)
    return entry !== undefined && equal(entry.signed.b, b) ? entry.list : parseDeviceList(b)
  }

  /**
   * After a change in the store: reads it again and tells everybody who relies on the old state. `by`: only the keys of
   * this device changed. `next`: what a list that was just stored says, which spares its keys another import.
   */
  refresh(
    id: string,
    { by, next }: { readonly by?: string; readonly next?: KnownList } = {},
  ): Promise<DirectoryEntry | null> {
    const known = next ?? this.#cache.get(id)
    this.#forget(id, by)
    if (known !== undefined) this.#known.set(id, { signed: known.signed, list: known.list })
    void this.#router.publish(CHANGES_BOX, concat(this.#node, utf8(id))).catch((error: unknown) => {
      this.#log.warn('server.directory-publish', { cause: String(error) })
    })
    return this.get(id).finally(() => this.#known.delete(id))
  }

  /**
   * Stores a verified bundle; numbers only grow.
   *
   * @throws E_CAS (n: the current number) for an older one or another one of the same number
   */
  async putBundle(id: string, signed: SignedBundle, n: number, na: number): Promise<void> {
    const key = boxOf(id, signed.dev)
    const body = encode({ bundle: signed, n, na })
    const keys = { index: { acct: id } }
    for (;;) {
      const rec = await this.#records.get(BUNDLE_KIND, key)
      if (rec === null) {
        if ((await this.#records.create(BUNDLE_KIND, key, body, keys)).ok) break
        continue
      }
      const current = check(STORED, decodeStrict(rec.body), 'bundle record')
      if (equal(current.bundle.b, signed.b)) return
      if (n <= current.n) refuse('E_CAS', { n: current.n })
      if ((await this.#records.update(BUNDLE_KIND, key, rec.rev, body, keys)).ok) break
    }
    await this.refresh(id, { by: key })
  }

  async dropBundle(id: string, dev: Bytes): Promise<void> {
    await this.#records.delete(BUNDLE_KIND, boxOf(id, dev))
  }

  #forget(id: string, by?: string): void {
    this.#uncache(id)
    this.#changed(id, by)
  }

  #uncache(id: string): void {
    const under = this.#loading.get(id)
    if (under !== undefined) under.changes++
    const old = this.#cache.get(id)
    if (old !== undefined) this.#evict(old)
  }

  #evict(entry: DirectoryEntry): void {
    this.#cache.delete(entry.id)
    this.#names.delete(entry.user)
    this.#bytes -= entry.bytes
  }

  async #load(id: string, load: Loading): Promise<DirectoryEntry | null> {
    for (;;) {
      const { changes } = load
      const stored = await this.#accounts.get(id)
      if (stored === null) return null
      const recs = await this.#records.list(BUNDLE_KIND, 'acct', id, null, 100)
      // what changed meanwhile must not be cached in its old state
      if (load.changes !== changes) continue
      const { account } = stored
      const known = this.#known.get(id)
      const isKnown = known !== undefined && equal(known.signed.b, account.list.b)
      const list = isKnown ? known.list : parseDeviceList(account.list.b)
      const bundles = new Map<string, DirectoryBundle>()
      let bytes = ENTRY_OVERHEAD_BYTES + 2 * account.list.b.length
      for (const rec of recs) {
        const { bundle: signed, n, na } = check(STORED, decodeStrict(rec.body), 'bundle record')
        if (findDevice(list, signed.dev) === undefined) continue
        bundles.set(base64url(signed.dev), { signed, n, na, klid: bundleKeyId(signed.b) })
        bytes += rec.body.length
      }
      const entry: DirectoryEntry = {
        id,
        acct: account.acct,
        user: account.user,
        signed: account.list,
        list,
        disabled: account.state === 'disabled',
        bundles,
        bytes,
      }
      this.#keep(entry)
      return entry
    }
  }

  #keep(entry: DirectoryEntry): void {
    this.#cache.set(entry.id, entry)
    this.#names.set(entry.user, entry.id)
    this.#bytes += entry.bytes
    for (const oldest of this.#cache.values()) {
      if (this.#bytes <= this.#maxBytes || oldest === entry) return
      this.#evict(oldest)
    }
  }
}

export function findDevice(list: DeviceList, dev: Bytes): Device | undefined {
  return list.devs.find((d) => equal(d.id, dev))
}
