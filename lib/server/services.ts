// Everything the handlers of one server share; built once in server.ts.
import type { RsaPublicKey } from '../crypto/rsa.ts'
import type { Logs, Mailboxes, Records } from '../storage/ports.ts'
import type { Bytes } from '../util/bytes.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import type { Accounts } from './accounts.ts'
import type { AccountSessions } from './account-sessions.ts'
import type { Bans } from './bans.ts'
import type { Ceremonies } from './ceremonies.ts'
import type { ServerConfig } from './config.ts'
import type { Directory } from './directory.ts'
import type { Guesses } from './guesses.ts'
import type { Histories } from './histories.ts'
import type { Invites } from './invites.ts'
import type { NewRecipients } from './new-recipients.ts'
import type { Post } from './post.ts'
import type { Presence } from './presence.ts'
import type { RefusalLog } from './refusal-log.ts'
import type { BucketTable } from '../util/rate.ts'
import type { ShownAccounts } from './shown-accounts.ts'
import type { SignIns } from './sign-ins.ts'
import type { Streams } from './streams.ts'
import type { Transfers } from './transfers.ts'

export interface Services {
  /** Server id, the origin of its identity (PROTOCOL 3). */
  readonly srv: Bytes
  readonly opaqueSetup: Bytes
  /** Keys that verify nothing: unknown devices and login keys cost as much as known ones (PROTOCOL 5.3). */
  readonly dummyKeys: { readonly device: RsaPublicKey; readonly login: RsaPublicKey }
  readonly config: ServerConfig
  readonly clock: Clock
  readonly log: Log
  readonly records: Records
  readonly mail: Mailboxes
  readonly logs: Logs
  readonly histories: Histories
  readonly accounts: Accounts
  readonly accountSessions: AccountSessions
  readonly ceremonies: Ceremonies
  readonly directory: Directory
  readonly streams: Streams
  readonly presence: Presence
  readonly shown: ShownAccounts
  readonly signIns: SignIns
  /** Counted by the sessions, for the operator. */
  readonly traffic: { frames: number }
  readonly refusals: RefusalLog
  readonly post: Post
  readonly transfers: Transfers
  readonly invites: Invites
  readonly bans: Bans
  readonly guesses: Guesses
  readonly newRecipients: NewRecipients
  /** Of devices (or accounts without one): messages, and all other requests. */
  readonly sendBudgets: BucketTable
  readonly requestBudgets: BucketTable
  readonly lookups: BucketTable
  /** Registrations done, and names asked for, per address block. */
  readonly registrations: BucketTable
  readonly registrationAttempts: BucketTable
  readonly lookupsByName: BucketTable
  /** Searches for names and questions who is online, per account. */
  readonly finds: BucketTable
  readonly sightings: BucketTable
  /** New device lists, per account. */
  readonly listChanges: BucketTable
}
