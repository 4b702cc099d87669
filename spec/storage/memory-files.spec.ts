import { createMemoryFiles } from '../../lib/storage/memory-files.ts'
import { FILES_LIMITS, filesContract } from './files-contract.ts'

filesContract({
  name: 'memory',
  make: () => Promise.resolve(createMemoryFiles(FILES_LIMITS)),
})
