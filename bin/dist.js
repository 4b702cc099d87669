// Loads the compiled program. A checkout that was never compiled is compiled first, once; an installed package has dist/.
import { existsSync, renameSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url))

export async function load(name) {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19)) {
    stop(`SecureChat needs Node.js 20.19 or newer, this is ${process.versions.node}.`)
  }
  if (!existsSync(path(`dist/${name}`))) await compile(path(`dist/${name}`))
  return import(new URL(`../dist/${name}`, import.meta.url))
}

async function compile(wanted) {
  // Aside, then renamed: a second program started meanwhile never loads half of it.
  const aside = path(`dist-${process.pid}`)
  try {
    const { build } = await import('./build.js')
    await build(aside)
    if (!existsSync(wanted)) {
      rmSync(path('dist'), { recursive: true, force: true })
      renameSync(aside, path('dist'))
    }
  } catch (error) {
    // unless a program started at the same time was faster
    if (!existsSync(wanted)) {
      stop(`SecureChat is not built yet: run npm ci && npm run build first. (${error.message})`)
    }
  }
  rmSync(aside, { recursive: true, force: true })
}

function stop(message) {
  process.stderr.write(`${message}\n`)
  process.exit(78)
}
