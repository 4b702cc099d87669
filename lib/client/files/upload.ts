// One file to the server: what it lacks, in any order of answers, in bounded memory; the same bytes again after a break
// (PROTOCOL 10).
import { FileKeys, FileLayout, sealChunk } from '../../envelope/file-chunks.ts'
import { codeOf, fail } from '../../util/errors.ts'
import type { FileAccess, FileReader } from '../ports.ts'
import { hasChunk } from './bitmap.ts'
import { type FileRequests, WINDOW_PER_TRANSFER } from './patient.ts'
import type { Transfer } from './transfer.ts'

export interface MoveDeps {
  readonly files: FileAccess
  readonly requests: FileRequests
  /** Asked between chunks. */
  readonly stopped: () => boolean
  /** The number of chunks done; resolves when what had to be stored is stored. */
  readonly moved: (chunks: number) => Promise<void>
}

/** Refuses a file that is not the one that was offered: its hash is promised. @throws E_FILE */
export async function openUnchanged(files: FileAccess, transfer: Transfer): Promise<FileReader> {
  const reader = await files.openRead(transfer.path ?? fail('E_FILE', 'The path is not known.'))
  if (reader.size === transfer.size && Math.floor(reader.modifiedMs) === transfer.modifiedMs) {
    return reader
  }
  await reader.close()
  return fail('E_FILE', `${transfer.name} has changed since it was offered. Offer it again.`)
}

/** The chunks the server has already; none of an unknown file. */
async function stored(requests: FileRequests, transfer: Transfer): Promise<Uint8Array> {
  try {
    return (await requests.ask('file.stat', { fid: transfer.fid })).have
  } catch (error) {
    if (codeOf(error) === 'E_NOT_FOUND') return new Uint8Array(0)
    throw error
  }
}

async function put(
  deps: MoveDeps,
  reader: FileReader,
  keys: FileKeys,
  layout: FileLayout,
  i: number,
): Promise<void> {
  const real = await reader.read(layout.offset(i), layout.realLength(i))
  const c = sealChunk(keys, layout, i, real)
  await deps.requests.ask('file.put', { fid: keys.fid, i, n: layout.chunkCount, c })
}

/**
 * Resolves when the server has everything, or to 'stopped'.
 *
 * @throws E_CLOSED when the connection is lost (go on later), E_FILE and refusals when it cannot go on
 */
export async function upload(deps: MoveDeps, transfer: Transfer): Promise<'done' | 'stopped'> {
  const reader = await openUnchanged(deps.files, transfer)
  try {
    const keys = new FileKeys(transfer.key, transfer.fid)
    const layout = new FileLayout(transfer.size)
    const count = layout.chunkCount
    const have = await stored(deps.requests, transfer)
    const missing: number[] = []
    for (let i = 0; i < count; i++) if (!hasChunk(have, i)) missing.push(i)
    let done = count - missing.length
    let next = 0
    const worker = async (): Promise<void> => {
      for (let i = missing[next++]; i !== undefined; i = missing[next++]) {
        if (deps.stopped()) return
        await put(deps, reader, keys, layout, i)
        await deps.moved(++done)
      }
    }
    const workers = Array.from({ length: WINDOW_PER_TRANSFER }, () =>
      worker().catch((error: unknown) => {
        next = missing.length // the others stop as well
        throw error
      }),
    )
    const results = await Promise.allSettled(workers)
    for (const result of results) if (result.status === 'rejected') throw result.reason
    if (deps.stopped()) return 'stopped'
  } finally {
    await reader.close()
  }
  const again = await openUnchanged(deps.files, transfer)
  await again.close()
  return 'done'
}
