// One sealed chunk (PROTOCOL 10); the window of the connection bounds what is in memory.
import { LATER, type RequestHandler } from '../handler.ts'

export const filePut: RequestHandler<'file.put'> = ({ files, device }, chunk) => {
  files.put(chunk.r, device.id, chunk)
  return LATER
}
