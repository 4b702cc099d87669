// The inbox keys of this device over time: new at each launch, every 24 hours and on request; the old ones live until
// nothing can come for them any more, then they are destroyed (PROTOCOL 3, 6.6).
import type { InboxKeys } from '../../envelope/inbox-keys.ts'
import { bundleKeyId, signBundle } from '../../identity/bundle.ts'
import type { SignedBundle } from '../../protocol/composites.ts'
import { LIMITS } from '../../protocol/limits.ts'
import { type Bytes, equal } from '../../util/bytes.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { codeOf, fail, SecureChatError } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { Emit } from '../emitter.ts'
import type { Link } from '../link.ts'
import { Refusal } from '../refusal.ts'
import type { InboxSet } from './device-keys.ts'
import type { KeyMaker } from './key-maker.ts'
import type { Profile } from './profile.ts'

export type RotationReason = 'launch' | 'daily' | 'asked'

const DAY_MS = 24 * 3_600_000
/** Mail for the keys before the last is on its way for at most this long after `bun.put`. */
const LINGER_MS = 60_000
const BUSY_RETRY_MS = 5000
const TRIES = 5
/** Numbers start at unix seconds: none that was ever published is this far ahead (PROTOCOL 5.5). */
const AHEAD_MAX_S = 10 * 365 * 24 * 3600

export interface KeyRingDeps {
  readonly keys: KeyMaker
  readonly profile: Profile
  readonly link: Link
  readonly clock: Clock
  readonly log: Log
  readonly emit: Emit
  /** Strangers must ask first (PROTOCOL 7.3): our keys say so. */
  readonly isStrict: () => boolean
  /** Everything that has arrived is stored and acknowledged. */
  inboxIdle(): boolean
}

export class KeyRing {
  readonly #deps: KeyRingDeps
  #sets: readonly InboxSet[]
  #pending: { readonly bundle: SignedBundle; readonly why: RotationReason } | null = null
  #publishing: Promise<void> | null = null
  #saving: Promise<void> = Promise.resolve()
  #daily: Timer | null = null
  #linger: Timer | null = null
  #publishedAtLogin = 0
  #stopped = false

