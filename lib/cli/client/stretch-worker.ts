// The worker in which a password is stretched: its memory ends with it.
import { parentPort, workerData } from 'node:worker_threads'

import { finishing } from '../../client/account/password-finish.ts'
import { codeOf } from '../../util/errors.ts'
import type { StretchAnswer, StretchRequest } from './stretching.ts'

async function answer({ kind, step }: StretchRequest): Promise<StretchAnswer> {
  try {
    return { secrets: { ...(await finishing.password[kind](step)) } }
  } catch (error) {
    return { code: codeOf(error) === 'E_AUTH' ? 'E_AUTH' : 'E_INTERNAL' }
  }
}

parentPort?.postMessage(await answer(workerData as StretchRequest))
