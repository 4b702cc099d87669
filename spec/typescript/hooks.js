// Loads .ts files through ts-blank-space and remembers the result by content: the compiler that it needs is half a second
// of CPU in each of AVA's many workers, and almost every worker finds everything remembered.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { threadId } from 'node:worker_threads'

const CACHE = new URL('../../node_modules/.cache/securechat-spec/', import.meta.url)

export async function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context)
  // synchronous: this thread does nothing else, and a promise for each of a thousand small reads costs more than the reads
  const text = readFileSync(new URL(url), 'utf8')
  const remembered = new URL(createHash('sha256').update(text).digest('hex'), CACHE)
  const source = read(remembered) ?? (await blank(url, text, remembered))
  return { format: 'module', source, shortCircuit: true }
}

function read(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

async function blank(url, text, remembered) {
  const { default: blankSpace } = await import('ts-blank-space')
  const source = blankSpace(text, (node) => {
    throw new SyntaxError(`${url}: this is not erasable TypeScript: ${node.getText()}`)
  })
  const aside = new URL(`${remembered.href}-${process.pid}-${threadId}`)
  mkdirSync(CACHE, { recursive: true })
  writeFileSync(aside, source)
  renameSync(aside, remembered)
  return source
}