  constructor(deps: KeyRingDeps) {
    this.#deps = deps
    const oldest = deps.clock.now() - LIMITS.bundleLifeMs
    this.#sets = deps.profile.inbox.filter((set) => set.madeAt > oldest)
    deps.link.add({
      online: () => {
        this.#publishedAtLogin = this.#newestPublished()
        if (this.#pending !== null) void this.publish().catch(() => undefined)
      },
    })
  }

  /** The live set with this id, if any. */
  find(klid: Bytes): InboxKeys | undefined {
    return this.#sets.find((set) => equal(set.klid, klid))?.keys
  }

  get current(): InboxSet | undefined {
    return this.#sets.at(-1)
  }

  /** The number that the directory has; 0 = none yet. */
  get published(): number {
    return this.#newestPublished()
  }

  /** Adds the next generation and publishes it as soon as the connection allows. */
  async rotate(why: RotationReason, keys: InboxKeys): Promise<void> {
    await this.#add(why, keys, 0)
    this.#daily?.cancel()
    this.#daily = this.#deps.clock.after(DAY_MS, () => {
      this.#rotateDaily()
    })
  }

  /** As rotate; resolves when peers can use the new keys. @throws E_CLOSED when offline */
  async rotateNow(): Promise<number> {
    await this.rotate('asked', await this.#deps.keys.inbox())
    await this.publish()
    return this.current?.n ?? 0
  }

  /** Keys that say what was chosen just now; published when there is a connection. */
  async announce(): Promise<void> {
    await this.rotate('asked', await this.#deps.keys.inbox())
    if (this.#deps.link.online) await this.publish()
  }

  /** All mail of a login has been stored and acknowledged: what was replaced before that login has served its time. */
  async drained(): Promise<void> {
    await this.#destroyBelow(this.#publishedAtLogin)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#daily?.cancel()
    this.#linger?.cancel()
    await this.#saving
  }

  #rotateDaily(): void {
    this.#deps.keys
      .inbox()
      .then((keys) => this.rotate('daily', keys))
      .then(() => this.publish())
      .catch((error: unknown) => {
        this.#deps.log.warn('client.keys.daily', { code: codeOf(error) })
      })
  }

  async #add(why: RotationReason, keys: InboxKeys, atLeast: number): Promise<void> {
    const { profile, clock } = this.#deps
    const now = clock.now()
    const n = Math.max(Math.floor(now / 1000), (this.current?.n ?? 0) + 1, atLeast)
    const { rsa, x, pq } = keys
    const rq = this.#deps.isStrict() ? 1 : 0
    const body = { ...profile.device, rsa, x, pq, n, rq, nb: now } as const
    const bundle = await signBundle(profile.dsk, { ...body, na: now + LIMITS.bundleLifeMs })
    const set = { n, klid: bundleKeyId(bundle.b), keys, madeAt: now, published: false }
    // on disk before anybody can use it
    await this.#save((sets) => [...sets, set])
    this.#pending = { bundle, why }
  }

  /** One change after the other: none is lost. The keys are used only when they are on disk. */
  #save(change: (sets: readonly InboxSet[]) => readonly InboxSet[]): Promise<void> {
    const saved = this.#saving.then(async () => {
      const sets = change(this.#sets)
      await this.#deps.profile.saveInbox(sets)
      this.#sets = sets
    })
    this.#saving = saved.catch(() => undefined)
    return saved
  }

  /** Resolves when the directory has the newest keys. @throws E_CLOSED when offline */
  publish(): Promise<void> {
    this.#publishing ??= this.#putBundle().finally(() => {
      this.#publishing = null
    })
    return this.#publishing
  }

  async #putBundle(): Promise<void> {
    for (let tries = 0; this.#pending !== null && tries < TRIES; tries++) {
      const { bundle, why } = this.#pending
      const set = this.#sets.find(({ klid }) => equal(klid, bundleKeyId(bundle.b)))
      if (set === undefined) return
      try {
        await this.#deps.link.request('bun.put', { bundle })
      } catch (error) {
        if (!(error instanceof Refusal) || error.code !== 'E_CAS') throw error
        // a restored backup: the directory has a higher number of this device
        const n = this.#believable(error.n ?? set.n)
        await this.#save((sets) => sets.filter((other) => other !== set))
        await this.#add(why, set.keys, n + 1)
        continue
      }
      if (this.#pending.bundle === bundle) this.#pending = null
      await this.#save((sets) =>
        sets.map((each) => (each === set ? { ...set, published: true } : each)),
      )
      this.#deps.emit({ type: 'keys', why, n: set.n })
      this.#lingerThenDestroy(set.n, LINGER_MS)
    }
    if (this.#pending !== null) throw new SecureChatError('E_CAS', 'The new keys were not taken.')
  }

  /** A number at the end of the scale would be the last one that this device can ever publish. */
  #believable(n: number): number {
    const { clock, emit } = this.#deps
    if (n <= Math.floor(clock.now() / 1000) + AHEAD_MAX_S) return n
    const text =
      'The server says that this device has published keys with an impossible number. It is lying or broken; ask its operator.'
    emit({ type: 'notice', level: 'alarm', code: 'E_ROLLBACK', text })
    return fail('E_ROLLBACK', text)
  }

  #lingerThenDestroy(n: number, ms: number): void {
    if (this.#stopped) return
    this.#linger?.cancel()
    this.#linger = this.#deps.clock.after(ms, () => {
      if (!this.#deps.link.online) return // a later login decides
      if (this.#deps.inboxIdle()) void this.#destroyBelow(n)
      else this.#lingerThenDestroy(n, BUSY_RETRY_MS)
    })
  }

  #newestPublished(): number {
    return this.#sets.reduce((n, set) => (set.published ? Math.max(n, set.n) : n), 0)
  }

  async #destroyBelow(n: number): Promise<void> {
    const count = this.#sets.filter((set) => set.n < n).length
    if (count === 0 || this.#stopped) return
    this.#deps.log.info('client.keys.destroyed', { count })
    try {
      await this.#save((sets) => sets.filter((set) => set.n >= n))
    } catch (error) {
      this.#deps.log.warn('client.keys.save', { code: codeOf(error) })
    }
  }
}
