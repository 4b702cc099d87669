// Which devices of the account, present and gone, have history here: first and last number (PROTOCOL 14.2). Those of the
// device list come first, then, as far as they fit, those that nobody remembers.
import type { HistoryDevice } from '../../protocol/composites.ts'
import type { RequestHandler } from '../handler.ts'
import { historyLog } from '../ids.ts'
import { refuse } from '../refusal.ts'

const DEVICES_MAX = 64

export const histLs: RequestHandler<'hist.ls'> = async ({ services, device }) => {
  const { directory, logs, histories } = services
  const { list } = (await directory.get(device.id)) ?? refuse('E_NO_DEVICE')
  const all = [
    ...list.devs.map(({ id }) => id),
    ...list.gone.map(([id]) => id).reverse(),
    ...(await histories.devices(device.id)),
  ]
  const devs = new Map<string, HistoryDevice>()
  for (const dev of all) {
    if (devs.size >= DEVICES_MAX) break
    const log = historyLog(device.id, dev)
    if (devs.has(log)) continue
    const { first, next } = await logs.head(log)
    if (next > first) devs.set(log, [dev, first, next - 1])
  }
  return { devs: [...devs.values()] }
}
