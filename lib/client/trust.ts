// How far the keys of a person are known to be theirs (PROTOCOL 5.4, 5.6).
export type Trust =
  /** Keys pinned at first contact, never compared. */
  | 'unverified'
  /** Safety number compared. */
  | 'verified'
  /** The account key was replaced (signed by the old one): sending is held until `trust`. */
  | 'changed'
  /** The directory contradicts what is pinned (see `alarm`): nothing is sent or accepted. */
  | 'blocked'
