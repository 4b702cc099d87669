// The current blob of a name; version 0 when there is none (PROTOCOL 14.2).
import { getBlob } from '../blobs.ts'
import type { RequestHandler } from '../handler.ts'

export const blobGet: RequestHandler<'blob.get'> = async ({ services, device }, { name }) => {
  const blob = await getBlob(services.records, device.id, name)
  return blob === null ? { ver: 0 } : { ver: blob.ver, e: blob.e, d: blob.d }
}
