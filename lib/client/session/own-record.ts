// What the server stores about the own account, as far as its answers and our own signed list tell (PROTOCOL 11, 14), and
// what of it can be taken back.
import { BLOB_NAMES } from '../../envelope/archive-keys.ts'
import { codeOf } from '../../util/errors.ts'
import type { Purgeable, StoredItem } from '../account-api.ts'
import { isOver } from '../files/transfer.ts'
import { requireOnline } from '../link.ts'
import type { Core } from './core.ts'
import { endFile } from './file-actions.ts'

const BLOB_WORDS: Readonly<Record<(typeof BLOB_NAMES)[number], string>> = {
  blocks: 'whom you block',
  contacts: 'your contacts and their pinned keys',
  settings: 'your settings and full name',
  contact: 'your e-mail address',
}

export async function storedItems(core: Core): Promise<StoredItem[]> {
  requireOnline(core.link)
  const { me, directory, link, transfers, device, settings } = core
  const list = directory.listOf(me)
  const { email, dir, pres } = await link.request('info', {})
  const { bun } = await link.request('dir.get', { acct: device.acct })
  const former = me.pin.former.map((name) => `@${name}`).join(', ')
  const items: StoredItem[] = [
    item(
      'names',
      'open',
      `@${me.pin.user}${former === '' ? '' : `, formerly ${former}`}; reserved for ever`,
    ),
    item(
      'devices',
      'open',
      `${list.devs.length} in list ${list.n}, with the days they were added; ${list.gone.length} removed`,
    ),
    item('last sign-in', 'open', 'the day of it; accounts that nobody uses can be deleted'),
    item(
      'public keys',
      'open',
      `account key, ${counted(list.devs.length, 'device key')}, ${counted(bun.length, 'inbox key')}, ${counted(list.lks.length, 'login key')}`,
    ),
    item(
      'password',
      'sealed',
      'a record that proves it without telling it, and another one for the recovery code',
    ),
    item('vault', 'sealed', `account key and archive keys, version ${list.vv} or later`),
  ]
  if (email === 'required')
    items.push(item('e-mail', 'open', 'the address you gave when you signed up; ask the operator'))
  for (const name of BLOB_NAMES) {
    const { ver, d } = await link.request('blob.get', { name })
    if (d === undefined) continue
    const purge = name === 'contact' ? { purge: 'email' as const } : {}
    items.push({
      ...item(BLOB_WORDS[name], 'sealed', `${d.length} bytes, version ${ver}`),
      ...purge,
    })
  }
  const { devs } = await link.request('hist.ls', {})
  const batches = devs.reduce(
    (sum, [, first, last]) => sum + (last >= first ? last - first + 1 : 0),
    0,
  )
  if (devs.length > 0)
    items.push(
      item(
        'history',
        'sealed',
        `${counted(batches, 'batch', 'batches')} of ${counted(devs.length, 'device')}`,
      ),
    )
  const uploads = transfers.all().filter((t) => t.direction === 'out' && isOnServer(core, t.number))
  if (uploads.length > 0) {
    const bytes = uploads.reduce((sum, t) => sum + t.size, 0)
    items.push({
      ...item('files', 'sealed', `${uploads.length} on offer, ${bytes} bytes`),
      purge: 'files',
    })
  }
  items.push(
    item(
      'name search',
      'open',
      dir === true
        ? 'everybody with an account here finds your name by its beginning'
        : 'off on this server: others must know your exact name',
    ),
    item('online state', 'open', onlineWords(pres === true, settings.choices.presence)),
    item('messages', 'sealed', 'until each device has fetched its copy, at most 31 days'),
    item(
      'who wrote to whom',
      'open',
      'while it passes: sender, receiving devices, time, padded size; then a keyed hash of each new pair for 30 days',
    ),
  )
  return items
}

function onlineWords(isOffered: boolean, isShown: boolean): string {
  if (!isOffered) return 'shown to nobody on this server'
  return isShown
    ? 'while you are connected, shown to everybody here who knows your name and shows theirs; never kept (!set presence off)'
    : 'shown to nobody (!set presence on)'
}

function counted(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`
}

function item(what: string, how: StoredItem['how'], detail: string): StoredItem {
  return { what, how, detail }
}

function isOnServer(core: Core, number: number): boolean {
  const t = core.transfers.get(number)
  const isWaiting = t.state === 'done' && t.receiver !== 'received' && t.receiver !== 'declined'
  return isWaiting || !isOver(t)
}

/** How many things were taken back. */
export async function purge(core: Core, what: Purgeable): Promise<number> {
  requireOnline(core.link)
  if (what === 'email') {
    const had = (await core.settings.email()) !== null
    await core.settings.forgetEmail()
    return had ? 1 : 0
  }
  let count = 0
  for (const t of core.transfers.all()) {
    if (t.direction !== 'out' || !isOnServer(core, t.number)) continue
    try {
      await endFile(core, t.number, 'cancelled')
      count += 1
    } catch (error) {
      if (codeOf(error) !== 'E_STATE') throw error
    }
  }
  return count
}
