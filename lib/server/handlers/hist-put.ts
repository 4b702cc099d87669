// Appends one sealed batch to the history of this device, by compare-and-append on its number (PROTOCOL 11).
//
//   chunk = u32 e || d
import { type Bytes, concat, equal, u32 } from '../../util/bytes.ts'
import type { RequestHandler } from '../handler.ts'
import { historyLog } from '../ids.ts'
import { refuse } from '../refusal.ts'

const U32_MAX = 0xffff_ffff

export const histPut: RequestHandler<'hist.put'> = async ({ services, device }, { e, seq, d }) => {
  if (e > U32_MAX) refuse('E_FORMAT')
  const log = historyLog(device.id, device.dev)
  const chunk = concat(u32(e), d)
  const result = await services.histories.append(device.id, device.dev, seq, chunk)
  if (result.ok) return {}
  if ('full' in result) return refuse('E_TOO_BIG')
  const { next } = result.conflict
  if (seq === next - 1 && equal(await lastChunk(), chunk)) return {}
  return refuse('E_CAS', { n: next })

  async function lastChunk(): Promise<Bytes> {
    const [last] = await services.logs.read(log, seq, seq + 1, chunk.length)
    return last?.body ?? refuse('E_CAS', { n: next })
  }
}
