// A changed and a forgotten password: who gets in with what, and that no device and no data is lost (PROTOCOL 5.2, 5.3).
import test from 'ava'

import { RecoveryCode } from '../../lib/envelope/recovery-code.ts'
import { closeAll, logInAt, PASSWORD, signUp, talk } from './account-kit.ts'
import { World } from './world.ts'

const NEXT = 'another ladder 25 window'

test.serial('a new password: the old one is wrong, devices go on, local data stays', async (t) => {
  const world = await World.create()
  const { player: desk } = await signUp(world, 'alice', 0)
  const laptop = world.newcomer('laptop')
  const first = await laptop.lobby()
  await laptop.adopt(await first.login({ username: 'alice', password: PASSWORD, lock: 'password' }))
  await desk.session.send('alice', 'a note')
  await world.until(async () => (await talk(laptop, 'alice')).length === 1)
  const { dev } = laptop.session.me

  await t.throwsAsync(desk.session.account.changePassword('wrong', NEXT), { code: 'E_AUTH' })
  await t.throwsAsync(desk.session.account.changePassword(PASSWORD, ''), { code: 'E_USAGE' })
  await desk.session.account.changePassword(PASSWORD, NEXT)
  await desk.session.send('alice', 'another note')
  await world.until(async () => (await talk(laptop, 'alice')).length === 2)

  // the laptop was closed with the old password: the new one opens the same data, as the same device
  await laptop.session.close()
  const locked = await laptop.lobby()
  await t.throwsAsync(locked.resume('alice'), { code: 'E_NOT_LOGGED_IN' })
  await t.throwsAsync(locked.login({ username: 'alice', password: PASSWORD }), { code: 'E_AUTH' })
  laptop.events = []
  await laptop.adopt(await locked.login({ username: 'alice', password: NEXT }))
  t.is(laptop.session.me.dev, dev)
  t.deepEqual(await talk(laptop, 'alice'), ['alice: a note', 'alice: another note'])

  // the device key still opens the next session of the other one
  await desk.session.close()
  await desk.restart()
  t.is(desk.session.account.devices().length, 2)
  await closeAll(desk, laptop)
})

test.serial('the recovery code leads back in with a new password, again and again', async (t) => {
  const world = await World.create()
  const { player: desk, code } = await signUp(world, 'alice', 0)
  await desk.session.send('alice', 'a note')
  await desk.session.settled()
  await world.pass(7000)

  const lost = world.newcomer('lost')
  const lobby = await lost.lobby()
  const wrong = RecoveryCode.generate().reveal()
  const ask = { username: 'alice', newPassword: NEXT }
  await t.throwsAsync(lobby.recover({ ...ask, recoveryCode: 'not a code' }), { code: 'E_FORMAT' })
  await t.throwsAsync(lobby.recover({ ...ask, recoveryCode: wrong }), { code: 'E_AUTH' })
  const strange = await (
    await world.newcomer('strange').lobby()
  )
    .recover({ username: 'nobody1', newPassword: NEXT, recoveryCode: code })
    .then(
      () => 'in',
      (error: unknown) => error,
    )
  t.like(strange, { code: 'E_AUTH', message: 'Wrong username or recovery code.' })
  await lost.adopt(await lobby.recover({ ...ask, recoveryCode: code.toLowerCase() }))
  t.is(lost.session.account.devices().length, 2)

  // the new password works, the old one is gone, the code goes on working
  const third = await logInAt(world, 'third', 'alice', NEXT)
  const fourth = await world.newcomer('fourth').lobby()
  await t.throwsAsync(fourth.login({ username: 'alice', password: PASSWORD }), { code: 'E_AUTH' })
  await third.session.account.changePassword(NEXT, PASSWORD)
  await t.notThrowsAsync(fourth.recover({ ...ask, recoveryCode: code }))

  // another code ends this one
  const codes: string[] = []
  await third.session.account.newRecoveryCode(NEXT, (shown) => {
    codes.push(shown)
  })
  const fifth = await world.newcomer('fifth').lobby()
  await t.throwsAsync(fifth.recover({ ...ask, recoveryCode: code }), { code: 'E_AUTH' })
  await t.notThrowsAsync(fifth.recover({ ...ask, recoveryCode: codes[0] ?? '' }))

  // nothing that says code or password ever reached the server
  const seen = Buffer.concat(world.seen)
  for (const secret of [code, codes[0] ?? '', PASSWORD, NEXT]) t.false(seen.includes(secret))
  await closeAll(desk, third)
})
