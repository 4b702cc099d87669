// Device lists and inbox keys of an account, as far as the asker does not have them (PROTOCOL 14.2 `dir.get`).
import type { SignedBundle, SignedDeviceList } from '../../protocol/composites.ts'
import { type Bytes, equal } from '../../util/bytes.ts'
import type { DirectoryEntry } from '../directory.ts'
import type { Caller, RequestHandler } from '../handler.ts'
import { accountId } from '../ids.ts'
import { refuse } from '../refusal.ts'

const LISTS_MAX = 8

export const dirGet: RequestHandler<'dir.get'> = async (caller, { user, acct, n, k = [] }) => {
  const { services } = caller
  if ((user === undefined) === (acct === undefined)) refuse('E_FORMAT')
  charge(caller, user !== undefined)
  const found =
    acct === undefined
      ? user === undefined
        ? null
        : await services.directory.byName(user)
      : await services.directory.get(accountId(acct))
  const entry = await atLeast(services.directory, found, n)
  const dls = await listsAfter(caller, entry, n)
  const last = n === undefined ? entry.list.n : n + dls.length
  const bun = last < entry.list.n ? [] : bundlesExcept(entry, k, services.clock.now())
  return { cur: entry.list.n, dls, bun }
}

function charge({ services, device }: Caller, byName: boolean): void {
  const now = services.clock.monotonic()
  const wait = Math.max(
    services.lookups.of(device.box, now).take(now),
    byName ? services.lookupsByName.of(device.box, now).take(now) : 0,
  )
  if (wait > 0) refuse('E_RATE', { after: wait })
}

/** Never an older list than the asker has seen: that would look like an attack (PROTOCOL 16). */
async function atLeast(
  directory: Caller['services']['directory'],
  entry: DirectoryEntry | null,
  n: number | undefined,
): Promise<DirectoryEntry> {
  if (entry === null || n === undefined || entry.list.n >= n) return entry ?? refuse('E_NOT_FOUND')
  const fresh = (await directory.reload(entry.id)) ?? refuse('E_NOT_FOUND')
  return fresh.list.n >= n ? fresh : refuse('E_BUSY', { after: 10_000 })
}

async function listsAfter(
  { services }: Caller,
  entry: DirectoryEntry,
  n: number | undefined,
): Promise<readonly SignedDeviceList[]> {
  const current = entry.list.n
  if (n === undefined) return [entry.signed]
  if (n === current) return []
  if (n === current - 1) return [entry.signed]
  const replaced = await services.accounts.replacedLists(entry.id, n, LISTS_MAX)
  return n + replaced.length === current - 1 && replaced.length < LISTS_MAX
    ? [...replaced, entry.signed]
    : replaced
}

function bundlesExcept(entry: DirectoryEntry, held: readonly Bytes[], now: number): SignedBundle[] {
  const wanted: SignedBundle[] = []
  for (const { klid, na, signed } of entry.bundles.values()) {
    if (na > now && !held.some((id) => equal(id, klid))) wanted.push(signed)
  }
  return wanted
}
