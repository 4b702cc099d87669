// The steps of OPAQUE in which a password is stretched: half a second of one core and 128 MiB (PROTOCOL 5.2). Here they run where
// they are called and keep the memory for as long as the program runs; a program with a person in front lets a worker do them.
import {
  loginFinish,
  opaqueReady,
  registrationFinish,
  type Stretching,
} from '../../crypto/opaque.ts'
import type { Bytes } from '../../util/bytes.ts'

export interface PasswordStep {
  /** Of OpaqueClientState. */
  readonly state: string
  /** What the server answered. */
  readonly answer: Bytes
  readonly password: string
  readonly srv: Bytes
}

export interface PasswordFinish {
  /** As crypto/opaque `registrationFinish`. @throws E_AUTH */
  registration(step: PasswordStep): Promise<ReturnType<typeof registrationFinish>>
  /** As crypto/opaque `loginFinish`. @throws E_AUTH */
  login(step: PasswordStep): Promise<ReturnType<typeof loginFinish>>
}

export function finishHere(stretching: Stretching): PasswordFinish {
  return {
    registration: async ({ state, answer, password, srv }) => {
      await opaqueReady()
      return registrationFinish(state, answer, password, srv, stretching)
    },
    login: async ({ state, answer, password, srv }) => {
      await opaqueReady()
      return loginFinish(state, answer, password, srv, stretching)
    },
  }
}

/** For a recovery code, which needs no stretching, and for passwords where nothing else was chosen. */
export const finishing = { code: finishHere('code'), password: finishHere('password') } as const
