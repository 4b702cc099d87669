// A store whose program is killed after so many writes: of what is written together then, the first half lies there.
import type { Logs, Records, Store } from '../../lib/storage/ports.ts'
import { SecureChatError } from '../../lib/util/errors.ts'

type Parts = Pick<Store, 'records' | 'logs'>

export function mortal(store: Parts): Parts & { lives: number } {
  const mortal = { lives: Infinity, records: store.records, logs: store.logs }
  const dies = (): boolean => --mortal.lives < 0
  const killed = (): never => {
    throw new SecureChatError('E_STORE', 'killed')
  }
  const records: Partial<Records> = {
    put: async (...args) => (dies() ? killed() : store.records.put(...args)),
    putMany: async (kind, items) => {
      if (!dies()) return store.records.putMany(kind, items)
      if (mortal.lives === -1) await store.records.putMany(kind, items.slice(0, items.length / 2))
      return killed()
    },
    delete: async (...args) => (dies() ? killed() : store.records.delete(...args)),
    deleteMany: async (kind, ids) => {
      if (!dies()) return store.records.deleteMany(kind, ids)
      if (mortal.lives === -1) await store.records.deleteMany(kind, ids.slice(0, ids.length / 2))
      return killed()
    },
  }
  const logs: Partial<Logs> = {
    append: async (...args) => (dies() ? killed() : store.logs.append(...args)),
    drop: async (...args) => (dies() ? killed() : store.logs.drop(...args)),
  }
  mortal.records = { ...store.records, ...records }
  mortal.logs = { ...store.logs, ...logs }
  return mortal
}
