// Looks on the server for names and for accepted contacts that are online, and lets this account be seen if its person
// chose so. The three frames are sent only where `info` offers them: an older server would end the connection (PROTOCOL 14.2).
import type { ReplyOf } from '../../protocol/frames.ts'
import { LIMITS } from '../../protocol/limits.ts'
import { foldName, isNameBeginning } from '../../protocol/names.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { codeOf } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import type { Link } from '../link.ts'
import type { Peers } from './peers.ts'
import type { FoundNames, NoAnswer, OnlineContacts, WhoApi } from '../who-api.ts'

/** A list of chats does not wait longer for what only decorates it. */
const PATIENCE_MS = 3000

interface Unknown {
  readonly known: false
  readonly why: NoAnswer
}

export interface LookoutOptions {
  readonly link: Pick<Link, 'add' | 'online' | 'request'>
  readonly clock: Clock
  readonly log: Log
  /** The choice `presence`. */
  readonly isShown: () => boolean
  readonly peers: Peers
  readonly acct: Bytes
}

export class Lookout implements WhoApi {
  readonly #options: LookoutOptions
  /** What the server knows on the present connection. */
  #told = false
  #telling: Promise<void> = Promise.resolve()

  constructor(options: LookoutOptions) {
    this.#options = options
    options.link.add({
      online: () => {
        this.#told = false
        void this.tell()
      },
    })
  }

  /** The server hears what was chosen, if it has not yet. Never rejects; offline it is the next connection's matter. */
  tell(): Promise<void> {
    this.#telling = this.#telling
      .then(() => this.#tell())
      .catch((error: unknown) => {
        this.#options.log.info('client.presence', { code: codeOf(error) })
      })
    return this.#telling
  }

  async find(beginning: string): Promise<FoundNames> {
    const q = foldName(beginning)
    if (!isNameBeginning(q)) return unknown('no-beginning')
    return this.#inTime(async () => {
      if ((await this.#info()).dir !== true) return unknown('not-offered')
      const { users, more } = await this.#options.link.request('dir.find', { q })
      const me = this.#options.peers.get(this.#options.acct)?.pin.user
      const asked = users.filter((user) => user.startsWith(q) && user !== me)
      return { known: true, users: asked, more: more === true }
    })
  }

  async online(): Promise<OnlineContacts> {
    return this.#inTime(async () => {
      if ((await this.#info()).pres !== true) return unknown('not-offered')
      if (!this.#options.isShown()) return unknown('hidden')
      await this.tell()
      return { known: true, accts: await this.#seen() }
    })
  }

  async #seen(): Promise<ReadonlySet<string>> {
    const contacts = this.#acceptedContacts()
    const online = new Set<string>()
    for (let i = 0; i < contacts.length; i += LIMITS.seenAccounts) {
      const accts = contacts.slice(i, i + LIMITS.seenAccounts)
      const { on } = await this.#options.link.request('dir.seen', { accts })
      for (const acct of on) online.add(hex(acct))
    }
    return online
  }

  #acceptedContacts(): Bytes[] {
    const { peers, acct } = this.#options
    return peers
      .all()
      .filter((p) => p.accepted && !p.blocked && !p.deleted && !equal(p.acct, acct))
      .map((p) => p.acct)
  }

  async #tell(): Promise<void> {
    const { link, isShown } = this.#options
    const on = isShown()
    if (on === this.#told || !link.online) return
    if (on && (await this.#info()).pres !== true) return
    await link.request('dir.show', on ? { on } : {})
    this.#told = on
  }

  #info(): Promise<ReplyOf<'info'>> {
    return this.#options.link.request('info', {})
  }

  async #inTime<T>(work: () => Promise<T | Unknown>): Promise<T | Unknown> {
    if (!this.#options.link.online) return unknown('offline')
    let timer: Timer | undefined
    const late = new Promise<Unknown>((resolve) => {
      timer = this.#options.clock.after(PATIENCE_MS, () => {
        resolve(unknown('later'))
      })
    })
    try {
      return await Promise.race([work().catch(reasonOf), late])
    } finally {
      timer?.cancel()
    }
  }
}

function unknown(why: NoAnswer): Unknown {
  return { known: false, why }
}

function reasonOf(error: unknown): Unknown {
  const code = codeOf(error)
  if (code === 'E_CLOSED' || code === 'E_TIMEOUT') return unknown('offline')
  // the operator may have changed it since `info`
  return unknown(code === 'E_STATE' || code === 'E_FORMAT' ? 'not-offered' : 'later')
}
