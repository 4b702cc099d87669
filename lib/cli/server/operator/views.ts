// What an operator reads: results of operations as lines. Names are ASCII by the protocol; nothing else here comes from
// clients.
import type { Ban } from '../../../server/bans.ts'
import type { Invite, InviteState } from '../../../server/invites.ts'
import type { UserDetails, UserRow } from '../../../server/user-desk.ts'
import { bytesText, dateText, dayText, spanText, table } from './format.ts'
import type { Ground, Reloaded } from './operations.ts'
import type { Report } from './report.ts'
import type { Args } from './wire.ts'

const STATE = { live: '', disabled: 'disabled' } as const

export const views = {
  'invite.create': ({
    code,
    uses,
    expires,
    ...door
  }: Invite & { readonly code: string } & ReturnType<Ground['door']>): string[] => [
    `Invitation code: ${code}`,
    `For ${uses === 1 ? 'one account' : `${uses} accounts`}, until ${dateText(expires)}. It is shown once.`,
    '',
    `  securechat ${door.link} --register --invite ${code}`,
    ...doubtsOf(door),
  ],
  'invite.list': (invites: readonly (Invite & { readonly state: InviteState })[]): string[] =>
    invites.length === 0
      ? ['No invitations.']
      : table(
          ['ID', 'USED', 'UNTIL', 'STATE'],
          invites.map(({ id, uses, used, expires, state }) => [
            id,
            `${used}/${uses}`,
            dateText(expires),
            state === 'valid' ? '' : state,
          ]),
        ),
  'invite.revoke': (): string[] => ['The invitation is taken back.'],
  'user.list': ({
    users,
  }: {
    readonly users: readonly UserRow[]
    readonly more: boolean
  }): string[] =>
    users.length === 0
      ? ['No accounts.']
      : table(
          ['NAME', 'SINCE', 'DEVICES', 'ONLINE', 'LAST IN', 'STATE'],
          users.map(({ name, created, devices, connected, lastSignIn, state }) => [
            name,
            dateText(created),
            String(devices),
            String(connected),
            signInText(lastSignIn),
            STATE[state],
          ]),
        ),
  'user.show': (user: UserDetails): string[] => [
    `Name       ${user.name}${user.state === 'disabled' ? '   DISABLED' : ''}`,
    `Account    ${user.acct}`,
    `Since      ${dateText(user.created)}`,
    `Devices    ${user.devices}, connected ${user.connected}`,
    `Signed in  ${signInText(user.lastSignIn)}`,
    `E-mail     ${user.email ? 'stored' : 'none'}`,
    `Waiting    ${user.mails} messages, ${bytesText(user.mailBytes)}`,
    `Files      ${user.files}, ${bytesText(user.fileBytes)}`,
    `History    ${bytesText(user.historyBytes)}, sealed`,
  ],
  'user.disable': ({ changed }: { readonly changed: boolean }, args: Args): string[] => [
    changed
      ? `${nameIn(args)} is disabled and logged out.`
      : `${nameIn(args)} was disabled already.`,
  ],
  'user.enable': ({ changed }: { readonly changed: boolean }, args: Args): string[] => [
    changed ? `${nameIn(args)} may log in again.` : `${nameIn(args)} was not disabled.`,
  ],
  'user.delete': (_: unknown, args: Args): string[] => [
    `${nameIn(args)} is deleted. The name stays taken for ever.`,
  ],
  'user.reset-limits': (_: unknown, args: Args): string[] => [
    `The limits of ${nameIn(args)} start afresh.`,
  ],
  'ban.add': ({ range, until, ended }: Ban & { readonly ended: number }): string[] => [
    `${range} is banned${until === 0 ? '' : ` until ${dateText(until)}`}; ${ended} connections ended.`,
  ],
  'ban.list': (bans: readonly Ban[]): string[] =>
    bans.length === 0
      ? ['No bans.']
      : table(
          ['RANGE', 'SINCE', 'UNTIL'],
          bans.map(({ range, at, until }) => [
            range,
            dateText(at),
            until === 0 ? 'for ever' : dateText(until),
          ]),
        ),
  'ban.remove': (): string[] => ['The ban is taken back.'],
  reload: ({ changed, waiting }: Reloaded): string[] => [
    changed.length === 0 ? 'Nothing to change.' : `In force now: ${changed.join(', ')}.`,
    ...(waiting.length === 0 ? [] : [`After a restart: ${waiting.join(', ')}.`]),
  ],
  status: (r: Report): string[] => [
    r.running
      ? `securechat-server ${r.version}   running for ${spanText(r.uptimeMs)}   pid ${r.pid}`
      : `securechat-server ${r.version}   NOT RUNNING`,
    ...(r.moved === null
      ? []
      : [
          `MOVED AWAY   ${dateText(r.moved.at)}, into ${r.moved.file}: it does not start here again`,
        ]),
    `Identity     ${r.fingerprint}`,
    `Port         ${r.host}:${r.port}   registration ${r.registration}`,
    `Connections  ${r.connections} of ${r.maxClients}, logged in ${r.devices}`,
    `Refused      ${r.refused.full} no room, ${r.refused.banned} banned, ${r.refused.handshake} no handshake`,
    `             ${r.loginFailures + r.refused.guess} logins, ${r.refused.registration + r.refused.invitation} registrations, ${r.refused.rate} too fast`,
    `Accounts     ${r.accounts}`,
    `Waiting      ${r.mails} messages, ${bytesText(r.mailBytes)}`,
    `Accepted     ${r.messagesAccepted} messages since the start`,
    `Bans         ${r.bans}`,
    `Store        ${r.store}`,
    `Disk         ${r.diskFreeBytes === null ? 'unknown' : bytesText(r.diskFreeBytes)} free; no files below ${bytesText(r.freeBytes)}`,
    `Quotas       one account: ${bytesText(r.fileQuotaBytes)} of files, ${bytesText(r.historyBytes)} of history; one device: ${bytesText(r.mailboxQuotaBytes)} waiting`,
    `             all together: files ${totalText(r.fileTotalBytes)}, history ${totalText(r.historyTotalBytes)}, waiting ${totalText(r.mailTotalBytes)}`,
    `Memory       ${bytesText(r.rssBytes)}`,
    `Backup       ${r.backupAt === null ? 'none yet' : dateText(r.backupAt)}`,
  ],
} as const

/** Why the code may not do what its maker thinks. */
function doubtsOf({ registration, guessed, host }: ReturnType<Ground['door']>): string[] {
  const doubts = [
    ...(registration === 'invite' ? [] : [REGISTRATION_DOUBTS[registration]]),
    ...(guessed
      ? [`${host} in the link is a guess: set publicHost to the name that clients can reach.`]
      : []),
  ]
  return doubts.length === 0 ? [] : ['', ...doubts]
}

const REGISTRATION_DOUBTS = {
  open: 'Registration is open: everybody may register, with a code or without.',
  closed: 'Registration is closed: nobody can use the code before you set it to invite and reload.',
} as const

function totalText(bytes: number): string {
  return bytes === 0 ? 'what the disk takes' : bytesText(bytes)
}

function signInText(day: number | null): string {
  return day === null ? 'unknown' : dayText(day)
}

function nameIn(args: Args): string {
  return String(args['name'] ?? '').replace(/^@/, '')
}
