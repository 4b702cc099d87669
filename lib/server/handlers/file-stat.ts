// Which chunks of a file are here: for resuming on both sides (PROTOCOL 10, 14.2).
import { hex } from '../../util/bytes.ts'
import type { RequestHandler } from '../handler.ts'
import { refuse } from '../refusal.ts'

export const fileStat: RequestHandler<'file.stat'> = async ({ services }, { fid }) => {
  const file = (await services.transfers.files.stat(hex(fid))) ?? refuse('E_NOT_FOUND')
  return { n: file.chunkCount, have: file.have, exp: file.expires }
}
