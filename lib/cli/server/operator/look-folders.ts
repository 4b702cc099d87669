// Whose keys and data are, and who else may enter or read them. What is wrong comes with the command that mends it.
import { lstat, readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { shellWord } from '../../shell-word.ts'
import { FILES_FOLDER, STORE_FOLDER } from '../migrate.ts'
import type { ServerSettings } from '../settings.ts'
import { type Check, check } from './check.ts'

type Places = Pick<ServerSettings, 'keys' | 'data' | 'launchPasswordFile'>

/** Paths that others may enter or read, each with what takes that away. */
export type OpenPaths = ReadonlyMap<string, string>

const PRIVATE = { others: 0o077, change: 'go=' }
/** Root may keep it for the group of the server. */
const PASSWORD = { others: 0o037, change: 'g-wx,o=' }
const SHOWN = 3

export async function openPaths(places: Places): Promise<OpenPaths> {
  const { keys, data, launchPasswordFile } = places
  const store = join(data, STORE_FOLDER)
  const own = [keys, ...(await keyFiles(keys)), data, store, join(data, FILES_FOLDER)]
  const all = own.map((path) => ({ path, ...PRIVATE }))
  if (launchPasswordFile !== null) all.push({ path: launchPasswordFile, ...PASSWORD })
  const found = await Promise.all(
    all.map(async ({ path, others, change }) => {
      const mode = (await stat(path).catch(() => null))?.mode ?? 0
      return (mode & others) === 0 ? [] : [[path, change] as const]
    }),
  )
  return new Map(found.flat())
}

/** `before` is from before anything was opened, which tightens some. */
export function lookAtModes(before: OpenPaths, after: OpenPaths): Check {
  if (after.size > 0) {
    const commands = [...new Set(after.values())].map((change) => {
      const paths = [...after].filter((entry) => entry[1] === change).map(([path]) => path)
      return `chmod ${change} ${paths.map(shellWord).join(' ')}`
    })
    return check(
      'modes',
      'bad',
      `others may enter or read what is private: ${commands.join(' && ')}`,
    )
  }
  if (before.size === 0) return check('modes', 'ok', 'keys and data are for their owner only')
  const paths = [...before.keys()].join(', ')
  return check(
    'modes',
    'bad',
    `others could enter or read ${paths} until now; opening it closed it`,
  )
}

/** `pid` of the server; null: it does not run, and the data folder says whose it is. */
export async function lookAtOwners({ keys, data }: Places, pid: number | null): Promise<Check> {
  const uidOf = async (path: string): Promise<number | null> =>
    lstat(path).then(
      ({ uid }) => uid,
      () => null,
    )
  const own = (pid === null ? null : await userOf(pid)) ?? (await uidOf(data))
  if (own === null) return check('owners', 'warning', `${data} cannot be looked at`)
  const alien = async (paths: readonly string[]): Promise<string[]> => {
    const owners = await Promise.all(paths.map(uidOf))
    return paths.filter((_, k) => owners[k] !== null && owners[k] !== own)
  }
  const wrongKeys = await alien([keys, ...(await keyFiles(keys))])
  const wrongData = await alien(await dataPaths(data))
  if (wrongKeys.length + wrongData.length === 0) {
    return check('owners', 'ok', `keys and data belong to ${userText(own)}`)
  }
  const wrong = [...wrongKeys, ...wrongData]
  const shown = wrong.slice(0, SHOWN).join(', ') + (wrong.length > SHOWN ? ', ..' : '')
  const whole = [...wrongKeys, ...(wrongData.length > 0 ? [data] : [])].map(shellWord)
  const who = pid === null ? 'like the data folder' : 'as which the server runs'
  const text = `not of ${userText(own)}, ${who}: ${shown}. As root: chown -R ${own} ${whole.join(' ')}`
  return check('owners', 'bad', text)
}

async function keyFiles(keys: string): Promise<string[]> {
  const names = await readdir(keys).catch(() => [])
  return names.filter((name) => name.startsWith('server.')).map((name) => join(keys, name))
}

/** What a server opens at its start; of logs and files, which can be many, the folders. */
async function dataPaths(data: string): Promise<string[]> {
  const store = join(data, STORE_FOLDER)
  const folders = [data, store, join(store, 'records'), join(store, 'mail')]
  const within = await Promise.all(
    folders.map(async (dir) => {
      const names = await readdir(dir).catch(() => [])
      return names.filter((name) => !name.startsWith('.')).map((name) => join(dir, name))
    }),
  )
  return [...new Set([data, ...within.flat()])]
}

/** The effective one of a process; null where the system does not say. */
async function userOf(pid: number): Promise<number | null> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const found = /^Uid:\s+\d+\s+(\d+)/m.exec(text)?.[1]
  return found === undefined ? null : Number(found)
}

function userText(uid: number): string {
  return uid === 0 ? 'root' : `user ${uid}`
}
