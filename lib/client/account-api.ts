// What a person can do with the own account, as the front ends see it: Session.account. What needs the account key asks for
// the password, because only the password opens the vault that holds it (PROTOCOL 5.2, 5.4).

export interface DeviceInfo {
  /** For `revokeDevice`: the place in the account's list, from 1, in the order in which they were added. */
  readonly number: number
  /** hex */
  readonly dev: string
  readonly addedAt: number
  /** The one this session runs on. */
  readonly isThis: boolean
}

export interface LoginKeyInfo {
  readonly number: number
  /** hex */
  readonly id: string
}

export interface OwnProfile {
  readonly user: string
  readonly formerNames: readonly string[]
  readonly displayName: string
  /** Null: none; undefined: it cannot be asked for now. */
  readonly email: string | null | undefined
  readonly devices: number
  readonly loginKeys: number
  readonly readReceipts: boolean
}

/** What `purge` can take back from the server. */
export type Purgeable = 'email' | 'files'

export interface StoredItem {
  readonly what: string
  /** Whether the server could read it. */
  readonly how: 'open' | 'sealed'
  readonly detail: string
  readonly purge?: Purgeable
}

export interface AccountActions {
  devices(): readonly DeviceInfo[]
  /**
   * Cuts a device off from everything later: list n+1 without it, a new root epoch, a new vault; contacts hear of it end to
   * end. E_AUTH for a wrong password, E_NOT_FOUND for a number that is none, E_USAGE for this very device (`logout` with
   * `removeDevice`).
   */
  revokeDevice(number: number, password: string): Promise<DeviceInfo>

  /** Before more is asked. E_AUTH when it is not the password; needs the connection. */
  checkPassword(password: string): Promise<void>
  /** The vault and its slots are made anew; devices stay signed in. E_AUTH when `current` is wrong. */
  changePassword(current: string, next: string): Promise<void>
  /**
   * Another recovery code instead of the one before. `shown` is awaited before the old one ends: show it, let it be
   * written down.
   */
  newRecoveryCode(password: string, shown: (code: string) => Promise<void> | void): Promise<void>

  loginKeys(): readonly LoginKeyInfo[]
  /** The content of a file that logs in without the password; at most four of them. E_TOO_BIG. */
  makeLoginKey(password: string): Promise<Uint8Array>
  /** The file opens nothing any more, and what it opened so far gets new keys. E_NOT_FOUND. */
  removeLoginKey(number: number, password: string): Promise<void>

  /** Contacts follow; the old name is never given to anybody. E_TAKEN, E_RATE (twice in 30 days), E_FORMAT. */
  rename(name: string, password: string): Promise<void>
  /** Told to accepted contacts, never to the server. E_USAGE when it is too long. */
  setDisplayName(text: string): Promise<void>
  profile(): Promise<OwnProfile>

  /** What the server stores about this account. Needs the connection. */
  stored(): Promise<readonly StoredItem[]>
  /** How many things were taken back. */
  purge(what: Purgeable): Promise<number>

  /** For good: the account on the server, then everything of it on this device. The session is over. */
  delete(password: string): Promise<void>
}
