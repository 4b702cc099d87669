// How the own messages on the screen stand: each row asks here whenever it is drawn, and knows what it showed last.
import type { Theme, TickState } from '../theme.ts'
import type { Span } from './rows.ts'
import { tickSpan } from './rows.ts'

interface Mark {
  /** Of the row, where the tick is. */
  readonly column: number
  state: TickState
  shown: TickState | null
}

/** Older rows are far out of reach. */
const MAX_TICKS = 2000

export class Ticks {
  readonly #theme: Theme
  readonly #marks = new Map<string, Mark>()

  constructor(theme: Theme) {
    this.#theme = theme
  }

  /** What the row of message `id` asks when it is drawn. */
  add(id: string, state: TickState, column: number): () => TickState {
    const mark: Mark = { column, state, shown: null }
    this.#marks.set(id, mark)
    const [oldest] = this.#marks.keys()
    if (this.#marks.size > MAX_TICKS && oldest !== undefined) this.#marks.delete(oldest)
    return () => (mark.shown = mark.state)
  }

  forget(): void {
    this.#marks.clear()
  }

  /** `patch` overwrites the two cells of the row. True: it shows the state now. */
  set(id: string, state: TickState, patch: (column: number, span: Span) => boolean): boolean {
    const mark = this.#marks.get(id)
    if (mark === undefined) return false
    mark.state = state
    if (mark.shown === state) return true
    if (!patch(mark.column, tickSpan(state, this.#theme))) return false
    mark.shown = state
    return true
  }
}
