// Passwords are stretched in a worker: the line one types on goes on, and the 128 MiB of Argon2id, which WebAssembly never
// gives back, end with the worker instead of staying for as long as somebody is signed in.
import { Worker } from 'node:worker_threads'

import type { PasswordFinish, PasswordStep } from '../../client/account/password-finish.ts'
import { fail, SecureChatError } from '../../util/errors.ts'

export interface StretchRequest {
  readonly kind: keyof PasswordFinish
  readonly step: PasswordStep
}

export type StretchAnswer =
  | { readonly secrets: Readonly<Record<string, Uint8Array>> }
  | { readonly code: 'E_AUTH' | 'E_INTERNAL' }

const ENTRY = new URL('./stretch-worker.js', import.meta.url)

export function stretchingInWorker(entry: URL = ENTRY): PasswordFinish {
  return {
    registration: async (step) => {
      const { record, exportKey } = await inWorker(entry, { kind: 'registration', step })
      return { record: part(record), exportKey: part(exportKey) }
    },
    login: async (step) => {
      const { ke3, sessionKey, exportKey } = await inWorker(entry, { kind: 'login', step })
      return { ke3: part(ke3), sessionKey: part(sessionKey), exportKey: part(exportKey) }
    },
  }
}

async function inWorker(
  entry: URL,
  request: StretchRequest,
): Promise<Readonly<Record<string, Uint8Array>>> {
  const worker = new Worker(entry, { workerData: request })
  const answer = await new Promise<StretchAnswer>((resolve, reject) => {
    const broken = (cause: unknown): void => {
      reject(new SecureChatError('E_INTERNAL', 'The password could not be stretched.', { cause }))
    }
    worker.once('message', resolve)
    worker.once('error', broken)
    worker.once('exit', broken)
  }).finally(() => worker.terminate())
  if ('secrets' in answer) return answer.secrets
  return fail(answer.code, 'The password could not be stretched.')
}

/** Structured clones are plain arrays of bytes. */
function part(bytes: Uint8Array | undefined): Buffer {
  return bytes === undefined
    ? fail('E_INTERNAL', 'The worker left something out.')
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
