// What the user chose for the account, the same on all devices: blob `settings`, and the e-mail address in blob `contact`
// (PROTOCOL 5.1, 11). Used from the local copy; sent when there is a connection.
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { c, check, flag, map, opt, s, type Shape } from '../../protocol/shape.ts'
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
  readonly silent?: true
}

const SHAPE: Shape<Stored> = map({
  name: c(64),
  quiet: opt(flag),
  strict: opt(flag),
  silent: opt(flag),
})
const EMAIL: Shape<{ readonly email: string }> = map({ email: s(254) })
/** `dirty`, `mail`: what the server does not have yet. */
const LOCAL = map({ s: SHAPE, dirty: opt(flag), mail: opt(s(254)) })

export interface SettingsDeps extends Omit<BlobDeps<Stored>, 'name' | 'shape'> {
  readonly records: Records
  readonly log: Log
}

export class Settings {
  readonly #deps: SettingsDeps
  readonly #blob: SealedBlob<Stored>
  #choices: Choices = DEFAULTS
  #dirty = false
  #email: string | undefined
  #syncing: Promise<void> | null = null

  private constructor(deps: SettingsDeps) {
    this.#deps = deps
    this.#blob = new SealedBlob({ ...deps, name: 'settings', shape: SHAPE }, 0)
    deps.link.add({
      online: () => {
        if (this.#dirty || this.#email !== undefined) void this.#sync()
      },
    })
  }

  static async open(deps: SettingsDeps): Promise<Settings> {
    const settings = new Settings(deps)
    const record = await deps.records.get(KIND, ID)
    if (record === null) return settings
    const { s: stored, dirty, mail } = check(LOCAL, decodeStrict(record.body), 'settings')
    settings.#choices = choicesOf(stored)
    settings.#dirty = dirty === true
    settings.#email = mail
    return settings
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
    if (this.#deps.link.online) void this.#sync()
  }

  /** On a new device: what the others chose. */
  async load(): Promise<void> {
    const { content } = await this.#blob.read()
    if (content === null || this.#dirty) return
    this.#choices = choicesOf(content)
    await this.#save()
  }

  #stored(): Stored {
    const { displayName, readReceipts, strict, bell } = this.#choices
    return {
      name: displayName,
      ...(readReceipts ? {} : { quiet: true }),
      ...(strict ? { strict: true } : {}),
      ...(bell ? {} : { silent: true }),
    }
  }

  async #save(): Promise<void> {
    const dirty = this.#dirty ? { dirty: true } : {}
    const mail = this.#email === undefined ? {} : { mail: this.#email }
    await this.#deps.records.put(KIND, ID, encode({ s: this.#stored(), ...dirty, ...mail }))
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
      await this.#blob.change(() => this.#stored())
      this.#dirty = false
    }
    const email = this.#email
    if (email !== undefined) {
      const contact = new SealedBlob({ ...this.#deps, name: 'contact', shape: EMAIL }, 0)
      await contact.change(() => ({ email }))
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
    bell: stored.silent !== true,
  }
}
