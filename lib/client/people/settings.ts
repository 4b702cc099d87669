// What the user chose for the account, the same on all devices: blob `settings`, and the e-mail address in blob `contact`
// (PROTOCOL 5.1, 11). Used from the local copy; sent when there is a connection.
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { c, check, flag, map, opt, s, type Shape, u } from '../../protocol/shape.ts'
import type { Records } from '../../storage/ports.ts'
import { codeOf } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import { type Choices, DEFAULTS } from './choices.ts'
import { type BlobDeps, SealedBlob } from './sealed-blob.ts'

const KIND = 'meta'
const ID = 'settings'

/** What is as it is for most is absent. */
interface Stored {
  readonly name: string
  readonly quiet?: true
  readonly strict?: true
  readonly shown?: true
  readonly silent?: true
  readonly blind?: true
}

const SHAPE: Shape<Stored> = map({
  name: c(64),
  quiet: opt(flag),
  strict: opt(flag),
  shown: opt(flag),
  silent: opt(flag),
  blind: opt(flag),
})
const EMAIL: Shape<{ readonly email: string }> = map({ email: s(254) })
/** `dirty`, `mail`: what the server does not have yet. */
const LOCAL = map({ s: SHAPE, v: opt(u), dirty: opt(flag), mail: opt(s(254)) })

export interface SettingsDeps extends Omit<BlobDeps<Stored>, 'name' | 'shape'> {
  readonly records: Records
  readonly log: Log
  /** This device or another one of the account chose something else. */
  readonly changed: () => void
}

export class Settings {
  readonly #deps: SettingsDeps
  readonly #blob: SealedBlob<Stored>
  #choices: Choices = DEFAULTS
  #ver: number
  #dirty = false
  #email: string | undefined
  #syncing: Promise<void> | null = null

  private constructor(deps: SettingsDeps, ver: number) {
    this.#deps = deps
    this.#ver = ver
    this.#blob = new SealedBlob({ ...deps, name: 'settings', shape: SHAPE }, ver)
    deps.link.add({
      online: () => {
        if (this.#dirty || this.#email !== undefined) void this.#sync()
      },
    })
  }

  static async open(deps: SettingsDeps): Promise<Settings> {
    const record = await deps.records.get(KIND, ID)
    if (record === null) return new Settings(deps, 0)
    const { s: stored, v, dirty, mail } = check(LOCAL, decodeStrict(record.body), 'settings')
    const settings = new Settings(deps, v ?? 0)
    settings.#choices = choicesOf(stored)
    settings.#dirty = dirty === true
    settings.#email = mail
    return settings
  }

  get version(): number {
    return this.#ver
  }

  get choices(): Choices {
    return this.#choices
  }

  /** Durable here when it resolves. */
  async set(changes: Partial<Choices>, email?: string): Promise<void> {
    this.#choices = { ...this.#choices, ...changes }
    this.#dirty = true
    if (email !== undefined) this.#email = email
    await this.#save()
    this.#deps.changed()
    if (this.#deps.link.online) void this.#sync()
  }

  /** What the other devices chose; what was changed here and not sent yet stays. */
  async load(): Promise<void> {
    const { ver, content } = await this.#blob.read()
    this.#ver = ver
    if (content === null || this.#dirty) return
    this.#choices = choicesOf(content)
    await this.#save()
    this.#deps.changed()
  }

  async reseal(): Promise<void> {
    await this.#blob.reseal()
    await this.#contact().reseal()
  }

  /** The e-mail address that the account keeps for itself; null when there is none. */
  async email(): Promise<string | null> {
    const { content } = await this.#contact().read()
    return content === null || content.email === '' ? null : content.email
  }

  async forgetEmail(): Promise<void> {
    this.#email = undefined
    await this.#save()
    const contact = this.#contact()
    const { content } = await contact.read()
    if (content !== null) await contact.change(() => ({ email: '' }))
  }

  #contact(): SealedBlob<{ readonly email: string }> {
    return new SealedBlob({ ...this.#deps, name: 'contact', shape: EMAIL }, 0)
  }

  #stored(): Stored {
    const { displayName, readReceipts, strict, presence, bell, preview } = this.#choices
    return {
      name: displayName,
      ...(readReceipts ? {} : { quiet: true }),
      ...(strict ? { strict: true } : {}),
      ...(presence ? { shown: true } : {}),
      ...(bell ? {} : { silent: true }),
      ...(preview ? {} : { blind: true }),
    }
  }

  async #save(): Promise<void> {
    const dirty = this.#dirty ? { dirty: true } : {}
    const mail = this.#email === undefined ? {} : { mail: this.#email }
    await this.#deps.records.put(
      KIND,
      ID,
      encode({ s: this.#stored(), v: this.#ver, ...dirty, ...mail }),
    )
  }

  #sync(): Promise<void> {
    this.#syncing ??= this.#send()
      .catch((error: unknown) => {
        this.#deps.log.info('client.settings', { code: codeOf(error) })
      })
      .finally(() => {
        this.#syncing = null
      })
    return this.#syncing
  }

  async #send(): Promise<void> {
    if (this.#dirty) {
      const { ver } = await this.#blob.change(() => this.#stored())
      this.#ver = ver
      this.#dirty = false
    }
    const email = this.#email
    if (email !== undefined) {
      await this.#contact().change(() => ({ email }))
      this.#email = undefined
    }
    await this.#save()
  }
}

function choicesOf(stored: Stored): Choices {
  return {
    displayName: stored.name,
    readReceipts: stored.quiet !== true,
    strict: stored.strict === true,
    presence: stored.shown === true,
    bell: stored.silent !== true,
    preview: stored.blind !== true,
  }
}
