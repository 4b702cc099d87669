// Files in memory: for tests and throw-away servers. Small files only; nothing survives `close`.
import type { Bytes } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import {
  checkChunk,
  checkFid,
  DEFAULT_QUOTA_FILES,
  emptyBitmap,
  expectedBytes,
  type FileLimits,
  setBit,
} from './file-rules.ts'
import type { Files } from './ports.ts'

interface MemoryFile {
  readonly owner: string
  readonly chunkCount: number
  readonly expires: number
  readonly chunks: Map<number, Buffer>
  bytes: number
}

export function createMemoryFiles(limits: FileLimits): Files {
  const files = new Map<string, MemoryFile>()
  const quotaFiles = limits.quotaFiles ?? DEFAULT_QUOTA_FILES
  const totalBytes = limits.totalBytes ?? 0
  const total = (): number => [...files.values()].reduce((sum, file) => sum + file.bytes, 0)
  let closed = false
  const run = <T>(call: () => T): Promise<T> =>
    new Promise((resolve) => {
      if (closed) fail('E_CLOSED', 'the file store is closed')
      resolve(call())
    })
  const usage = (owner: string): { count: number; bytes: number } => {
    let count = 0
    let bytes = 0
    for (const file of files.values()) {
      if (file.owner !== owner) continue
      count++
      bytes += file.bytes
    }
    return { count, bytes }
  }
  const removeIf = (condition: (file: MemoryFile) => boolean): number => {
    const before = files.size
    for (const [fid, file] of files) if (condition(file)) files.delete(fid)
    return before - files.size
  }
  return {
    stat: (fid) =>
      run(() => {
        checkFid(fid)
        const file = files.get(fid)
        if (file === undefined) return null
        const have = emptyBitmap(file.chunkCount)
        for (const index of file.chunks.keys()) setBit(have, index)
        const { chunkCount, expires, owner, bytes } = file
        return { chunkCount, have, expires, owner, bytes }
      }),
    put: (fid, owner, chunkCount, index, chunk: Bytes, expires) =>
      run(() => {
        checkFid(fid)
        checkChunk(chunkCount, index, chunk)
        const known = files.get(fid)
        if (known !== undefined && (known.owner !== owner || known.chunkCount !== chunkCount)) {
          return 'mismatch'
        }
        if (known?.chunks.has(index) === true) return 'duplicate'
        const used = usage(owner)
        const wanted = known === undefined ? expectedBytes(chunkCount, index, chunk) : chunk.length
        if (used.bytes + wanted > limits.quotaBytes) return 'full'
        if (totalBytes > 0 && total() + wanted > totalBytes) return 'full'
        if (known === undefined && used.count >= quotaFiles) return 'full'
        const file = known ?? { owner, chunkCount, expires, chunks: new Map(), bytes: 0 }
        file.chunks.set(index, Buffer.from(chunk))
        file.bytes += chunk.length
        files.set(fid, file)
        return 'stored'
      }),
    get: (fid, index) =>
      run(() => {
        checkFid(fid)
        const chunk = files.get(fid)?.chunks.get(index)
        return chunk === undefined ? null : Buffer.from(chunk)
      }),
    delete: (fid, owner) =>
      run(() => {
        checkFid(fid)
        return files.get(fid)?.owner === owner && files.delete(fid)
      }),
    deleteOwned: (owner) => run(() => removeIf((file) => file.owner === owner)),
    usage: (owner) => run(() => usage(owner)),
    sweep: (now) => run(() => removeIf((file) => file.expires <= now)),
    close: () => {
      closed = true
      files.clear()
      return Promise.resolve()
    },
  }
}
