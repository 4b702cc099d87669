// One account in three homes over real sockets and disks: a second device by password, a third by key file, and a removal.
import { stat } from 'node:fs/promises'
import { join } from 'node:path'

import test from 'ava'

import { connect } from '../../lib/client/connect.ts'
import { decodeLoginKeyFile } from '../../lib/identity/login-key-file.ts'
import { PASSWORD, Program, scratch, startServer, writeScratchFile } from '../helpers/programs.ts'
import { realDeps, registerReal } from '../helpers/real-client.ts'

test.serial('a second device, a key file, and a device that is cut off', async (t) => {
  const root = await scratch(t)
  const server = await startServer(t, join(root, 'server'))
  const desk = await registerReal(join(root, 'desk'), server.port, 'alice')
  const target = { host: '127.0.0.1', port: server.port }
  const lobby = await connect(realDeps(join(root, 'laptop')), target)
  const laptop = await lobby.login({ username: 'alice', password: PASSWORD })
  const ended = new Promise<string>((resolve) => {
    laptop.on((event) => {
      if (event.type === 'forced-logout') resolve(event.code)
    })
  })
  const arrived = new Promise<string>((resolve) => {
    laptop.on((event) => {
      if (event.type === 'message' && event.message.body.kind === 'text') {
        resolve(event.message.body.text)
      }
    })
  })
  await desk.send('alice', 'from the desk')
  t.is(await arrived, 'from the desk')

  const keyFile = await desk.account.makeLoginKey(PASSWORD)
  t.is(decodeLoginKeyFile(keyFile).port, server.port)
  const path = await writeScratchFile(root, 'alice.key', keyFile)
  const pocket = new Program('securechat', ['--key', path], {
    SECURECHAT_HOME: join(root, 'pocket'),
  })
  t.teardown(() => pocket.kill())
  await pocket.waitFor(/Signed in as alice/)
  pocket.line('!devices')
  await pocket.waitFor(/\[3\] [0-9a-f]{8} .*\(this one\)/)

  const device = await desk.account.revokeDevice(2, PASSWORD)
  t.is(device.dev, laptop.me.dev)
  t.is(await ended, 'E_NO_DEVICE')
  pocket.line('!who')
  pocket.line('!privacy')
  await pocket.waitFor(/sealed +vault/)
  pocket.end()
  t.is(await pocket.exited, 0)
  t.true((await stat(path)).size > 0)
  await desk.close()
})
