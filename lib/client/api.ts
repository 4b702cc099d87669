// The messenger as its front ends see it. Phase is in the type: connect() gives an Unauthenticated, that gives a Session.
import type { ErrorCode } from '../util/errors.ts'
import type { AccountActions } from './account-api.ts'
import type { ArchiveApi } from './archive-api.ts'
import type { DirectApi } from './direct-api.ts'
import type { GroupInfo, Groups } from './group-api.ts'
import type { ClientDeps } from './ports.ts'
import type { ChatState, Life } from './life-api.ts'
import type { Notebook } from './notebook-api.ts'
import type { WhoApi } from './who-api.ts'
import type {
  ClientEvent,
  ConnectionState,
  ContactInfo,
  MessageView,
  Offer,
  SentMessage,
} from './events.ts'

export interface Target {
  readonly host: string
  readonly port: number
  /** Server id from an invite URI; it must match what the server proves and what is pinned. */
  readonly srv?: Uint8Array
}

/**
 * Dials, checks the server's identity (pin, invite or confirmServer) and makes the outer channel. Nothing is sent to a
 * server whose identity changed: E_SERVER_IDENTITY (a ServerChangedError with both fingerprints).
 */
export type Connect = (deps: ClientDeps, target: Target) => Promise<Unauthenticated>

export interface ServerInfo {
  /** hex */
  readonly srv: string
  readonly fingerprint: string
  readonly host: string
  readonly port: number
  /** It was not pinned before this connection. */
  readonly firstContact: boolean
  readonly registration: 'open' | 'invite' | 'closed'
  /** 'required': the address is shown to the operator at registration. */
  readonly email: 'no' | 'required'
}

/** How the local data opens at the next launch. */
export type LocalLock =
  /** Stay signed in: the device key opens the next session (key file in clear, mode 0600). */
  | 'device'
  /** The password is asked at each launch; nothing on the disk opens without it. */
  | 'password'

export interface Registration {
  readonly username: string
  readonly password: string
  readonly displayName?: string
  readonly email?: string
  readonly invite?: string
  /** Default 'device'. */
  readonly lock?: LocalLock
  /** Called before the account exists on the server; the promise is awaited (show it, let it be written down). */
  readonly onRecoveryCode?: (code: string) => Promise<void> | void
}

export interface Login {
  readonly username: string
  readonly password: string
  /** Default: as this device was set before, else 'device'. */
  readonly lock?: LocalLock
}

/** The way back in when the password is forgotten. */
export interface Recovery {
  readonly username: string
  /** As it was shown; typing is forgiven (case, blanks, one wrong letter). */
  readonly recoveryCode: string
  /** Takes the place of the forgotten one. */
  readonly newPassword: string
  readonly lock?: LocalLock
}

export interface KeyLogin {
  /** The content of a file that `makeLoginKey` gave. */
  readonly keyFile: Uint8Array
  readonly lock?: LocalLock
}

/** An account that this home knows on the connected server. */
export interface KnownAccount {
  readonly username: string
  readonly acct: string
  /** resume() works without a password. */
  readonly resumable: boolean
  /** The one used last. */
  readonly last: boolean
}

export interface Unauthenticated {
  readonly server: ServerInfo
  /** Accounts of this home on this server, last used first. */
  readonly accounts: readonly KnownAccount[]
  /** Whether one could register so, before anything else is asked: refuses as `register` does. */
  checkName(username: string, invite?: string): Promise<void>
  /** E_TAKEN, E_FORMAT (name), E_AUTH (invite), E_STATE (closed). */
  register(
    options: Registration,
  ): Promise<{ readonly session: Session; readonly recoveryCode: string }>
  /** E_AUTH for a wrong password and for an unknown name alike; the server closes after three. */
  login(options: Login): Promise<Session>
  /** E_AUTH for a wrong code and for an unknown name alike; E_FORMAT for one that cannot be a code. The code stays valid. */
  recover(options: Recovery): Promise<Session>
  /** E_FORMAT for no key file, E_SERVER_IDENTITY for one of another server, E_AUTH for one that was removed. */
  loginWithKey(options: KeyLogin): Promise<Session>
  /** The device key alone; without a name the account used last. E_NOT_LOGGED_IN when there is none. */
  resume(username?: string): Promise<Session>
  /** Resolves when the connection is gone. */
  readonly closed: Promise<{ readonly code: ErrorCode; readonly reason: string }>
  close(): Promise<void>
}

export interface Me {
  readonly user: string
  readonly displayName: string
  /** hex */
  readonly acct: string
  readonly dev: string
  readonly srv: string
  /** Of the server. */
  readonly fingerprint: string
  /** securechat://host:port/@user#... to give to others. */
  readonly uri: string
}

export interface SafetyNumber {
  readonly user: string
  /** Twelve groups of five digits. */
  readonly groups: readonly string[]
  readonly verified: boolean
}

export interface ChatInfo {
  readonly conv: string
  /** Null: it is a group. */
  readonly contact: ContactInfo | null
  readonly group?: GroupInfo
  /** This is the conversation with oneself. */
  readonly notes: boolean
  readonly unread: number
  readonly last: MessageView | null
  readonly state: ChatState
}

