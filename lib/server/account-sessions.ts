// Connections of this node that hold the level acct, by account: when the password or the keys of an account change, what
// was opened with the old ones ends (PROTOCOL 5.3).

export interface AccountSession {
  /** The level acct is gone; without a device, so is the connection. */
  loseAccount(): void
}

export class AccountSessions {
  readonly #open = new Map<string, Set<AccountSession>>()

  enter(id: string, session: AccountSession): void {
    const here = this.#open.get(id) ?? new Set()
    this.#open.set(id, here.add(session))
  }

  leave(id: string, session: AccountSession): void {
    const here = this.#open.get(id)
    here?.delete(session)
    if (here?.size === 0) this.#open.delete(id)
  }

  has(id: string): boolean {
    return this.#open.has(id)
  }

  /** All but the one that made the change. */
  endOthers(id: string, except: object): void {
    for (const session of [...(this.#open.get(id) ?? [])]) {
      if (session !== except) session.loseAccount()
    }
  }

  endAll(id: string): void {
    this.endOthers(id, this)
  }
}
