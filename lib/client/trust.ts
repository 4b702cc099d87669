// How far the keys of a person are to be believed (PROTOCOL 5.4, 5.6).
export type Trust =
  /** Keys pinned at first contact, never compared. */
  | 'unverified'
  /** Safety number compared. */
  | 'verified'
  /** The account key was replaced (signed by the old one): sending is held until `trust`. */
  | 'changed'
  /** The directory contradicts what is pinned (see `alarm`): nothing is sent or accepted. */
  | 'blocked'
