// Groups as a front end sees them: the `groups` of a Session (PROTOCOL 8). `chat` is what people type: `#name`, or the short
// number of the chat. Everything but `create` and `invite` of somebody never met works offline.
import type { Trust } from './trust.ts'

export interface GroupMember {
  readonly user: string
  /** hex */
  readonly acct: string
  readonly admin: boolean
  readonly me: boolean
  readonly trust: Trust
}

export type GroupStanding =
  | 'member'
  /** A stranger invited us: nothing is shown or answered before we accept. */
  | 'pending'
  /** We left, or were removed: the history stays readable, nothing can be written. */
  | 'left'
  | 'removed'

export interface GroupInfo {
  /** hex */
  readonly conv: string
  /** Short number of the chat. */
  readonly number: number
  /** `#name` as it is typed: unique in this profile, so a second group of one name is `#name-2`. */
  readonly chat: string
  /** As its admins wrote it: raw, like the topic. */
  readonly name: string
  readonly topic: string
  /** Admins first, then by name. */
  readonly members: readonly GroupMember[]
  /** We are an admin. */
  readonly admin: boolean
  readonly standing: GroupStanding
  /** Number of the state, 1 after creation. */
  readonly n: number
}

/** What one new state of a group did. `user`, `users`: usernames. */
export type GroupChange =
  | { readonly what: 'created'; readonly users: readonly string[] }
  | { readonly what: 'added'; readonly users: readonly string[] }
  | { readonly what: 'removed'; readonly users: readonly string[] }
  | { readonly what: 'left'; readonly user: string }
  | { readonly what: 'named'; readonly name: string }
  | { readonly what: 'topic'; readonly topic: string }
  | { readonly what: 'admin'; readonly user: string; readonly on: boolean }

/** How far an own message got; only in groups of at most 20 members, where receipts are sent. */
export interface GroupDelivery {
  readonly delivered: number
  readonly read: number
  /** Other members, also those it was not sent to. */
  readonly of: number
}

export interface MemberDelivery {
  readonly user: string
  readonly state: 'accepted' | 'delivered' | 'read'
}

export interface Groups {
  /** We are its admin. E_USAGE for a name that cannot be typed, E_NOT_FOUND for an unknown user, E_TOO_BIG above 100 members. */
  create(name: string, users: readonly string[]): Promise<GroupInfo>
  list(): readonly GroupInfo[]
  /** E_NOT_FOUND */
  of(chat: string): GroupInfo
  /** Admins only (E_NOT_ADMIN), as all changes but `leave`. E_STATE when somebody is a member already. */
  invite(chat: string, users: readonly string[]): Promise<GroupInfo>
  /** They can read nothing that is sent later. */
  kick(chat: string, user: string): Promise<GroupInfo>
  /** E_STATE for the last admin while others are left: somebody else must become one first. */
  leave(chat: string): Promise<GroupInfo>
  /** Empty takes it away. At most 280 characters. */
  topic(chat: string, topic: string): Promise<GroupInfo>
  rename(chat: string, name: string): Promise<GroupInfo>
  admin(chat: string, user: string, on: boolean): Promise<GroupInfo>
}
