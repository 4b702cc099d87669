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

export interface AccountActions {
  devices(): readonly DeviceInfo[]
  /**
   * Cuts a device off from everything later: list n+1 without it, a new root epoch, a new vault; contacts hear of it end to
   * end. E_AUTH for a wrong password, E_NOT_FOUND for a number that is none, E_USAGE for this very device (`logout` with
   * `removeDevice`).
   */
  revokeDevice(number: number, password: string): Promise<DeviceInfo>
  /** The vault and its slots are made anew; devices stay signed in. E_AUTH when `current` is wrong. */
  changePassword(current: string, next: string): Promise<void>
  /**
   * Another recovery code instead of the one before. `shown` is awaited before the old one ends: show it, let it be
   * written down.
   */
  newRecoveryCode(password: string, shown: (code: string) => Promise<void> | void): Promise<void>
}
