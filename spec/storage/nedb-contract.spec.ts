import { openNedbStore } from '../../lib/storage/nedb/store.ts'
import { silentLog } from '../../lib/util/log.ts'
import { CONTRACT_LIMITS, storeContract } from './contract.ts'
import { SettableClock, temporaryFolder } from './helpers.ts'

const KEY = Buffer.alloc(32, 7)

for (const [name, sealing] of [
  ['nedb, plain', {}],
  ['nedb, sealed', { key: KEY }],
  ['nedb, with hidden names', { key: KEY, hideNames: true }],
] as const) {
  storeContract({
    name,
    isDurable: true,
    make: async (t) => {
      const dir = await temporaryFolder(t)
      const clock = new SettableClock()
      const open = () =>
        openNedbStore({ dir, clock, log: silentLog, shards: 2, ...sealing, ...CONTRACT_LIMITS })
      let store = await open()
      t.teardown(() => store.close())
      return {
        store,
        clock,
        reopen: async () => {
          await store.close()
          store = await open()
          return store
        },
      }
    },
  })
}
