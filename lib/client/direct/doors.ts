// The port that waits for announced visitors, one for all introductions: the one that a person has chosen can be opened only
// once. Strangers cost little and learn nothing: few at a time, at a bounded rate, and who names no introduction of ours is
// not heard (PROTOCOL 12).
import type { Duplex } from 'node:stream'
import type { Connection } from '../../channel/connection.ts'
import { acceptLink, type LinkTerms } from '../../channel/link-connection.ts'
import { type Bytes, hex } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { codeOf, fail } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import { Bucket } from '../../util/rate.ts'
import type { DirectPort } from '../ports.ts'

/** Whose hello is awaited or checked at a time. */
const VISITORS_MAX = 8
const RATE = { perSecond: 5, burst: 20 }
/** Who dials is often faster than his answer, which goes over the server: he waits so long. */
const EARLY_MS = 4000

type Listener = Awaited<ReturnType<DirectPort['listen']>>

/** Who is expected, and what becomes of him. */
interface Expected {
  readonly terms: LinkTerms
  readonly visit: (connection: Connection) => Promise<void>
}

/** The part of the port that belongs to one introduction. */
export class Door {
  readonly port: number
  readonly #clock: Clock
  readonly #onClose: () => void
  readonly #early = new Set<(expected: Expected | null) => void>()
  #expected: Expected | null = null
  #isClosed = false

  constructor(port: number, clock: Clock, onClose: () => void) {
    this.port = port
    this.#clock = clock
    this.#onClose = onClose
  }

  /** From now on somebody is expected. */
  expect(terms: LinkTerms, visit: Expected['visit']): void {
    this.#expected = { terms, visit }
    this.#admit(this.#expected)
  }

  /** Somebody is here who names this introduction. @throws E_HANDSHAKE when nobody is expected in time */
  async knocked(): Promise<Expected> {
    return this.#expected ?? (await this.#soon()) ?? fail('E_HANDSHAKE', 'Nobody is expected.')
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#admit(null)
    this.#onClose()
  }

  #soon(): Promise<Expected | null> {
    if (this.#isClosed) return Promise.resolve(null)
    return new Promise((resolve) => {
      const timer = this.#clock.after(EARLY_MS, () => {
        end(null)
      })
      const end = (expected: Expected | null): void => {
        timer.cancel()
        this.#early.delete(end)
        resolve(expected)
      }
      this.#early.add(end)
    })
  }

  #admit(expected: Expected | null): void {
    for (const end of [...this.#early]) end(expected)
  }
}

export class Doors {
  readonly #clock: Clock
  readonly #log: Log
  readonly #bucket: Bucket
  /** By the session of the introduction. */
  readonly #doors = new Map<string, Door>()
  #listening: Promise<Listener> | null = null
  #listener: Listener | null = null
  /** Doors that are there or about to be. */
  #users = 0
  #visitors = 0

  constructor(clock: Clock, log: Log) {
    this.#clock = clock
    this.#log = log
    this.#bucket = new Bucket(RATE, clock.monotonic())
  }

  /** @throws E_CONNECT E_CONFIG */
  async open(port: DirectPort, sess: Bytes): Promise<Door> {
    this.#users += 1
    try {
      this.#listening ??= port.listen((duplex) => {
        this.#arrived(duplex)
      })
      this.#listener = await this.#listening
    } catch (error) {
      this.#left()
      throw error
    }
    const key = hex(sess)
    const door = new Door(this.#listener.port, this.#clock, () => {
      this.#doors.delete(key)
      this.#left()
    })
    this.#doors.set(key, door)
    return door
  }

  #left(): void {
    this.#users -= 1
    if (this.#users > 0) return
    this.#listening = null
    void this.#listener?.close()
    this.#listener = null
  }

  #arrived(duplex: Duplex): void {
    const mayTry =
      this.#doors.size > 0 &&
      this.#visitors < VISITORS_MAX &&
      this.#bucket.take(this.#clock.monotonic()) === 0
    if (!mayTry) {
      duplex.on('error', ignore)
      duplex.destroy()
      return
    }
    this.#visitors += 1
    void this.#receive(duplex).finally(() => {
      this.#visitors -= 1
    })
  }

  async #receive(duplex: Duplex): Promise<void> {
    let expected: Expected | null = null
    try {
      const connection = await acceptLink(duplex, this.#clock, async (sess) => {
        const door = this.#doors.get(hex(sess)) ?? fail('E_HANDSHAKE', 'Nobody is expected.')
        expected = await door.knocked()
        return expected.terms
      })
      await (expected as Expected | null)?.visit(connection)
    } catch (error) {
      this.#log.debug('client.direct.visit', { code: codeOf(error) })
    }
  }
}

function ignore(): void {
  // it is closed already
}
