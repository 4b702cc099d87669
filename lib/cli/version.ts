// The one place that reads our own package.json.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { PACKAGE_ROOT } from './home.ts'

export function programVersion(): string {
  const text = readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')
  const found: unknown = JSON.parse(text)
  if (typeof found === 'object' && found !== null && 'version' in found)
    return String(found.version)
  return 'unknown'
}
