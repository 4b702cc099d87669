// Which devices of the account, present and gone, have history here: first and last number (PROTOCOL 14.2).
import type { HistoryDevice } from '../../protocol/composites.ts'
import type { RequestHandler } from '../handler.ts'
import { historyLog } from '../ids.ts'
import { refuse } from '../refusal.ts'

export const histLs: RequestHandler<'hist.ls'> = async ({ services, device }) => {
  const { directory, logs } = services
  const { list } = (await directory.get(device.id)) ?? refuse('E_NO_DEVICE')
  const devs: HistoryDevice[] = []
  for (const dev of [...list.devs.map(({ id }) => id), ...list.gone.map(([id]) => id)]) {
    const { first, next } = await logs.head(historyLog(device.id, dev))
    if (next > first) devs.push([dev, first, next - 1])
  }
  return { devs }
}
