// One file that is open: its chunks in slots of equal size, its bitmap in memory, and the order of things on disk - chunks
// first, then the bits that speak of them.
import { constants } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

import { type Bytes, concat, u32 } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import { FILE_MODE, readFully, syncFolder, writeFully } from './durable.ts'
import { CHUNK_BYTES, clearBit, hasBit, setBit } from './file-rules.ts'
import {
  encodeState,
  type FileHead,
  type Sidecar,
  SIDECAR_BYTES,
  type SidecarFormat,
} from './file-sidecar.ts'

/** slot = u32 length || chunk || unused */
const LENGTH_BYTES = 4
const SLOT_BYTES = LENGTH_BYTES + CHUNK_BYTES

/** Chunks that may be lost by a power failure and have to be sent again: 4 MiB. */
const CHECKPOINT_CHUNKS = 64

const OPEN = constants.O_RDWR | constants.O_NOFOLLOW
const CREATE = OPEN | constants.O_CREAT | constants.O_EXCL

export interface FilePaths {
  /** Without the folder and the endings. */
  readonly name: string
  readonly data: string
  readonly sidecar: string
}

export async function removeFiles(paths: FilePaths): Promise<void> {
  // in this order: a sidecar without data would be taken for a file, data without sidecar is swept away
  await rm(paths.sidecar, { force: true })
  await rm(paths.data, { force: true })
}

export async function readSidecar(
  { name, sidecar }: Pick<FilePaths, 'name' | 'sidecar'>,
  format: SidecarFormat,
): Promise<Sidecar | null> {
  const file = await open(sidecar, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    return format.decode(name, await readFully(file, SIDECAR_BYTES, 0))
  } finally {
    await file.close()
  }
}

export class StoredFile {
  readonly #paths: FilePaths
  readonly #data: FileHandle
  readonly #stateAt: number
  readonly #chunkCount: number
  /** What is there for everybody to see. */
  readonly #have: Buffer
  /** What the sidecar may say: chunks known to be on disk. */
  #durable: Buffer
  #bytes: number
  #durableBytes: number
  #missing: number
  #unsaved = 0
  /** The names of both files are known to be on disk. */
  #isNamed = false
  #saving: Promise<void> = Promise.resolve()

  private constructor(paths: FilePaths, data: FileHandle, sidecar: Sidecar) {
    this.#paths = paths
    this.#data = data
    this.#stateAt = sidecar.stateAt
    this.#chunkCount = sidecar.head.chunkCount
    this.#have = sidecar.have
    this.#durable = Buffer.from(sidecar.have)
    this.#bytes = this.#durableBytes = sidecar.bytes
    this.#missing = 0
    for (let i = 0; i < this.#chunkCount; i++) if (!this.has(i)) this.#missing++
  }

  static async create(
    paths: FilePaths,
    format: SidecarFormat,
    head: FileHead,
  ): Promise<StoredFile> {
    const bytes = format.encode(head)
    const sidecar = format.decode(paths.name, bytes)
    if (sidecar === null) throw new TypeError('a file that could not be read again')
    const data = await open(paths.data, CREATE, FILE_MODE)
    try {
      const file = await open(paths.sidecar, CREATE, FILE_MODE)
      try {
        await writeFully(file, bytes, 0)
      } finally {
        await file.close()
      }
      return new StoredFile(paths, data, sidecar)
    } catch (error) {
      await data.close()
      throw error
    }
  }

  static async open(paths: FilePaths, format: SidecarFormat): Promise<StoredFile> {
    const sidecar = await readSidecar(paths, format)
    if (sidecar === null) return fail('E_CORRUPT', `${paths.sidecar} is damaged.`)
    return new StoredFile(paths, await open(paths.data, OPEN), sidecar)
  }

  get bytes(): number {
    return this.#bytes
  }

  get isComplete(): boolean {
    return this.#missing === 0
  }

  has(index: number): boolean {
    return hasBit(this.#have, index)
  }

  bitmap(): Buffer {
    return Buffer.from(this.#have)
  }

  /** The chunk is not there. Once it resolves, the chunk can be read; the one that completes the file waits for the disk. */
  async write(index: number, chunk: Bytes): Promise<void> {
    await this.#writeSlot(index * SLOT_BYTES, chunk)
    setBit(this.#have, index)
    this.#bytes += chunk.length
    this.#missing--
    this.#unsaved++
    if (this.isComplete || this.#unsaved >= CHECKPOINT_CHUNKS) await this.save()
  }

  /** Null: not there. */
  async read(index: number): Promise<Bytes | null> {
    if (!this.has(index)) return null
    const slot = await readFully(this.#data, SLOT_BYTES, index * SLOT_BYTES)
    const length = slot.length < LENGTH_BYTES ? 0 : slot.readUInt32BE(0)
    const chunk = slot.subarray(LENGTH_BYTES, LENGTH_BYTES + length)
    if (length > 0 && chunk.length === length) return chunk
    // the disk lost what it once had: the sender is asked for it again
    this.#lose(index)
    return null
  }

  /** Makes durable what is there: chunks, then bits. A sync that fails takes back every chunk it was to cover. */
  save(): Promise<void> {
    const saving = this.#saving.then(() => this.#save())
    this.#saving = saving.catch(() => undefined)
    return saving
  }

  /** Saves and closes. */
  async close(): Promise<void> {
    try {
      await this.save()
    } finally {
      await this.#data.close()
    }
  }

  /** Closes a file that is about to be removed. */
  async abandon(): Promise<void> {
    await this.#saving
    await this.#data.close()
  }

  async #writeSlot(at: number, chunk: Bytes): Promise<void> {
    const length = u32(chunk.length)
    const { bytesWritten } = await this.#data.writev([length, chunk], at)
    if (bytesWritten < LENGTH_BYTES + chunk.length) {
      await writeFully(this.#data, concat(length, chunk), at)
    }
  }

  async #save(): Promise<void> {
    if (this.#unsaved === 0) return
    const have = this.bitmap()
    const bytes = this.#bytes
    const isComplete = this.isComplete
    this.#unsaved = 0
    try {
      await this.#data.datasync()
      const sidecar = await open(this.#paths.sidecar, OPEN)
      try {
        await writeFully(sidecar, encodeState(bytes, have), this.#stateAt)
        if (isComplete) await sidecar.datasync()
      } finally {
        await sidecar.close()
      }
      if (!this.#isNamed) await syncFolder(dirname(this.#paths.data))
      this.#isNamed = true
    } catch (error) {
      this.#takeBack()
      throw error
    }
    this.#durable = have
    this.#durableBytes = bytes
  }

  #takeBack(): void {
    this.#have.set(this.#durable)
    this.#bytes = this.#durableBytes
    this.#missing = 0
    for (let i = 0; i < this.#chunkCount; i++) if (!this.has(i)) this.#missing++
  }

  #lose(index: number): void {
    if (!this.has(index)) return
    clearBit(this.#have, index)
    clearBit(this.#durable, index)
    this.#missing++
    this.#unsaved++
  }
}
