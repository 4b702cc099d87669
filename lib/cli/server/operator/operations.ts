// What a server does for its operator, by name: thin, every row calls the services that clients meet too. The same table
// serves a running server (through the socket) and a stopped one (on its folder).
import type { Clock } from '../../../util/clock.ts'
import { fail } from '../../../util/errors.ts'
import type { ServerConfig } from '../../../server/config.ts'
import { inviteState } from '../../../server/invites.ts'
import { USERS_MAX } from '../../../server/user-desk.ts'
import type { Written } from '../backup/write.ts'
import type { InviteLink } from '../link.ts'
import type { RunningServer } from '../start.ts'
import type { Report } from './report.ts'
import { refuseOtherPlace } from './same-place.ts'
import { type Args, numberArg, type Request, textArg } from './wire.ts'

export interface Reloaded {
  /** Names of settings that are in force now. */
  readonly changed: readonly string[]
  /** Names of settings that wait for a restart. */
  readonly waiting: readonly string[]
}

export interface Ground {
  readonly running: RunningServer
  readonly clock: Clock
  /** The link that clients of this server get, and whether they may register. */
  door(): InviteLink & Pick<ServerConfig, 'registration'>
  report(): Promise<Report>
  /** Reads the configuration again. @throws E_USAGE when no server runs */
  reload(): Promise<Reloaded>
  /** Writes a new file; checked before it resolves. */
  backup(file: string, passphrase: string): Promise<Written>
  /** Ends the server in order, soon. @throws E_USAGE when none runs */
  stop(): void
}

type Operation = (ground: Ground, args: Args) => unknown

const OPERATIONS: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  [
    'invite.create',
    async (ground, args) => {
      const { running, clock } = ground
      const expires = clock.now() + numberArg(args, 'forMs')
      const invite = await running.server.invites.create(numberArg(args, 'uses'), expires)
      return { ...invite, ...ground.door() }
    },
  ],
  [
    'invite.list',
    async ({ running, clock }) =>
      (await running.server.invites.all()).map((invite) => ({
        ...invite,
        state: inviteState(invite, clock.now()),
      })),
  ],
  [
    'invite.revoke',
    async ({ running }, args) => {
      const done = await running.server.invites.revoke(textArg(args, 'code'))
      return done ? {} : fail('E_NOT_FOUND', 'There is no such invitation (any more).')
    },
  ],
  [
    'user.list',
    async ({ running }, args) => {
      const users = await running.server.users.list(textArg(args, 'after'), USERS_MAX)
      return { users, more: users.length === USERS_MAX }
    },
  ],
  ['user.show', ({ running }, args) => running.server.users.show(textArg(args, 'name'))],
  [
    'user.disable',
    async ({ running }, args) => ({
      changed: await running.server.users.disable(textArg(args, 'name')),
    }),
  ],
  [
    'user.enable',
    async ({ running }, args) => ({
      changed: await running.server.users.enable(textArg(args, 'name')),
    }),
  ],
  [
    'user.delete',
    async ({ running }, args) => {
      await running.server.users.delete(textArg(args, 'name'))
      return {}
    },
  ],
  [
    'user.reset-limits',
    async ({ running }, args) => {
      await running.server.users.resetLimits(textArg(args, 'name'))
      return {}
    },
  ],
  [
    'ban.add',
    async ({ running, clock }, args) => {
      const [now, forMs] = [clock.now(), numberArg(args, 'forMs')]
      const ban = await running.server.bans.add(
        textArg(args, 'range'),
        now,
        forMs === 0 ? 0 : now + forMs,
      )
      return { ...ban, ended: running.server.dropBanned() }
    },
  ],
  ['ban.list', ({ running, clock }) => running.server.bans.all(clock.now())],
  [
    'ban.remove',
    async ({ running }, args) => {
      const range = textArg(args, 'range')
      if (await running.server.bans.remove(range)) return {}
      return fail('E_NOT_FOUND', `${range} is not banned. ban list shows what is.`)
    },
  ],
  ['status', (ground) => ground.report()],
  ['reload', (ground) => ground.reload()],
  [
    'backup',
    async (ground, args) => {
      const file = textArg(args, 'file')
      await refuseOtherPlace(file, textArg(args, 'place'))
      return ground.backup(file, textArg(args, 'passphrase'))
    },
  ],
  [
    'stop',
    (ground) => {
      ground.stop()
      return {}
    },
  ],
])

/** What changes nothing, and so may be asked of a server that has moved away. */
const LOOKS: ReadonlySet<string> = new Set([
  'invite.list',
  'user.list',
  'user.show',
  'ban.list',
  'status',
])

export function isLook({ op }: Request): boolean {
  return LOOKS.has(op)
}

/** @throws E_FORMAT for what this version does not know, and what the operation throws */
export async function perform(ground: Ground, { op, args }: Request): Promise<unknown> {
  const operation =
    OPERATIONS.get(op) ?? fail('E_FORMAT', `The running server knows no "${op}": is it older?`)
  // looks at the disk again: who has just made room is not to be told that there is none
  await ground.running.store.health()
  return await operation(ground, args)
}
