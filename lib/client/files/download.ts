// One file from the server: chunks are asked for ahead and written in order, so that the hash needs no second pass; the
// file gets its name only after the hash agrees (PROTOCOL 10).
import { createHash, type Hash } from 'node:crypto'

import { FileKeys, FileLayout, openChunk } from '../../envelope/file-chunks.ts'
import { LIMITS } from '../../protocol/limits.ts'
import { type Bytes, equal } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'
import type { FileAccess, FileWriter } from '../ports.ts'
import { WINDOW_PER_TRANSFER } from './patient.ts'
import type { Transfer } from './transfer.ts'
import type { MoveDeps } from './upload.ts'

const NAMES_MAX = 10_000
/** Room that must remain for everything else on the disk. */
const DISK_FLOOR_BYTES = 16 * 1024 * 1024

/** "doc.pdf" -> "doc (1).pdf" */
export function numberedName(name: string, n: number): string {
  if (n === 0) return name
  const dot = name.lastIndexOf('.')
  const cut = dot > 0 ? dot : name.length
  return `${name.slice(0, cut)} (${n})${name.slice(cut)}`
}

export interface DownloadDeps extends MoveDeps {
  /** Remembers the name of the unfinished file before the first byte is in it. */
  readonly started: (part: string) => Promise<void>
  /** Called after the bytes up to here are on the disk. */
  readonly synced: (chunks: number) => Promise<void>
}

const SYNC_EVERY = 64

async function createPart(files: FileAccess, name: string): Promise<[string, FileWriter]> {
  for (let n = 0; n < NAMES_MAX; n++) {
    const part = `${numberedName(name, n)}.part`
    const writer = await files.openDownload(part, 'create')
    if (writer !== null) return [part, writer]
  }
  return fail('E_FILE', `There are too many unfinished downloads called ${name}.`)
}

/** The unfinished file with the number of good chunks in it, or a new one. */
async function openPart(
  deps: DownloadDeps,
  transfer: Transfer,
  layout: FileLayout,
): Promise<{ part: string; writer: FileWriter; chunks: number }> {
  if (transfer.part !== undefined) {
    const writer = await deps.files.openDownload(transfer.part, 'resume')
    if (writer !== null) {
      const whole =
        writer.size >= transfer.size && transfer.chunks === layout.chunkCount
          ? transfer.chunks
          : Math.min(transfer.chunks, Math.floor(writer.size / LIMITS.chunkBytes))
      return { part: transfer.part, writer, chunks: whole }
    }
  }
  const free = await deps.files.freeBytes()
  if (free !== null && free < transfer.size + DISK_FLOOR_BYTES) {
    fail('E_DISK_FULL', `There is not enough room on the disk for ${transfer.name}.`)
  }
  const [part, writer] = await createPart(deps.files, transfer.name)
  await deps.started(part)
  return { part, writer, chunks: 0 }
}

async function hashPart(writer: FileWriter, transfer: Transfer, chunks: number): Promise<Hash> {
  const hash = createHash('sha256')
  const end = Math.min(transfer.size, chunks * LIMITS.chunkBytes)
  for (let offset = 0; offset < end; offset += LIMITS.chunkBytes) {
    const bytes = await writer.read(offset, Math.min(LIMITS.chunkBytes, end - offset))
    hash.update(bytes)
  }
  return hash
}

/** Requests ahead of the writer, answers in order. */
class Ahead {
  readonly #deps: DownloadDeps
  readonly #transfer: Transfer
  readonly #count: number
  readonly #asked: Promise<Bytes>[] = []
  #next: number

  constructor(deps: DownloadDeps, transfer: Transfer, count: number, from: number) {
    this.#deps = deps
    this.#transfer = transfer
    this.#count = count
    this.#next = from
  }

  /** The sealed chunk that follows. */
  async take(): Promise<Bytes> {
    const { fid, conv } = this.#transfer
    while (this.#asked.length < WINDOW_PER_TRANSFER && this.#next < this.#count) {
      const answer = this.#deps.requests
        .ask('file.get', { fid, i: this.#next++ }, conv)
        .then((reply) => reply.c)
      answer.catch(() => undefined) // reported when its turn comes
      this.#asked.push(answer)
    }
    return this.#asked.shift() ?? fail('E_FILE')
  }
}

async function giveName(files: FileAccess, part: string, name: string): Promise<string> {
  for (let n = 0; n < NAMES_MAX; n++) {
    const path = await files.renameDownload(part, numberedName(name, n))
    if (path !== null) return path
  }
  return fail('E_FILE', `There are too many files called ${name} in the download folder.`)
}

/**
 * Resolves to the path of the finished file, or null when stopped.
 *
 * @throws E_CLOSED when the connection is lost, E_NOT_FOUND when the server does not have the next chunk (go on later);
 * E_FILE E_DISK_FULL E_DECRYPT when it cannot go on
 */
export async function download(deps: DownloadDeps, transfer: Transfer): Promise<string | null> {
  const layout = new FileLayout(transfer.size)
  const { part, writer, chunks } = await openPart(deps, transfer, layout)
  let hash: Hash
  try {
    hash = await hashPart(writer, transfer, chunks)
    const keys = new FileKeys(transfer.key, transfer.fid)
    const ahead = new Ahead(deps, transfer, layout.chunkCount, chunks)
    for (let index = chunks; index < layout.chunkCount; index++) {
      if (deps.stopped()) return null
      const plain = openChunk(keys, layout, index, await ahead.take())
      await writer.write(index * LIMITS.chunkBytes, plain)
      hash.update(plain)
      if ((index + 1) % SYNC_EVERY === 0) {
        await writer.sync()
        await deps.synced(index + 1)
      }
      await deps.moved(index + 1)
    }
    await writer.truncate(transfer.size)
  } finally {
    // also after a failure: what is counted as done must survive a power cut
    await writer.sync().finally(() => writer.close())
  }
  if (!equal(hash.digest(), transfer.sha)) {
    fail(
      'E_FILE',
      `${transfer.name} is not the file that was offered: it changed while it was sent.`,
    )
  }
  return giveName(deps.files, part, transfer.name)
}
