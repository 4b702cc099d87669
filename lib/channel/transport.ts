// The only owner of a duplex stream: whatever is read, written, paused or closed passes here. The handshake holds it
// first, then the connection. Knows bytes and back-pressure, nothing of frames or keys.
import type { Duplex } from 'node:stream'

import type { Bytes } from '../util/bytes.ts'

/** Who holds the transport now. */
export interface TransportUser {
  onChunk(chunk: Buffer): void
  /** The stream takes more again, after `write` has said that it is full. */
  onDrain(): void
  /** Nothing more will come: the peer has ended properly (null), or the stream broke. Called at most once. */
  onEnd(error: Error | null): void
}

const STATE = Symbol('transport')

/** Kept on the stream itself, so that all streams share five listener functions: an idle connection has no closure. */
interface State {
  user: TransportUser | null
  end: { readonly error: Error | null } | null
}

interface OwnedDuplex extends Duplex {
  [STATE]: State
}

function onData(this: OwnedDuplex, chunk: Buffer): void {
  this[STATE].user?.onChunk(chunk)
}

function onDrain(this: OwnedDuplex): void {
  this[STATE].user?.onDrain()
}

function onEnd(this: OwnedDuplex): void {
  finish(this[STATE], null)
}

function onError(this: OwnedDuplex, error: Error): void {
  finish(this[STATE], error)
}

function onClose(this: OwnedDuplex): void {
  finish(this[STATE], new Error('the stream was closed'))
}

function finish(state: State, error: Error | null): void {
  if (state.end !== null) return
  state.end = { error }
  state.user?.onEnd(error)
}

export class Transport {
  readonly #duplex: OwnedDuplex

  /** Nothing flows until somebody uses the transport. */
  constructor(duplex: Duplex) {
    const state: State = { user: null, end: null }
    this.#duplex = Object.assign(duplex, { [STATE]: state })
    duplex.pause()
    duplex.on('data', onData)
    duplex.on('drain', onDrain)
    duplex.on('end', onEnd)
    duplex.on('error', onError)
    duplex.on('close', onClose)
    if (duplex.destroyed) finish(state, duplex.errored)
  }

  /** Bytes written that the network has not taken. */
  get pendingBytes(): number {
    return this.#duplex.writableLength
  }

  /** Hands the transport over, still paused; an end that nobody has seen is reported at once. Null: nobody listens. */
  use(user: TransportUser | null): void {
    const state = this.#duplex[STATE]
    state.user = user
    if (state.end !== null) user?.onEnd(state.end.error)
  }

  pause(): void {
    this.#duplex.pause()
  }

  resume(): void {
    this.#duplex.resume()
  }

  /** All pieces in one system call. False: full, wait for `onDrain`. */
  write(pieces: readonly Bytes[]): boolean {
    const duplex = this.#duplex
    if (!duplex.writable) return true
    const [first] = pieces
    if (pieces.length === 1) return duplex.write(first)
    let more = true
    duplex.cork()
    for (const piece of pieces) if (piece.length > 0) more = duplex.write(piece)
    duplex.uncork()
    return more
  }

  /** Nothing more is written; what was written still goes out. */
  end(): void {
    this.#duplex.end()
  }

  /** At once, without a further byte. */
  destroy(): void {
    this.#duplex.destroy()
  }
}