export interface ChatRequest {
  readonly number: number
  /** Who asks, or has made us a member. */
  readonly user: string
  readonly note: string
  readonly at: number
  /** We were made a member of this group by somebody we do not know. */
  readonly group?: GroupInfo
}

export interface SessionStatus {
  readonly connection: ConnectionState
  readonly host: string
  readonly port: number
  readonly fingerprint: string
  readonly user: string
  readonly devices: number
  /** Messages not accepted yet, and those of them that are held. */
  readonly queued: number
  readonly held: number
  readonly transfers: number
  /** Number and age of the published inbox key. */
  readonly keyNumber: number
  readonly keyAgeMs: number
  /** ms to the server and back at the last ping; null before the first. */
  readonly latencyMs: number | null
}

export interface HistoryQuery {
  /** Only messages with a smaller number; absent: the newest. */
  readonly before?: number
  /** Default 50. */
  readonly limit?: number
  /** Only messages with at >= since, at < until. */
  readonly since?: number
  readonly until?: number
}

/** A logged-in device. It reconnects by itself; every method works offline unless it says otherwise. */
export interface Session {
  readonly me: Me
  readonly archive: ArchiveApi
  /** Devices, names, password: the account itself. */
  readonly account: AccountActions
  /** Events that came before the first listener are kept for it. Returns the function that ends the subscription. */
  on(listener: (event: ClientEvent) => void): () => void

  /** Resolves when the message is safe in the outbox on disk. E_NOT_FOUND "No user called @x."; E_CONNECT when offline and never met. */
  send(to: string, text: string): Promise<SentMessage>
  /** Hashes the file, queues the offer and starts the upload. E_FILE, E_TOO_BIG. */
  offerFile(to: string, path: string): Promise<Offer>
  /** Open and finished transfers of this profile, oldest first. */
  files(): Promise<readonly Offer[]>
  /** Accepts a file offer or a chat request by number. E_NOT_FOUND. */
  accept(number: number): Promise<Offer | ChatRequest>
  decline(number: number): Promise<Offer | ChatRequest>
  /** Stops a transfer in either direction and removes what is half done. */
  cancel(number: number): Promise<Offer>
  pause(number: number): Promise<Offer>
  unpause(number: number): Promise<Offer>

  block(user: string): Promise<ContactInfo>
  unblock(user: string): Promise<ContactInfo>
  blocked(): readonly ContactInfo[]
  /** Asks the directory when online. E_NOT_FOUND. */
  whois(user: string): Promise<ContactInfo>
  contacts(): readonly ContactInfo[]
  requests(): readonly ChatRequest[]
  /** Accepts a stranger without writing to them. */
  acceptContact(user: string): Promise<ContactInfo>
  safetyNumber(user: string): Promise<SafetyNumber>
  setVerified(user: string, verified: boolean): Promise<ContactInfo>
  /** Goes on with a contact whose keys changed; releases what was held. E_UNTRUSTED when the directory still contradicts the pin. */
  trust(user: string): Promise<ContactInfo>

  /** Names on the server, and who is online, where the operator allows it. */
  readonly who: WhoApi
  readonly direct: DirectApi

  chats(): Promise<readonly ChatInfo[]>
  /** Messages and chats after they were said: replies, edits, search, timers, choices. */
  readonly life: Life
  /** Groups of up to 100 members. */
  readonly groups: Groups
  /** What a front end keeps for itself on this device. */
  readonly notebook: Notebook
  /** Ascending by number. `chat` is a username, `#name` of a group, the number of a chat, or `me`. */
  history(chat: string, query?: HistoryQuery): Promise<readonly MessageView[]>
  message(number: number): Promise<MessageView | null>
  /** What others wrote there and nobody has read, in the order in which it came; the newest 999. */
  unread(chat: string): Promise<readonly MessageView[]>
  /** All of it, or what came up to that number. */
  markRead(chat: string, upTo?: number): Promise<void>
  /** Ends a queued or held message for good. False when it is already on its way. */
  cancelMessage(number: number): Promise<boolean>

  /** New launch keys and inbox keys at once; needs the connection. */
  resetKeys(): Promise<{ readonly n: number }>
  status(): SessionStatus
  /** Tries to reconnect now instead of waiting for the backoff. */
  reconnect(): void
  /** Resolves when what waited on the server is stored here. E_CLOSED when the connection ends first. */
  caughtUp(): Promise<void>
  /** Resolves when everything written is accepted, held or failed, and every upload has ended. */
  settled(): Promise<void>
  /** Whether the next launch needs no password. */
  staysSignedIn(): Promise<boolean>
  /**
   * Ends the session so that the next one needs the password. With `removeDevice` (needs password and connection) the
   * device leaves the account's list and everything of it is deleted here.
   */
  logout(options?: { readonly removeDevice?: { readonly password: string } }): Promise<void>
  /** Ends the session; the device stays signed in. At any moment, any number of times. */
  close(): Promise<void>
}
