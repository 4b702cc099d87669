// A Unix socket between two processes of one user on one machine: the operator's commands and the running server. Built in
// cli/; everything else sees a Duplex. Who may connect is decided by the folder and the mode of the socket.
import { chmod, open, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { basename, dirname } from 'node:path'
import type { Duplex } from 'node:stream'

import { fail } from '../util/errors.ts'

/** sun_path has 108 bytes on Linux, 104 elsewhere; longer ones are cut without a word. */
const PATH_BYTES = 103

export interface LocalListener {
  close(): Promise<void>
}

/** The same socket by a short path: through the open folder where the system has such paths. */
async function reach<T>(path: string, use: (short: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(path) <= PATH_BYTES) return use(path)
  const folder = await open(dirname(path), 'r')
  try {
    return await use(`/proc/self/fd/${folder.fd}/${basename(path)}`)
  } finally {
    await folder.close()
  }
}

/** Replaces what a killed process left; whoever calls holds the lock of the folder. @throws E_FILE */
export async function listenLocal(
  path: string,
  onConnection: (duplex: Duplex) => void,
): Promise<LocalListener> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', ignore)
    onConnection(socket)
  })
  try {
    await rm(path, { force: true })
    await reach(path, (short) => {
      return new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(short, resolve)
      })
    })
    await chmod(path, 0o600)
  } catch (cause) {
    if (server.listening) server.close()
    return fail('E_FILE', `The socket ${path} for the operator's commands cannot be made.`, cause)
  }
  server.on('error', ignore)
  return {
    close: async () => {
      server.close()
      await rm(path, { force: true })
    },
  }
}

/** Null: nobody listens there. @throws E_FILE */
export async function dialLocal(path: string): Promise<Duplex | null> {
  try {
    return await reach(path, (short) => {
      return new Promise<Duplex>((resolve, reject) => {
        const socket = connect(short)
        socket.once('error', reject)
        socket.once('connect', () => {
          socket.removeListener('error', reject)
          socket.on('error', ignore)
          resolve(socket)
        })
      })
    })
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTDIR') return null
    return fail('E_FILE', `The running server cannot be asked through ${path} (${code}).`, cause)
  }
}

function ignore(): void {
  // a caller that went away; the stream remembers it
}
