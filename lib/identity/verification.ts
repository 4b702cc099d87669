// Signature checks as steps, so that one text serves two callers: the client verifies at once, the server in the thread
// pool (ARCHITECTURE: no RSA on the event loop). Knows no structure; those are in the files that yield the steps.
import type { RsaPublicKey } from '../crypto/rsa.ts'
import type { Bytes } from '../util/bytes.ts'

/** Asks its runner: is this a signature of `key` over `message`? */
export interface SignatureQuestion {
  readonly key: RsaPublicKey
  readonly message: Bytes
  readonly signature: Bytes
}

/** Yields questions, is resumed with the answers, returns what was verified or throws a coded error. */
export type Verification<T> = Generator<SignatureQuestion, T, boolean>

export function verifyNow<T>(steps: Verification<T>): T {
  let step = steps.next()
  while (step.done !== true) {
    const { key, message, signature } = step.value
    step = steps.next(key.verify(message, signature))
  }
  return step.value
}

export async function verifyInPool<T>(steps: Verification<T>): Promise<T> {
  let step = steps.next()
  while (step.done !== true) {
    const { key, message, signature } = step.value
    step = steps.next(await key.verifyAsync(message, signature))
  }
  return step.value
}
