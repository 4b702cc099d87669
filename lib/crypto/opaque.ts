// OPAQUE (RFC 9807, ristretto255-SHA512) so that the server never sees a password. The one home of the OPAQUE package;
// it speaks base64url, we speak bytes. Identifiers and stretching are fixed by PROTOCOL 5.2 and never taken from a peer.
import type * as Opaque from '@serenity-kit/opaque'

import { base64url, type Bytes, fromBase64url } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'

/** For a password that people thought of, or for a code with 128 random bits that needs none (PROTOCOL 5.2). */
export type Stretching = 'password' | 'code'

/** Argon2id, fixed for version 1: 128 MiB and 3 passes, or the least there is. */
const STRETCHING = {
  password: { 'argon2id-custom': { memory: 131072, iterations: 3, parallelism: 1 } },
  code: { 'argon2id-custom': { memory: 8, iterations: 1, parallelism: 1 } },
} as const

let loaded: typeof Opaque | undefined

/** Loads the WebAssembly module; everything below needs it. Who signs in with the key of a device never does. */
export async function opaqueReady(): Promise<void> {
  const opaque = await import('@serenity-kit/opaque')
  await opaque.ready
  loaded = opaque
}

function opaque(): typeof Opaque {
  return loaded ?? fail('E_INTERNAL', 'OPAQUE is used before it is loaded.')
}

/** All failures of a ceremony look the same: wrong password, unknown user, broken message. */
function attempt<T>(step: () => T | undefined): T {
  let result: T | undefined
  try {
    result = step()
  } catch (cause) {
    return fail('E_AUTH', 'Wrong username or password.', cause)
  }
  return result ?? fail('E_AUTH', 'Wrong username or password.')
}

function identifiers(srv: Bytes): { server: string } {
  return { server: base64url(srv) }
}

/** What the client keeps between the two steps of a ceremony; opaque by name and by nature. */
export interface OpaqueClientState {
  readonly message: Buffer
  readonly state: string
}

export function registrationStart(password: string): OpaqueClientState {
  const r = opaque().client.startRegistration({ password: normalise(password) })
  return { message: fromBase64url(r.registrationRequest), state: r.clientRegistrationState }
}

/** record: 192 bytes for the server; exportKey: 64 bytes that never leave the client. @throws E_AUTH */
export function registrationFinish(
  state: string,
  response: Bytes,
  password: string,
  srv: Bytes,
  stretching: Stretching = 'password',
): { readonly record: Buffer; readonly exportKey: Buffer } {
  const r = attempt(() =>
    opaque().client.finishRegistration({
      clientRegistrationState: state,
      registrationResponse: base64url(response),
      password: normalise(password),
      identifiers: identifiers(srv),
      keyStretching: STRETCHING[stretching],
    }),
  )
  return {
    record: fromBase64url(r.registrationRecord),
    exportKey: fromBase64url(r.exportKey),
  }
}

export function loginStart(password: string): OpaqueClientState {
  const r = opaque().client.startLogin({ password: normalise(password) })
  return { message: fromBase64url(r.startLoginRequest), state: r.clientLoginState }
}

/** ke3: 64 bytes for the server. @throws E_AUTH for a wrong password, before anything more is sent. */
export function loginFinish(
  state: string,
  ke2: Bytes,
  password: string,
  srv: Bytes,
  stretching: Stretching = 'password',
): { readonly ke3: Buffer; readonly sessionKey: Buffer; readonly exportKey: Buffer } {
  const r = attempt(() =>
    opaque().client.finishLogin({
      clientLoginState: state,
      loginResponse: base64url(ke2),
      password: normalise(password),
      identifiers: identifiers(srv),
      keyStretching: STRETCHING[stretching],
    }),
  )
  return {
    ke3: fromBase64url(r.finishLoginRequest),
    sessionKey: fromBase64url(r.sessionKey),
    exportKey: fromBase64url(r.exportKey),
  }
}

/** 128 bytes that belong beside the server identity, for ever (PROTOCOL 3). */
export function createSetup(): Buffer {
  return fromBase64url(opaque().server.createSetup())
}

/** @throws E_AUTH for a malformed request */
export function registrationResponse(setup: Bytes, cid: Bytes, request: Bytes): Buffer {
  const r = attempt(() =>
    opaque().server.createRegistrationResponse({
      serverSetup: base64url(setup),
      userIdentifier: base64url(cid),
      registrationRequest: base64url(request),
    }),
  )
  return fromBase64url(r.registrationResponse)
}

/** record null = unknown user: same path, size and time (RFC 9807 10.9). @throws E_AUTH for a malformed request */
export function serverLoginStart(
  setup: Bytes,
  cid: Bytes,
  record: Bytes | null,
  ke1: Bytes,
  srv: Bytes,
): { readonly ke2: Buffer; readonly state: string } {
  const r = attempt(() =>
    opaque().server.startLogin({
      serverSetup: base64url(setup),
      userIdentifier: base64url(cid),
      registrationRecord: record === null ? null : base64url(record),
      startLoginRequest: base64url(ke1),
      identifiers: identifiers(srv),
    }),
  )
  return { ke2: fromBase64url(r.loginResponse), state: r.serverLoginState }
}

/** The 64-byte session key that rebinds the channel. @throws E_AUTH for an invalid KE3 */
export function serverLoginFinish(state: string, ke3: Bytes, srv: Bytes): Buffer {
  const r = attempt(() =>
    opaque().server.finishLogin({
      serverLoginState: state,
      finishLoginRequest: base64url(ke3),
      identifiers: identifiers(srv),
    }),
  )
  return fromBase64url(r.sessionKey)
}

/** RFC 8265 asks for one normal form, so that the same keys typed on two systems are one password. */
function normalise(password: string): string {
  return password.normalize('NFC')
}
