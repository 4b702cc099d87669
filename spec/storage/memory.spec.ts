import { createMemoryStore } from '../../lib/storage/memory.ts'
import { CONTRACT_LIMITS, storeContract } from './contract.ts'
import { SettableClock } from './helpers.ts'

storeContract({
  name: 'memory',
  isDurable: false,
  make: () => {
    const clock = new SettableClock()
    const store = createMemoryStore({ clock, ...CONTRACT_LIMITS })
    return Promise.resolve({ store, clock, reopen: () => Promise.resolve(store) })
  },
})
