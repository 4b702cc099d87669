// Loads the compiled program. A checkout that was never compiled is compiled first, once; an installed package has dist/.
import { spawnSync } from 'node:child_process'
import { existsSync, renameSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url))

export function load(name) {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19)) {
    stop(`SecureChat needs Node.js 20.19 or newer, this is ${process.versions.node}.`)
  }
  if (!existsSync(path(`dist/${name}`))) build(path(`dist/${name}`))
  return import(new URL(`../dist/${name}`, import.meta.url))
}

function build(wanted) {
  const compiler = path('node_modules/typescript/bin/tsc')
  if (!existsSync(compiler)) {
    stop('SecureChat is not built yet: run npm ci && npm run build first.')
  }
  process.stderr.write('First start: compiling SecureChat, this takes a few seconds ..\n')
  // Aside, then renamed: a second program started meanwhile never loads half of it.
  const aside = path(`dist-${process.pid}`)
  const options = ['-p', path('tsconfig.build.json'), '--outDir', aside]
  const { status } = spawnSync(process.execPath, [compiler, ...options], { stdio: [0, 2, 2] })
  try {
    if (status === 0 && !existsSync(wanted)) {
      rmSync(path('dist'), { recursive: true, force: true })
      renameSync(aside, path('dist'))
    }
  } catch {
    // the other one was faster
  }
  rmSync(aside, { recursive: true, force: true })
  if (!existsSync(wanted)) {
    stop('SecureChat could not be compiled here: run npm ci && npm run build and see what it says.')
  }
}

function stop(message) {
  process.stderr.write(`${message}\n`)
  process.exit(78)
}
