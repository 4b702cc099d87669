// What the server needs of an outer channel: the few methods of channel/connection that it calls, so that specs can
// stand in with three lines. Knows no frame.
import type { Bytes } from '../util/bytes.ts'
import type { ErrorCode } from '../util/errors.ts'

export interface Link {
  /** Bound into every login signature; changes with `rebind` (PROTOCOL 4.4). */
  readonly exporter: Bytes
  readonly remoteAddress: string
  /** Bytes handed to `send` that the peer's side of the network has not taken yet. */
  readonly bufferedBytes: number
  send(frame: Bytes): void
  /** Resolves when the peer reads again; never rejects. */
  drained(): Promise<void>
  onFrames(fn: (frames: Bytes[]) => void): void
  pause(): void
  resume(): void
  rebind(sessionKey: Bytes): void
  /** The peer is known now: larger records are allowed (PROTOCOL 4.3). */
  authenticated(): void
  /** Sends what is queued and `finalFrame`, then ends the connection. */
  close(finalFrame?: Bytes): Promise<void>
  destroy(error?: Error): void
  readonly closed: Promise<{ readonly code: ErrorCode | null }>
}
