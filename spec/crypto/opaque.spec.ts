import test from 'ava'

import * as opaque from '../../lib/crypto/opaque.ts'

const srv = Buffer.alloc(32, 1)
const cid = Buffer.alloc(32, 2)

test.before(() => opaque.opaqueReady())

function register(setup: Buffer, password: string) {
  const start = opaque.registrationStart(password)
  const response = opaque.registrationResponse(setup, cid, start.message)
  return opaque.registrationFinish(start.state, response, password, srv)
}

test('register, log in, and both ends hold the same session key', (t) => {
  const setup = opaque.createSetup()
  t.is(setup.length, 128)
  const { record, exportKey } = register(setup, 'correct horse')
  t.is(record.length, 192)
  const start = opaque.loginStart('correct horse')
  const { ke2, state } = opaque.serverLoginStart(setup, cid, record, start.message, srv)
  const end = opaque.loginFinish(start.state, ke2, 'correct horse', srv)
  t.deepEqual(
    [start.message.length, ke2.length, end.ke3.length],
    [96, 320, 64], // as the frame table has them
  )
  t.deepEqual(opaque.serverLoginFinish(state, end.ke3, srv), end.sessionKey)
  t.deepEqual(end.exportKey, exportKey)

  const typed = opaque.loginStart('wrong')
  const wrong = opaque.serverLoginStart(setup, cid, record, typed.message, srv)
  t.throws(() => opaque.loginFinish(typed.state, wrong.ke2, 'wrong', srv), { code: 'E_AUTH' })
  t.throws(() => opaque.serverLoginFinish(wrong.state, Buffer.alloc(64), srv), { code: 'E_AUTH' })
  t.throws(
    () => opaque.loginFinish(start.state, ke2, 'correct horse', Buffer.alloc(32, 9)),
    { code: 'E_AUTH' }, // the server id is inside the ceremony
  )
})

test('an unknown user gets an answer of the same size, and the same failure', (t) => {
  const setup = opaque.createSetup()
  const start = opaque.loginStart('any')
  const fake = opaque.serverLoginStart(setup, cid, null, start.message, srv)
  t.is(fake.ke2.length, 320)
  t.throws(() => opaque.loginFinish(start.state, fake.ke2, 'any', srv), { code: 'E_AUTH' })
})

test('malformed messages are one coded error', (t) => {
  const setup = opaque.createSetup()
  for (const bad of [Buffer.alloc(0), Buffer.alloc(96, 0xff), Buffer.alloc(5000)]) {
    t.throws(() => opaque.serverLoginStart(setup, cid, null, bad, srv), { code: 'E_AUTH' })
    t.throws(() => opaque.registrationResponse(setup, cid, bad), { code: 'E_AUTH' })
  }
})

test('a password typed in another normal form is the same password', (t) => {
  const setup = opaque.createSetup()
  const { record } = register(setup, 'caf\u00e9')
  const start = opaque.loginStart('cafe\u0301')
  const { ke2 } = opaque.serverLoginStart(setup, cid, record, start.message, srv)
  t.notThrows(() => opaque.loginFinish(start.state, ke2, 'cafe\u0301', srv))
})
