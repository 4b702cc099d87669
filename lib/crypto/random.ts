// The one door to the operating system's CSPRNG (PROTOCOL 2).
import { randomBytes as osRandomBytes } from 'node:crypto'

export function randomBytes(length: number): Buffer {
  return osRandomBytes(length)
}
