// Where a recording lies until the server has it sealed: a folder of its own among the temporary files, for its owner only. It is
// known by its path, so that one whose upload went on in another run is removed all the same.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'

import { clockTime, isoDate } from '../format.ts'

const PREFIX = 'securechat-voice-'
const FOLDER = /^securechat-voice-[A-Za-z0-9]{6}$/
const FILE = /^voice-[\d-]+\.wav$/

export async function newRecording(now: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), PREFIX))
  return join(folder, `voice-${isoDate(now)}-${clockTime(now).replace(':', '')}.wav`)
}

/** Removes it, if it is one of ours. */
export async function dropRecording(path: string | undefined): Promise<void> {
  if (path === undefined || !FILE.test(basename(path))) return
  const folder = dirname(path)
  if (dirname(folder) !== tmpdir() || !FOLDER.test(basename(folder))) return
  await rm(folder, { recursive: true, force: true })
}
