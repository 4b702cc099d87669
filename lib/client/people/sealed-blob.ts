// A small document of the account, sealed for its own devices and changed by compare-and-swap (PROTOCOL 11). Remembers the
// highest version seen: a server that offers an older one is caught.
import type { ArchiveKeys, BlobName } from '../../envelope/archive-keys.ts'
import { openBlob, sealBlob } from '../../envelope/blobs.ts'
import type { AccountId } from '../../identity/conversation.ts'
import type { Shape } from '../../protocol/shape.ts'
import { codeOf, fail } from '../../util/errors.ts'
import type { Emit } from '../emitter.ts'
import type { Link } from '../link.ts'

export interface BlobDeps<T> {
  readonly name: BlobName
  readonly account: AccountId
  readonly link: Link
  /** Oldest epoch first; the newest seals. */
  readonly archives: () => readonly ArchiveKeys[]
  readonly shape: Shape<T>
  readonly emit: Emit
  /** Another version is on the server: the other devices want to know. */
  readonly wrote: (name: BlobName, ver: number) => void
}

export interface BlobState<T> {
  readonly ver: number
  /** Null: never written. */
  readonly content: T | null
}

const TRIES = 5

export class SealedBlob<T extends object> {
  readonly #deps: BlobDeps<T>
  /** The highest version seen. */
  #highest: number

  constructor(deps: BlobDeps<T>, highest: number) {
    this.#deps = deps
    this.#highest = highest
  }

  /** @throws E_CLOSED when offline, E_ROLLBACK for an older version than seen before, E_DECRYPT */
  async read(): Promise<BlobState<T>> {
    const { name, account, link, shape } = this.#deps
    const { ver, e, d } = await link.request('blob.get', { name })
    const isUnwritten = e === undefined || d === undefined
    if (ver < this.#highest || (isUnwritten && ver > 0)) return this.#rolledBack()
    if (isUnwritten) return { ver, content: null }
    const keys =
      this.#deps.archives().find((archive) => archive.e === e) ??
      fail('E_DECRYPT', 'A device was removed since. Log in with your password to go on.')
    const content = openBlob(keys, { ...account, name, ver }, d, shape)
    this.#highest = ver
    return { ver, content }
  }

  #rolledBack(): never {
    const text = `The server offers an older version of your list "${this.#deps.name}" than before. Nothing was changed here.`
    this.#deps.emit({ type: 'notice', level: 'alarm', code: 'E_ROLLBACK', text })
    return fail('E_ROLLBACK', text)
  }

  /** The same content under the newest keys. @throws as read */
  async reseal(): Promise<void> {
    const { content } = await this.read()
    if (content !== null) await this.change((now) => now ?? content)
  }

  /** Applies the change to the newest version; again when another device was faster. */
  async change(change: (content: T | null) => T): Promise<BlobState<T>> {
    const { name, account, link } = this.#deps
    for (let tries = 1; ; tries++) {
      const before = await this.read()
      const content = change(before.content)
      const keys = this.#deps.archives().at(-1) ?? fail('E_DECRYPT')
      const ver = before.ver + 1
      const d = sealBlob(
        keys,
        { ...account, name, ver },
        Object.fromEntries(Object.entries(content)),
      )
      try {
        await link.request('blob.put', { name, ver, e: keys.e, d })
        this.#highest = ver
        this.#deps.wrote(name, ver)
        return { ver, content }
      } catch (error) {
        if (codeOf(error) !== 'E_CAS' || tries === TRIES) throw error
      }
    }
  }
}
