// Whether a stream may be opened to the devices its head names (PROTOCOL 5.5, 15): they exist, the inbox keys are the
// current ones, and the sender has not met too many new people today.
import type { Bytes } from '../util/bytes.ts'
import { base64url, equal } from '../util/bytes.ts'
import { type Directory, type DirectoryEntry, findDevice } from './directory.ts'
import type { StreamHead } from './head.ts'
import { accountId } from './ids.ts'
import { Refusal } from './refusal.ts'
import type { Services } from './services.ts'

const WHO_MAX = 100

/** One account of a head, with what the directory knows of it. */
export interface Addressee {
  readonly acct: Bytes
  readonly devs: StreamHead['to'][number]['devs']
  readonly entry: DirectoryEntry | null
}

/** Null: not everything is in memory. */
export function peekRecipients(directory: Directory, head: StreamHead): Addressee[] | null {
  const found: Addressee[] = []
  for (const { acct, devs } of head.to) {
    const entry = directory.peek(accountId(acct))
    if (entry === undefined) return null
    found.push({ acct, devs, entry })
  }
  return found
}

export function loadRecipients(directory: Directory, head: StreamHead): Promise<Addressee[]> {
  return Promise.all(
    head.to.map(async ({ acct, devs }) => ({
      acct,
      devs,
      entry: await directory.get(accountId(acct)),
    })),
  )
}

/** Null: all is well. `who` names the accounts that the sender should fetch again. */
export function judgeRecipients(
  services: Pick<Services, 'clock' | 'newRecipients'>,
  sender: Bytes,
  to: readonly Addressee[],
): Refusal | null {
  const now = services.clock.now()
  const unknown = to.filter(({ devs, entry }) => !devs.every(({ dev }) => hasDevice(entry, dev)))
  if (unknown.length > 0) return naming('E_NO_DEVICE', unknown)
  const stale = to.filter(
    ({ devs, entry }) => !devs.every(({ dev, klid }) => hasCurrentKey(entry, dev, klid, now)),
  )
  if (stale.length > 0) return naming('E_STALE_BUNDLE', stale)
  const others = to.map(({ acct }) => acct).filter((acct) => !equal(acct, sender))
  const wait = services.newRecipients.admit(sender, others, services.clock.monotonic())
  return wait === 0 ? null : new Refusal('E_RATE', { after: wait })
}

function hasDevice(entry: DirectoryEntry | null, dev: Bytes): boolean {
  return entry !== null && findDevice(entry.list, dev) !== undefined
}

function hasCurrentKey(
  entry: DirectoryEntry | null,
  dev: Bytes,
  klid: Bytes,
  now: number,
): boolean {
  const bundle = entry?.bundles.get(base64url(dev))
  return bundle !== undefined && bundle.na > now && equal(bundle.klid, klid)
}

function naming(code: 'E_NO_DEVICE' | 'E_STALE_BUNDLE', accounts: readonly Addressee[]): Refusal {
  return new Refusal(code, { who: accounts.slice(0, WHO_MAX).map(({ acct }) => acct) })
}
