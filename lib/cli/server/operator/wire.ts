// What an operator's command and the running server say to each other: one line of JSON each way, then the end. Both ends
// are the same user, but neither believes the other's bytes.
import type { Duplex } from 'node:stream'

import { utf8 } from '../../../util/bytes.ts'
import {
  type ErrorCode,
  fail,
  LOCAL_CODES,
  PROGRAM_CODES,
  SecureChatError,
  WIRE_CODES,
} from '../../../util/errors.ts'

/** Names a socket in the data folder; LOCK says who may make it. */
export const SOCKET = 'operator.sock'

export const REQUEST_BYTES = 16 * 1024
/** A page of accounts is the longest. */
export const ANSWER_BYTES = 4 * 2 ** 20

/** What a server that works on the answer says meanwhile: blanks, which JSON may begin with. */
export const SIGN_OF_LIFE = ' '
export const SIGN_EVERY_MS = 2000
/** Whoever says nothing for so long hangs. */
export const SILENCE_MS = 10_000

export type Args = Readonly<Record<string, string | number | boolean>>

export interface Request {
  readonly op: string
  readonly args: Args
}

/** Null when the peer ends without a line. @throws E_TOO_BIG E_CLOSED */
export async function readLine(
  from: Duplex,
  maxBytes: number,
  onPart?: () => void,
): Promise<string | null> {
  const parts: Buffer[] = []
  let bytes = 0
  try {
    for await (const part of from.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      onPart?.()
      const end = part.indexOf(10)
      parts.push(end < 0 ? part : part.subarray(0, end))
      bytes += part.length
      if (bytes > maxBytes) fail('E_TOO_BIG', 'A line of the operator socket is too long.')
      if (end >= 0) return Buffer.concat(parts).toString('utf8')
    }
    return null
  } catch (cause) {
    if (cause instanceof SecureChatError) throw cause
    return fail('E_CLOSED', 'The server ended while it was asked.', cause)
  }
}

export function encodeRequest(request: Request): Buffer {
  return utf8(`${JSON.stringify(request)}\n`)
}

/** @throws E_FORMAT */
export function decodeRequest(line: string): Request {
  const { op, args } = objectOf(line)
  if (typeof op !== 'string' || typeof args !== 'object' || args === null || Array.isArray(args)) {
    return fail('E_FORMAT', 'This is not a request.')
  }
  const isPlain = Object.values(args).every((value) =>
    ['string', 'number', 'boolean'].includes(typeof value),
  )
  return isPlain ? { op, args: { ...args } } : fail('E_FORMAT', 'This is not a request.')
}

export function encodeResult(result: unknown): Buffer {
  const bytes = utf8(`${JSON.stringify({ result })}\n`)
  return bytes.length <= ANSWER_BYTES ? bytes : encodeFailure(new SecureChatError('E_TOO_BIG'))
}

/** Sentences of ours are for the operator; anything else stays in the server's log. */
export function encodeFailure(error: unknown): Buffer {
  const known = error instanceof SecureChatError
  const code: ErrorCode = known ? error.code : 'E_INTERNAL'
  const message = known ? error.message : 'The server had a problem of its own; its log says more.'
  return utf8(`${JSON.stringify({ code, message })}\n`)
}

/** The result. @throws what the server answered, E_FORMAT for what is no answer */
export function decodeAnswer(line: string): unknown {
  const answer = objectOf(line)
  if (Object.hasOwn(answer, 'result')) return answer['result']
  const { code, message } = answer
  const known = CODES.find((each) => each === code)
  if (known === undefined || typeof message !== 'string') {
    return fail('E_FORMAT', 'The running server does not answer as this program expects.')
  }
  return fail(known, message)
}

const CODES: readonly ErrorCode[] = [...WIRE_CODES, ...LOCAL_CODES, ...PROGRAM_CODES]

function objectOf(line: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (cause) {
    return fail('E_FORMAT', 'A line of the operator socket is not JSON.', cause)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return fail('E_FORMAT', 'A line of the operator socket is no object.')
  }
  return { ...value }
}

export function textArg(args: Args, name: string): string {
  const value = args[name]
  return typeof value === 'string' ? value : fail('E_FORMAT', `${name} is missing.`)
}

/** A whole number that is not negative. */
export function numberArg(args: Args, name: string): number {
  const value = args[name]
  const isFit = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
  return isFit ? value : fail('E_FORMAT', `${name} is missing.`)
}
