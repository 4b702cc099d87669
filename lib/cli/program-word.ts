// How a program of ours is called from where the person stands: by its name if the shell finds this very one, else by its path.
import { realpathSync } from 'node:fs'
import { delimiter, join } from 'node:path'

import { PACKAGE_ROOT } from './home.ts'
import { shellWord } from './shell-word.ts'

export function programWord(name: string, path: string = process.env['PATH'] ?? ''): string {
  const own = join(PACKAGE_ROOT, 'bin', name)
  const found = path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => placeOf(join(folder, name)))
    .find((place) => place !== null)
  return found !== undefined && found === placeOf(own) ? name : shellWord(own)
}

function placeOf(path: string): string | null {
  try {
    return realpathSync(path)
  } catch {
    return null
  }
}
