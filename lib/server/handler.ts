// What a frame handler sees of the connection it serves, and the rows of the frame table. Preconditions (state, rate,
// open requests) stand in the table and are checked by the session; handlers do not (ARCHITECTURE, rule 7).
import type { FrameName, FrameOf, ReplyOf, RequestName } from '../protocol/frames.ts'
import type { Username } from '../protocol/names.ts'
import type { Bytes } from '../util/bytes.ts'
import type { WireCode } from '../util/errors.ts'
import type { Delivery } from './delivery.ts'
import type { FileWindow } from './file-window.ts'
import type { Link } from './link.ts'
import type { Services } from './services.ts'
import type { DeviceStreams } from './streams.ts'

/** An account this connection has proved to own (level acct of PROTOCOL 5.3). */
export interface AccountLogin {
  readonly acct: Bytes
  readonly id: string
  /** Monotonic time of a login by password or recovery code on this connection; null after a key-file login. */
  readonly passwordAt: number | null
}

/** The device this connection has proved to be (level dev). */
export interface DeviceLogin {
  readonly acct: Bytes
  readonly id: string
  readonly dev: Bytes
  readonly box: string
  readonly streams: DeviceStreams
  readonly delivery: Delivery
}

export interface PendingRegistration {
  readonly user: Username
  readonly cid: Bytes
  readonly invite: string | undefined
}

export interface PendingLogin {
  readonly user: Username
  /** Null: there is no such account; the ceremony goes on all the same. */
  readonly id: string | null
  readonly state: string
}

/** One connection, as its handlers see it. */
export interface Caller {
  readonly services: Services
  readonly link: Link
  /** What limits by address count by. */
  readonly block: string
  readonly isClosed: boolean

  /** Set by reg.start and login.start for the frame that completes them. */
  registration: PendingRegistration | null
  login: PendingLogin | null
  /** A password change was started on this connection. */
  changingPassword: boolean
  /** Before login: until when (monotonic) it may stay although its time is over. */
  patientUntil: number
  /** A puzzle this connection was given and has not solved. */
  puzzleSeed: Bytes | null

  /** The level acct; the table admits only frames whose level was reached. @throws E_STATE without */
  readonly account: AccountLogin
  readonly hasAccount: boolean
  /** The level dev. @throws E_STATE without */
  readonly device: DeviceLogin
  readonly hasDevice: boolean
  readonly files: FileWindow

  enterAccount(login: AccountLogin): void
  /** `leave` is called once when the connection ends. */
  enterDevice(login: DeviceLogin, leave: () => void): void
  /** Wrong logins so far. */
  readonly strikes: number
  /** Counts one; the third ends the connection (FEATURES, account). */
  strike(): void

  /** Stops and continues reading from the connection; calls are paired. */
  hold(): void
  release(): void

  /** For handlers that returned LATER: exactly one of the two, once. */
  succeed(r: number, reply?: Readonly<Record<string, unknown>>): void
  refuse(r: number, error: unknown): void
  /** A frame without a request. */
  push(bytes: Bytes): void

  /** Says goodbye, with a reason unless all is well; resolves when the connection is gone. */
  bye(code?: WireCode): Promise<void>
}

/** The handler answers by `succeed` or `refuse`, now or later, without a promise. */
export const LATER: unique symbol = Symbol('later')

export type Answer<N extends RequestName> =
  ReplyOf<N> | typeof LATER | Promise<ReplyOf<N> | typeof LATER>

export type RequestHandler<N extends RequestName> = (caller: Caller, frame: FrameOf<N>) => Answer<N>

export type PushHandler<N extends FrameName> = (caller: Caller, frame: FrameOf<N>) => void

/**
 * What a frame is charged to: messages, everything else, or nothing because windows bound it. Before login all frames
 * share one small budget (PROTOCOL 4.5).
 */
export type Cost = 'send' | 'request' | 'free'

/** `anon`, `acct`, `dev` as bits; a connection may have reached several. */
export const LEVEL = { anon: 1, acct: 2, dev: 4 } as const

export interface Row {
  readonly push: boolean
  /** Bits of LEVEL: one of them must have been reached. */
  readonly state: number
  readonly cost: Cost
  /** How many times the cost; absent: once. Only ever called with a frame of this row's name. */
  readonly weigh?: (caller: Caller, frame: never) => number
  /** Only ever called with a frame of this row's name. */
  readonly handle: (caller: Caller, frame: never) => unknown
}

/** Frames that a client may send; others are refused. */
export type FrameTable = ReadonlyMap<FrameName, Row>
