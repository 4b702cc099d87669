// Sealed batches of one device of the account, from a number on (PROTOCOL 14.2: at most 16 rows and 192 KiB).
import { view } from '../../util/bytes.ts'
import type { RequestHandler } from '../handler.ts'
import { historyLog } from '../ids.ts'

const ROWS_MAX = 16
const BYTES_MAX = 192 * 1024
const EPOCH_BYTES = 4

export const histGet: RequestHandler<'hist.get'> = async ({ services, device }, { dev, seq }) => {
  const log = historyLog(device.id, dev)
  const chunks = await services.logs.read(log, seq, seq + ROWS_MAX, BYTES_MAX)
  return {
    rows: chunks.map(({ seq: number, body }) => {
      const chunk = view(body)
      return [number, chunk.readUInt32BE(0), chunk.subarray(EPOCH_BYTES)] as const
    }),
  }
}
