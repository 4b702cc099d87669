import { fileURLToPath } from 'node:url'

/** The program that spec/bundle.js made of `source`, an URL below spec/. */
export function bundled(source: URL): string {
  return fileURLToPath(source.href.replace('/spec/', '/dist-spec/').replace(/\.ts$/, '.js'))
}
