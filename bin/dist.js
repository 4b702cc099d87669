// Loads the compiled program. A checkout that was never compiled is compiled first, once; an installed package has dist/.
import { existsSync, renameSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url))

// As in lib/cli/exit-codes.ts, which may not be compiled yet.
const EXIT = { failure: 1, file: 66, temporary: 75, config: 78 }

const FULL = ['ENOSPC', 'EDQUOT', 'EFBIG']
const FORBIDDEN = ['EROFS', 'EACCES', 'EPERM']

export async function load(name) {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19)) {
    stop(EXIT.config, `it needs Node.js 20.19 or newer, this is ${process.versions.node}.`)
  }
  if (!existsSync(path(`dist/${name}`))) await compile(path(`dist/${name}`))
  try {
    return await import(new URL(`../dist/${name}`, import.meta.url))
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    return stop(EXIT.config, `a package that it needs is not installed. In ${ROOT} run: npm ci`)
  }
}

async function compile(wanted) {
  // Aside, then renamed: a second program started meanwhile never loads half of it.
  const aside = path(`dist-${process.pid}`)
  let failure
  try {
    const { build } = await import('./build.js')
    await build(aside)
    if (!existsSync(wanted)) {
      rmSync(path('dist'), { recursive: true, force: true })
      renameSync(aside, path('dist'))
    }
  } catch (error) {
    failure = error
  }
  try {
    rmSync(aside, { recursive: true, force: true })
  } catch {
    // where nothing can be written nothing was left
  }
  // Not a failure where a program that was started at the same time was faster.
  if (failure !== undefined && !existsSync(wanted)) stop(...why(failure))
}

/** What a person can do about it, by what is known of the cause. */
function why(error) {
  if (error.code === 'ERR_MODULE_NOT_FOUND') {
    return [
      EXIT.config,
      `it is not compiled yet, and what compiles it is not installed. In ${ROOT} run: npm ci && npm run build`,
    ]
  }
  if (FULL.includes(error.code)) {
    return [
      EXIT.temporary,
      `it could not be compiled: the disk is full. Make room below ${ROOT} and start it again.`,
    ]
  }
  if (FORBIDDEN.includes(error.code)) {
    return [
      EXIT.file,
      `it is not compiled yet, and you may not write in ${ROOT} - whoever owns that folder has to run there: npm run build`,
    ]
  }
  const sentence = String(error.message).split('\n')[0].replace(/:$/, '')
  return [
    EXIT.failure,
    `it could not be compiled (${sentence}). In ${ROOT} run: npm ci && npm run build`,
  ]
}

function stop(code, message) {
  process.stderr.write(`SecureChat cannot start: ${message}\n`)
  process.exit(code)
}
