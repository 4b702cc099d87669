// `npm run bench`: every figure in one run on one machine. Parts by name: `npm run bench -- relay`.
import { cpus } from 'node:os'

const PARTS: Readonly<Record<string, () => Promise<void>>> = {
  start: async () => (await import('./start.ts')).startBench(),
  keys: async () => (await import('./keys.ts')).keysBench(),
  relay: async () => (await import('./relay.ts')).relayBench(),
  stored: async () => (await import('./stored.ts')).storedBench(),
  archive: async () => (await import('./archive.ts')).archiveBench(),
  files: async () => (await import('./files.ts')).fileBench(),
  direct: async () => (await import('./direct.ts')).directBench(),
  groups: async () => (await import('./groups.ts')).groupBench(),
  chats: async () => (await import('./chats.ts')).chatsBench(),
  crowd: async () => (await import('./crowd.ts')).crowdBench(),
  history: async () => (await import('./history.ts')).historyBench(),
}

const wanted = process.argv.slice(2)
const [cpu] = cpus()
console.log(
  `${new Date().toISOString()}  Node ${process.versions.node}  ${String(cpus().length)} x ${cpu?.model ?? 'unknown'}`,
)
for (const [name, run] of Object.entries(PARTS)) {
  if (wanted.length === 0 || wanted.includes(name)) await run()
}
process.exit(0)
