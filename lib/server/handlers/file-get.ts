// One sealed chunk for whoever knows the file id, as soon as it is there (PROTOCOL 10).
import { LATER, type RequestHandler } from '../handler.ts'

export const fileGet: RequestHandler<'file.get'> = ({ files }, { r, fid, i }) => {
  files.get(r, fid, i)
  return LATER
}
