// Talking to one person without the server in between (PROTOCOL 12), as front ends see it. Nothing is told to anybody before
// `offer` or `answer`: what the other side will learn is shown first.

/** Per contact: whether an introduction is answered by itself. */
export type DirectRule = 'ask' | 'always' | 'never'

export type DirectState =
  /** Somebody asks: `number` for the question, `own` is what a yes tells them. Told again when that has changed (`reason`). */
  | 'asked'
  /** We have asked. */
  | 'offered'
  | 'declined'
  /** Nobody was reached so far; it goes on by itself. */
  | 'trying'
  /** It stays with the server. */
  | 'failed'
  /** What is said between the two goes over the direct connection. */
  | 'up'
  /** It went over it, and goes over the server again. */
  | 'down'

export interface DirectView {
  readonly user: string
  readonly conv: string
  readonly state: DirectState
  readonly number: number
  /** Addresses of this side that the other one learns or has learnt, as `ip:port`; asked: null when they are not known now. */
  readonly own: readonly string[] | null
  readonly theirs: readonly string[]
  /** trying: how often so far. */
  readonly attempt?: number
  readonly reason?: string
}

export interface DirectApi {
  /** What `offer` would tell that person. Sends nothing to them. E_STATE when there is a link or an introduction already. */
  addresses(user: string): Promise<readonly string[]>
  /** Asks the other side. E_STATE when it would tell more than `addresses` has shown last. `leave`: once connected, this side leaves the server while it lasts. */
  offer(user: string, options?: { readonly leave?: boolean }): Promise<DirectView>
  /** Answers the one who asked. E_STATE when nobody did. `number`: of the question that is meant; E_STATE when it is over.
   * `asked` comes back when a yes would tell more than was shown: nothing was told. */
  answer(
    user: string,
    yes: boolean,
    options?: { readonly leave?: boolean; readonly number?: number },
  ): Promise<DirectView>
  /** Ends what there is, and comes back to the server. Without a name: all of it. */
  off(user?: string): Promise<readonly DirectView[]>
  list(): readonly DirectView[]
  /** Whether what is said in this conversation goes over a direct connection now. */
  isUp(conv: string): boolean
  rule(user: string): DirectRule
  setRule(user: string, rule: DirectRule): Promise<void>
}
