// Small notes in a data folder that are of this machine only, so no backup carries them: when the last backup was made, and
// that the server has moved away.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { replaceFile } from '../../../storage/durable.ts'
import { utf8 } from '../../../util/bytes.ts'
import { fail } from '../../../util/errors.ts'

export function backupAtPath(dataDir: string): string {
  return join(dataDir, 'last-backup.json')
}

function movedPath(dataDir: string): string {
  return join(dataDir, 'moved.json')
}

/** ms since 1970; null: none is known. */
export async function lastBackupAt(dataDir: string): Promise<number | null> {
  const at = (await read(backupAtPath(dataDir)))?.['at']
  return typeof at === 'number' ? at : null
}

export async function markMoved(dataDir: string, file: string, now: number): Promise<void> {
  await replaceFile(movedPath(dataDir), utf8(`${JSON.stringify({ at: now, file })}\n`))
}

/** What `move` left here; null: the server did not move. */
export async function movedFrom(
  dataDir: string,
): Promise<{ readonly at: number; readonly file: string } | null> {
  const mark = await read(movedPath(dataDir))
  return mark && { at: Number(mark['at'] ?? 0), file: String(mark['file']) }
}

/** @throws E_CONFIG after a `move`: two servers of one identity would take each other's messages */
export async function refuseMoved(dataDir: string): Promise<void> {
  const mark = await read(movedPath(dataDir))
  if (mark === null) return
  fail(
    'E_CONFIG',
    `This server has moved: its last state is in the backup ${String(mark['file'])}. Restore that, here or elsewhere. ` +
      `Only if it was never started elsewhere, delete ${movedPath(dataDir)} and start again.`,
  )
}

async function read(path: string): Promise<Readonly<Record<string, unknown>> | null> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch (error) {
    return error instanceof SyntaxError ? {} : null
  }
}
