// More connections than the system gives this process descriptors: what is open to strangers must never be what the store is
// written with.
import { connect, type Socket } from 'node:net'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import test from 'ava'

import { Program, scratch, startServer } from '../helpers/programs.ts'
import { registerReal } from '../helpers/real-client.ts'

const BIN = fileURLToPath(new URL('../../bin/securechat-server', import.meta.url))
const STRANGERS = 400

test('strangers who take every connection there is do not stop what people write', async (t) => {
  const root = await scratch(t)
  const home = join(root, 'server')
  const made = await startServer(t, home) // makes the folders
  await made.program.kill('SIGTERM')
  const child = spawn(
    'sh',
    ['-c', 'ulimit -n 256; exec "$0" "$@"', BIN, '--host', '127.0.0.1', '--port', '0'],
    {
      env: { PATH: process.env['PATH'], SECURECHAT_HOME: home },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  t.teardown(() => child.kill('SIGKILL'))
  let log = ''
  const port = await new Promise<number>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      log += text
      const found = /securechat:\/\/[^\s:]+:(\d+)\//.exec(log)?.[1]
      if (found !== undefined) resolve(Number(found))
    })
  })
  const alice = await registerReal(join(root, 'alice'), port, 'alice')
  const bob = await registerReal(join(root, 'bob'), port, 'bob')
  t.teardown(() => Promise.all([alice.close(), bob.close()]))

  const sockets: Socket[] = []
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
  })
  await Promise.all(
    Array.from({ length: STRANGERS }, (_, n) => {
      const localAddress = `127.9.${String(n >> 7)}.${String(1 + (n & 127))}`
      const socket = connect({ host: '127.0.0.1', port, localAddress })
      sockets.push(socket)
      return new Promise<void>((resolve) => {
        socket.once('connect', resolve).once('error', () => undefined)
        socket.once('close', () => {
          resolve()
        })
      })
    }),
  )
  const heard = new Promise<string>((resolve) => {
    bob.on((event) => {
      if (event.type === 'message' && event.message.body.kind === 'text')
        resolve(event.message.body.text)
    })
  })
  await alice.send('bob', 'hello')
  await alice.settled()
  t.is(await heard, 'hello')
  const status = new Program('securechat-server', ['status', '--json'], { SECURECHAT_HOME: home })
  t.is(await status.exited, 0, status.stderr)
  t.is((JSON.parse(status.stdout) as { readonly store: string }).store, 'ok')
  t.regex(log, /limits\.descriptors/)
})
