// The uploader takes a file back, or all receivers have it (PROTOCOL 14.2).
import { hex } from '../../util/bytes.ts'
import type { RequestHandler } from '../handler.ts'
import { refuse } from '../refusal.ts'

export const fileDel: RequestHandler<'file.del'> = async ({ services, device }, { fid }) => {
  const id = hex(fid)
  if (!(await services.transfers.files.delete(id, device.id))) refuse('E_NOT_FOUND')
  services.transfers.deleted(id)
  return {}
}
