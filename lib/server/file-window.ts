// The file chunks one connection has in hand. Uploads: above a window of unwritten bytes nothing more is read from it.
// Downloads: chunks are read from the disk only as fast as the peer takes them. So a slow disk or a slow receiver costs a
// bounded amount of memory whatever the size of the file (PROTOCOL 10).
import { type Bytes, hex } from '../util/bytes.ts'
import { Refusal } from './refusal.ts'
import type { Pausable, Transfers, Waiter } from './transfers.ts'

const KiB = 1024
/** Unwritten bytes of one connection at which reading stops; it goes on at half of it. */
const UPLOAD_WINDOW_BYTES = 1024 * KiB
/** Unsent bytes of one connection at which no further chunk is read from the disk. */
const DOWNLOAD_WINDOW_BYTES = 512 * KiB
const READS_AT_ONCE = 4

/** What the window needs of its connection. */
export interface FileConnection {
  bufferedBytes(): number
  drained(): Promise<void>
  /** Stops and continues reading; calls are paired. */
  hold(): void
  release(): void
  succeed(r: number, reply?: Readonly<Record<string, unknown>>): void
  refuse(r: number, error: unknown): void
}

interface Wanted {
  readonly r: number
  readonly fid: string
  readonly index: number
}

export class FileWindow implements Pausable {
  readonly #connection: FileConnection
  readonly #transfers: Transfers
  #unwritten = 0
  #held = false
  readonly #wanted: Wanted[] = []
  #reading = 0
  #draining = false
  #closed = false

  constructor(connection: FileConnection, transfers: Transfers) {
    this.#connection = connection
    this.#transfers = transfers
  }

  /** Stores a chunk and answers request `r` when it is stored. */
  put(
    r: number,
    owner: string,
    chunk: { readonly fid: Bytes; readonly n: number; readonly i: number; readonly c: Bytes },
  ): void {
    const { n, i, c } = chunk
    const fid = hex(chunk.fid)
    if (n > this.#transfers.maxChunks) {
      this.#connection.refuse(r, new Refusal('E_TOO_BIG', { n: this.#transfers.maxChunks }))
      return
    }
    const expires = this.#transfers.now() + this.#transfers.fileLifeMs
    this.#take(c.length)
    this.#transfers.files.put(fid, owner, n, i, c, expires).then(
      (result) => {
        this.#give(c.length)
        if (result === 'full') this.#connection.refuse(r, new Refusal('E_MAILBOX_FULL'))
        else if (result === 'mismatch') this.#connection.refuse(r, new Refusal('E_STATE'))
        else {
          this.#connection.succeed(r)
          if (result === 'stored') this.#transfers.stored(fid, i, c)
        }
      },
      (error: unknown) => {
        this.#give(c.length)
        this.#connection.refuse(r, error)
      },
    )
  }

  /** Answers request `r` with a chunk, as soon as it is there and the connection takes it. */
  get(r: number, fid: Bytes, index: number): void {
    this.#wanted.push({ r, fid: hex(fid), index })
    this.#pump()
  }

  resumeIfLow(): void {
    if (!this.#held || this.#unwritten > UPLOAD_WINDOW_BYTES / 2) return
    if (!this.#transfers.hasRoom) {
      this.#transfers.resumeLater(this)
      return
    }
    this.#held = false
    this.#connection.release()
  }

  /** The connection is gone; what is being read or written ends by itself. */
  close(): void {
    this.#closed = true
    this.#wanted.length = 0
  }

  #take(bytes: number): void {
    this.#unwritten += bytes
    const room = this.#transfers.take(bytes)
    if (this.#held || (room && this.#unwritten <= UPLOAD_WINDOW_BYTES)) return
    this.#held = true
    this.#connection.hold()
  }

  #give(bytes: number): void {
    this.#unwritten -= bytes
    this.#transfers.give(bytes)
    this.resumeIfLow()
  }

  #pump(): void {
    while (!this.#closed && this.#reading < READS_AT_ONCE) {
      // bytes that are still being read count as if they were sent
      const ahead = this.#connection.bufferedBytes() + this.#reading * 64 * KiB
      if (ahead >= DOWNLOAD_WINDOW_BYTES) {
        this.#pumpWhenDrained()
        return
      }
      const wanted = this.#wanted.shift()
      if (wanted === undefined) return
      this.#reading++
      this.#read(wanted)
        .catch((error: unknown) => {
          this.#connection.refuse(wanted.r, error)
        })
        .finally(() => {
          this.#reading--
          this.#pump()
        })
    }
  }

  #pumpWhenDrained(): void {
    if (this.#draining || this.#wanted.length === 0) return
    this.#draining = true
    void this.#connection.drained().then(() => {
      this.#draining = false
      this.#pump()
    })
  }

  /** Waits are registered before the look at the disk: a chunk stored in between is not missed. */
  async #read(wanted: Wanted): Promise<void> {
    const { r, fid, index } = wanted
    const { files } = this.#transfers
    const waiter: Waiter = {
      index,
      arrived: (chunk) => {
        if (this.#connection.bufferedBytes() < DOWNLOAD_WINDOW_BYTES) {
          this.#connection.succeed(r, { c: chunk })
          return
        }
        this.#wanted.push(wanted)
        this.#pump()
      },
      gone: (why) => {
        this.#connection.refuse(
          r,
          why === 'late' ? new Refusal('E_BUSY', { after: 1000 }) : new Refusal('E_NOT_FOUND'),
        )
      },
    }
    this.#transfers.wait(fid, waiter)
    try {
      const chunk = await files.get(fid, index)
      const file = chunk === null ? await files.stat(fid) : null
      if (chunk === null && file !== null && index < file.chunkCount) return
      if (!this.#transfers.unwait(fid, waiter)) return
      if (chunk !== null) this.#connection.succeed(r, { c: chunk })
      else this.#connection.refuse(r, new Refusal('E_NOT_FOUND'))
    } catch (error) {
      if (this.#transfers.unwait(fid, waiter)) throw error
    }
  }
}
