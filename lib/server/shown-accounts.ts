// Who may be seen as online (PROTOCOL 14.2 `dir.show`): connections that said so, by account. In memory only, and only as
// long as the connection lives; its size is bounded by that of the connections.
export class ShownAccounts {
  readonly #byAccount = new Map<string, Set<object>>()

  has(id: string): boolean {
    return this.#byAccount.has(id)
  }

  set(id: string, connection: object, isShown: boolean): void {
    const before = this.#byAccount.get(id)
    if (isShown) {
      if (before === undefined) this.#byAccount.set(id, new Set([connection]))
      else before.add(connection)
    } else if (before?.delete(connection) === true && before.size === 0) {
      this.#byAccount.delete(id)
    }
  }
}
