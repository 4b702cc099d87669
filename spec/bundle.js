// `node spec/bundle.js` bundles every spec, and every program that a spec or a bench starts, with what it imports: a worker of
// AVA then reads a few files instead of three hundred, and no module loader stands between.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { build, stop } from 'esbuild'

import { FOR_NODE } from '../bin/build.js'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const LIB = join(ROOT, 'lib/')
const DIST = join(ROOT, 'dist/')

/** As deep as spec/, so that what is beside spec/ is beside it as well. */
export const OUT = 'dist-spec/'

export async function bundle() {
  await build({
    ...FOR_NODE,
    entryPoints: ['spec/**/*.spec.ts', 'spec/**/programs/*.ts', 'spec/bench/**/*.ts'],
    outbase: 'spec',
    outdir: OUT,
    plugins: [{ name: 'own place', setup: keepPlace }],
  })
  await stop() // what it runs in would stay as long as this process
}

/** A file finds its neighbours from where its source is: fixtures for a spec, what is compiled for the product. */
function keepPlace({ onLoad }) {
  onLoad({ filter: /\.ts$/ }, async ({ path }) => {
    const text = await readFile(path, 'utf8')
    if (!text.includes('import.meta.url')) return null
    const place = pathToFileURL(path.startsWith(LIB) ? DIST : path).href
    const contents = text.replaceAll('import.meta.url', () => JSON.stringify(place))
    return { contents, loader: 'ts' }
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle()
