// Sealed blobs of an account (PROTOCOL 11): name, version, epoch and bytes that only its devices can read.
//
//   body = u32 ver || u32 e || d
import type { Records } from '../storage/ports.ts'
import { type Bytes, concat, u32, utf8, base64url, view } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'

const KIND = 'blob'
const HEAD_BYTES = 8
const U32_MAX = 0xffff_ffff

export interface Blob {
  readonly ver: number
  readonly e: number
  readonly d: Bytes
}

export interface StoredBlob extends Blob {
  readonly rev: number
}

/** Names are free text of a client, so they become part of an id only in an alphabet of ours. */
function blobId(acctId: string, name: string): string {
  return `${acctId}.${base64url(utf8(name))}`
}

function encodeBlob({ ver, e, d }: Blob): Buffer {
  if (ver > U32_MAX || e > U32_MAX) fail('E_FORMAT')
  return concat(u32(ver), u32(e), d)
}

export async function getBlob(
  records: Records,
  acctId: string,
  name: string,
): Promise<StoredBlob | null> {
  const rec = await records.get(KIND, blobId(acctId, name))
  if (rec === null) return null
  const body = view(rec.body)
  return {
    rev: rec.rev,
    ver: body.readUInt32BE(0),
    e: body.readUInt32BE(4),
    d: body.subarray(HEAD_BYTES),
  }
}

/** Creates (`replaced` null) or replaces; false: somebody else was faster. */
export async function putBlob(
  records: Records,
  acctId: string,
  name: string,
  blob: Blob,
  replaced: StoredBlob | null,
): Promise<boolean> {
  const id = blobId(acctId, name)
  const body = encodeBlob(blob)
  const keys = { index: { acct: acctId } }
  const result =
    replaced === null
      ? await records.create(KIND, id, body, keys)
      : await records.update(KIND, id, replaced.rev, body, keys)
  return result.ok
}

/** Whether the account has fewer than `max` blobs. */
export async function hasRoomForBlob(
  records: Records,
  acctId: string,
  max: number,
): Promise<boolean> {
  return (await records.list(KIND, 'acct', acctId, null, max)).length < max
}

export async function dropBlobs(records: Records, acctId: string): Promise<void> {
  for (;;) {
    const page = await records.list(KIND, 'acct', acctId, null, 100)
    if (page.length === 0) return
    for (const { id } of page) await records.delete(KIND, id)
  }
}
