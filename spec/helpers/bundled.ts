import { fileURLToPath } from 'node:url'

const SPEC = new URL('../', import.meta.url).href
const OUT = new URL('../../dist-spec/', import.meta.url).href

/** The program that spec/bundle.js made of `source`, an URL below spec/. */
export function bundled(source: URL): string {
  return fileURLToPath(source.href.replace(SPEC, () => OUT).replace(/\.ts$/, '.js'))
}
