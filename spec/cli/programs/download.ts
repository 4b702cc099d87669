// Writes more into a download than its limits allow, and prints the error: `download.js FOLDER`.
import { createNodeFiles } from '../../../lib/cli/node-files.ts'
import { SecureChatError } from '../../../lib/util/errors.ts'

process.on('SIGXFSZ', () => undefined)
const file = await createNodeFiles(process.argv[2] ?? '').openDownload('big', 'create')
await file?.write(0, Buffer.alloc(1e6)).catch((error: unknown) => {
  if (error instanceof SecureChatError) process.stdout.write(`${error.code} ${error.message}\n`)
})
