// Whom this device knows, read from its own disk and nowhere else: for a shell that completes a name. Asks nobody and
// changes nothing; a profile that is sealed with the password, or open in another program, tells nothing.
import { hex } from '../util/bytes.ts'
import { codeOf, type ErrorCode } from '../util/errors.ts'
import { lastServer, profilesOf } from './account/home-index.ts'
import { Profile } from './account/profile.ts'
import { GroupTable } from './groups/group-table.ts'
import { Peers } from './people/peers.ts'
import type { ClientHome } from './ports.ts'

const TELLS_NOTHING: readonly ErrorCode[] = ['E_LOCKED', 'E_NOT_LOGGED_IN', 'E_FILE', 'E_CORRUPT']

/** `@alice`, `#team`, of the account used last or of `user`, on the server used last. */
export async function knownNames(home: ClientHome, user?: string): Promise<string[]> {
  try {
    const server = await lastServer(home)
    const entries = server === undefined ? [] : await profilesOf(home, server.srv)
    const entry = entries.find((each) => user === undefined || each.user === user)
    return entry === undefined
      ? []
      : await namesOf(await Profile.resume(home, entry), hex(entry.acct))
  } catch (error) {
    if (TELLS_NOTHING.includes(codeOf(error))) return []
    throw error
  }
}

async function namesOf(profile: Profile, me: string): Promise<string[]> {
  try {
    const { records } = profile.store
    const peers = await Peers.open(records)
    const groups = await GroupTable.open(records, (conv) => peers.byConv(conv) !== undefined)
    const people = peers
      .all()
      .filter(({ id, blocked, deleted }) => id !== me && !blocked && !deleted)
    const places = groups.all().filter(({ standing }) => standing === 'member')
    return [
      ...people.map(({ pin }) => `@${pin.user}`).sort(),
      ...places.map(({ name }) => `#${name}`).sort(),
    ]
  } finally {
    await profile.close()
  }
}
