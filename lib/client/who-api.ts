// What the server tells about people, where its operator allows it: names by their beginning, and who of the accepted
// contacts is online. Asked only when somebody wants to see it (PROTOCOL 14.2).

/** Why there is no answer. */
export type NoAnswer =
  | 'offline'
  /** The operator does not allow it, or the server is older than the question. */
  | 'not-offered'
  /** Who sees is seen, and this account does not show itself: the choice `presence`. */
  | 'hidden'
  /** A beginning of one letter, or one that no name has. */
  | 'no-beginning'
  /** Too many questions, or no answer in time. */
  | 'later'

export type FoundNames =
  | {
      readonly known: true
      /** In order, without the own one; contacts may be among them. */
      readonly users: readonly string[]
      /** There are others: a longer beginning finds them. */
      readonly more: boolean
    }
  | { readonly known: false; readonly why: NoAnswer }

export type OnlineContacts =
  | {
      readonly known: true
      /** Accounts (hex) that are online and show it. Of all others nothing is known, not even that they are away. */
      readonly accts: ReadonlySet<string>
    }
  | { readonly known: false; readonly why: NoAnswer }

export interface WhoApi {
  /** Names on the server that begin so. Never rejects. */
  find(beginning: string): Promise<FoundNames>
  /** Which accepted contacts are online. Never rejects. */
  online(): Promise<OnlineContacts>
}
