// Loads .ts files through ts-blank-space and remembers the result by content: the compiler that it needs is half a second
// of CPU in each of AVA's many workers, and almost every worker finds everything remembered.
import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { threadId } from 'node:worker_threads'

const CACHE = new URL('../../node_modules/.cache/securechat-spec/', import.meta.url)

export async function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context)
  const text = await readFile(new URL(url), 'utf8')
  const remembered = new URL(createHash('sha256').update(text).digest('hex'), CACHE)
  const source = await readFile(remembered, 'utf8').catch(() => blank(url, text, remembered))
  return { format: 'module', source, shortCircuit: true }
}

async function blank(url, text, remembered) {
  const { default: blankSpace } = await import('ts-blank-space')
  const source = blankSpace(text, (node) => {
    throw new SyntaxError(`${url}: this is not erasable TypeScript: ${node.getText()}`)
  })
  const aside = new URL(`${remembered.href}-${process.pid}-${threadId}`)
  await mkdir(CACHE, { recursive: true })
  await writeFile(aside, source)
  await rename(aside, remembered)
  return source
}
