// Files between two who are connected directly: the receiver asks the sender itself, chunk by chunk, and nothing goes to the
// server while that lasts (PROTOCOL 10, 12). The chunks are the same as there, so either way goes on where the other stopped.
import { FileKeys, FileLayout, sealChunk } from '../../envelope/file-chunks.ts'
import type { FrameOf } from '../../protocol/frames.ts'
import { equal, hex } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { fail } from '../../util/errors.ts'
import type { Link } from '../link.ts'
import type { FileAccess, FileReader } from '../ports.ts'
import { isOver, type Transfer } from './transfer.ts'
import { openUnchanged } from './upload.ts'

/** The way to whoever is at the other end of a conversation; null: the server. */
export type FileWay = (conv: string) => Pick<Link, 'request'> | null

const OPEN_MAX = 4

interface Open {
  readonly reader: Promise<FileReader>
  readonly keys: FileKeys
  readonly layout: FileLayout
}

/** Answers the other end of one direct connection. */
export class FileServing {
  readonly #files: FileAccess
  readonly #all: () => readonly Transfer[]
  readonly #clock: Clock
  readonly #open = new Map<string, Open>()

  constructor(files: FileAccess, clock: Clock, all: () => readonly Transfer[]) {
    this.#files = files
    this.#clock = clock
    this.#all = all
  }

  /** Only what was offered in this conversation, not taken back, and would still be on the server. @throws E_NOT_FOUND E_FILE */
  async chunk(conv: string, { fid, i }: FrameOf<'file.get'>): Promise<{ readonly c: Buffer }> {
    const transfer = this.#all().find(
      (t) => t.direction === 'out' && t.conv === conv && equal(t.fid, fid),
    )
    if (transfer === undefined || transfer.state === 'paused') return fail('E_NOT_FOUND')
    if (isOver(transfer) && transfer.state !== 'done') return fail('E_NOT_FOUND')
    if (transfer.expires <= this.#clock.now()) return fail('E_NOT_FOUND')
    const { reader, keys, layout } = this.#opened(transfer)
    if (i >= layout.chunkCount) fail('E_NOT_FOUND')
    const real = await (await reader).read(layout.offset(i), layout.realLength(i))
    return { c: sealChunk(keys, layout, i, real) }
  }

  /** The connection is over. */
  close(): void {
    for (const fid of [...this.#open.keys()]) this.#close(fid)
  }

  #opened(transfer: Transfer): Open {
    const fid = hex(transfer.fid)
    const known = this.#open.get(fid)
    if (known !== undefined) return known
    const reader = openUnchanged(this.#files, transfer)
    reader.catch(() => this.#open.delete(fid))
    const keys = new FileKeys(transfer.key, transfer.fid)
    const open = { reader, keys, layout: new FileLayout(transfer.size) }
    this.#open.set(fid, open)
    const [oldest] = this.#open.keys()
    if (this.#open.size > OPEN_MAX && oldest !== undefined) this.#close(oldest)
    return open
  }

  #close(fid: string): void {
    const open = this.#open.get(fid)
    this.#open.delete(fid)
    open?.reader.then((reader) => reader.close()).catch(() => undefined)
  }
}
