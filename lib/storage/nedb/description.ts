// store.json: what must be known of a store before anything in it can be read, and whether the key fits.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { type Bytes, equal, NO_BYTES, utf8 } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'
import { AtRest } from '../at-rest.ts'
import { errnoOf, openError, replaceFile } from '../durable.ts'

export interface Description {
  readonly format: number
  /** Number of mailbox files. */
  readonly shards: number
  /** base64 of the sealed word; null without a key. */
  readonly check: string | null
}

const FILE = 'store.json'
const FORMAT = 1
const WORD = utf8('SecureChat store')
const DEFAULT_SHARDS = 16
const MAX_SHARDS = 256

/**
 * The description of the store in `dir`, written first when the store is new.
 * Rejects with E_CONFIG for a key that does not fit, and with E_CORRUPT when the file is lost or damaged.
 */
export async function openDescription(
  dir: string,
  key: Bytes | null,
  shards: number = DEFAULT_SHARDS,
): Promise<Description> {
  const cipher = key === null ? null : new AtRest(key, 'store')
  const known = await read(join(dir, FILE))
  if (known !== null) {
    checkKey(dir, known, cipher)
    return known
  }
  if (!(await isEmpty(dir))) {
    fail('E_CORRUPT', `${join(dir, FILE)} is missing, but there is data. Restore it from a backup.`)
  }
  return create(dir, shards, cipher)
}

/** Null: there is none. */
async function read(path: string): Promise<Description | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null
    throw openError(error, path)
  }
  const damaged = `${path} is damaged. Nothing was changed; restore it from a backup.`
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return fail('E_CORRUPT', damaged, error)
  }
  if (typeof value !== 'object' || value === null) return fail('E_CORRUPT', damaged)
  const { format, shards, check } = value as Partial<Record<keyof Description, unknown>>
  if (typeof format === 'number' && format !== FORMAT) {
    fail('E_CONFIG', `${path} was written by another version of this program (format ${format}).`)
  }
  if (format !== FORMAT || !isShardCount(shards)) return fail('E_CORRUPT', damaged)
  if (check !== null && typeof check !== 'string') return fail('E_CORRUPT', damaged)
  return { format, shards, check }
}

function isShardCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_SHARDS
}

function checkKey(dir: string, { check }: Description, cipher: AtRest | null): void {
  if (cipher === null) {
    if (check !== null) fail('E_CONFIG', `The data in ${dir} is sealed: its key is needed.`)
    return
  }
  if (check === null) fail('E_CONFIG', `The data in ${dir} is not sealed, but a key was given.`)
  const word = cipher.open(NO_BYTES, Buffer.from(check, 'base64'))
  if (word === null || !equal(word, WORD)) {
    fail('E_CONFIG', `The key does not fit the data in ${dir}. Nothing was changed.`)
  }
}

async function isEmpty(dir: string): Promise<boolean> {
  const folders = ['records', 'mail'].map((name) => readdir(join(dir, name)).catch(() => []))
  return (await Promise.all(folders)).every((names) => names.length === 0)
}

async function create(dir: string, shards: number, cipher: AtRest | null): Promise<Description> {
  if (!isShardCount(shards)) throw new RangeError('a store has 1 to 256 mailbox files')
  const check = cipher?.seal(NO_BYTES, WORD).toString('base64') ?? null
  const description: Description = { format: FORMAT, shards, check }
  try {
    await replaceFile(join(dir, FILE), utf8(`${JSON.stringify(description)}\n`))
  } catch (error) {
    throw openError(error, join(dir, FILE))
  }
  return description
}
