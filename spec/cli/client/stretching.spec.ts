import test from 'ava'

import { stretchingInWorker } from '../../../lib/cli/client/stretching.ts'
import { finishing } from '../../../lib/client/account/password-finish.ts'
import * as opaque from '../../../lib/crypto/opaque.ts'

const srv = Buffer.alloc(32, 1)
const cid = Buffer.alloc(32, 2)
const inWorker = stretchingInWorker()

test.before(() => opaque.opaqueReady())

test('a password that a worker stretched is the same password here, and a wrong one is wrong', async (t) => {
  const setup = opaque.createSetup()
  const password = 'correct horse'
  const start = opaque.registrationStart(password)
  const answer = opaque.registrationResponse(setup, cid, start.message)
  const made = await inWorker.registration({ state: start.state, answer, password, srv })
  t.is(made.record.length, 192)

  const typed = opaque.loginStart(password)
  const { ke2, state } = opaque.serverLoginStart(setup, cid, made.record, typed.message, srv)
  const step = { state: typed.state, answer: ke2, password, srv }
  const there = await inWorker.login(step)
  const here = await finishing.password.login(step)
  t.deepEqual(there.exportKey, made.exportKey)
  t.deepEqual(here.exportKey, made.exportKey)
  t.deepEqual(opaque.serverLoginFinish(state, there.ke3, srv), there.sessionKey)

  await t.throwsAsync(inWorker.login({ ...step, password: 'wrong' }), { code: 'E_AUTH' })
})

test('a worker that fails or leaves is an error with a code', async (t) => {
  const step = { state: '', answer: Buffer.alloc(320), password: 'x', srv }
  for (const source of ['throw new Error("no")', 'process.exit(3)']) {
    const entry = new URL(`data:text/javascript,${encodeURIComponent(source)}`)
    await t.throwsAsync(stretchingInWorker(entry).login(step), { code: 'E_INTERNAL' }, source)
  }
})
