// One account on several devices: what one sends, reads, blocks and sets is there on the others; what was removed is cut off
// from everything later, whatever the server does (PROTOCOL 5.4, 7.1 sync, 11).
import test from 'ava'

import { closeAll, logInAt, PASSWORD, signUp, talk, unread } from './account-kit.ts'
import { deskAndLaptop } from './scenes.ts'
import { World } from './world.ts'

test.serial('both devices see what is sent and received, in one order', async (t) => {
  const { world, desk, laptop, bob } = await deskAndLaptop()
  await world.until(() => desk.session.account.devices().length === 2)
  t.deepEqual(
    laptop.session.account.devices().map(({ number, isThis }) => [number, isThis]),
    [
      [1, false],
      [2, true],
    ],
  )
  await desk.session.send('bob', 'from the desk')
  await world.until(() => bob.texts.includes('from the desk'))
  await bob.session.send('alice', 'to both')
  await world.until(() => desk.texts.includes('to both') && laptop.texts.includes('to both'))
  const sent = await laptop.session.send('bob', 'from the laptop')
  await world.until(() => bob.texts.includes('from the laptop'))
  await world.until(async () => (await talk(desk, 'bob')).includes('alice: from the laptop'))
  const later = ['alice: from the desk', 'bob: to both', 'alice: from the laptop']
  // what was said before the laptop was there comes out of the history
  await world.passUntil(async () => (await talk(laptop, 'bob')).length === later.length + 2)
  t.deepEqual((await talk(laptop, 'bob')).slice(2), later)
  t.deepEqual(await talk(laptop, 'bob'), await talk(desk, 'bob'))
  // the receipt of bob reaches both
  await world.passUntil(() => laptop.stateOf(sent.mid) === 'delivered')
  await world.passUntil(async () => {
    const rows = await desk.session.history('bob')
    return rows.find(({ mid }) => mid === sent.mid)?.state === 'delivered'
  })
  // bob saw a new device, and nothing to be alarmed about
  const changes = bob.of('contact').map(({ change }) => change)
  t.is(changes.filter((change) => change === 'new-device').length, 1)
  t.false(changes.includes('identity-alarm') || changes.includes('key-changed'))
  // so did the old device of the account itself; the new one knows that it is new
  const joined = [desk, laptop].map((player) =>
    player.of('contact').filter(({ contact, change }) => {
      return contact.user === 'alice' && change === 'new-device'
    }),
  )
  t.deepEqual(
    joined.map(({ length }) => length),
    [1, 0],
  )
  t.deepEqual(
    [...bob.of('notice'), ...desk.of('notice'), ...laptop.of('notice')].map(({ text }) => text),
    [],
  )
  await closeAll(desk, laptop, bob)
})

test.serial('contacts, read marks, blocks and settings are the same on both', async (t) => {
  const { world, desk, laptop, bob } = await deskAndLaptop()
  await world.until(() => desk.session.account.devices().length === 2)
  await world.until(() => laptop.session.contacts().some(({ user }) => user === 'bob'))
  t.true(laptop.session.contacts().find(({ user }) => user === 'bob')?.accepted)

  await bob.session.send('alice', 'one')
  await bob.session.send('alice', 'two')
  await world.until(() => desk.texts.includes('two') && laptop.texts.includes('two'))
  t.true((await unread(laptop, 'bob')) >= 2)
  await desk.session.markRead('bob')
  await world.passUntil(async () => (await unread(laptop, 'bob')) === 0)

  await laptop.session.block('bob')
  await world.passUntil(() => desk.session.blocked().some(({ user }) => user === 'bob'))
  await bob.session.send('alice', 'into the void')
  await world.pass(2000)
  t.false(desk.texts.includes('into the void') || laptop.texts.includes('into the void'))
  await desk.session.unblock('bob')
  await world.passUntil(() => laptop.session.blocked().length === 0)

  await desk.session.setVerified('bob', true)
  await world.passUntil(
    () => laptop.session.contacts().find(({ user }) => user === 'bob')?.trust === 'verified',
  )
  await closeAll(desk, laptop, bob)
})

test.serial('a device that was away for a week catches up', async (t) => {
  const { world, desk, laptop, bob } = await deskAndLaptop()
  await world.until(() => desk.session.account.devices().length === 2)
  await laptop.session.close()
  const said: string[] = []
  for (let day = 0; day < 7; day++) {
    await bob.session.send('alice', `day ${day}`)
    await world.passUntil(() => desk.texts.includes(`day ${day}`))
    await desk.session.send('bob', `answer ${day}`)
    await world.passUntil(() => bob.texts.includes(`answer ${day}`))
    said.push(`bob: day ${day}`, `alice: answer ${day}`)
    world.clock.advance(24 * 3_600_000)
    await world.passUntil(() => bob.session.status().connection.state === 'online')
    await world.passUntil(() => desk.session.status().connection.state === 'online')
  }
  await desk.session.markRead('bob')
  await world.pass(3000)
  await laptop.restart()
  await world.passUntil(async () => (await talk(laptop, 'bob')).length >= said.length + 2)
  t.deepEqual((await talk(laptop, 'bob')).slice(2), said)
  await world.passUntil(async () => (await unread(laptop, 'bob')) === 0)
  await closeAll(desk, laptop, bob)
})

test.serial('a removed device is told, signed out, and gets nothing of what follows', async (t) => {
  const { world, desk, laptop, bob } = await deskAndLaptop()
  const phone = await logInAt(world, 'phone', 'alice')
  await world.until(() => desk.session.account.devices().length === 3)
  await bob.session.send('alice', 'to all three')
  await world.until(() => phone.texts.includes('to all three'))
  // streams that the laptop is in are open
  await desk.session.send('bob', 'open')
  await world.until(() => bob.texts.includes('open'))

  await t.throwsAsync(desk.session.account.revokeDevice(2, 'not the password'), { code: 'E_AUTH' })
  await t.throwsAsync(desk.session.account.revokeDevice(1, PASSWORD), { code: 'E_USAGE' })
  await t.throwsAsync(desk.session.account.revokeDevice(7, PASSWORD), { code: 'E_NOT_FOUND' })
  t.is(desk.session.account.devices().length, 3)
  const before = laptop.texts.length
  const revoked = await desk.session.account.revokeDevice(2, PASSWORD)
  t.is(revoked.number, 2)
  await world.until(() => laptop.of('closed').length === 1)
  t.deepEqual(
    laptop.of('forced-logout').map(({ code }) => code),
    ['E_NO_DEVICE'],
  )

  await world.passUntil(() => bob.of('contact').some(({ change }) => change === 'removed-device'))
  await bob.session.send('alice', 'after the removal')
  await world.until(() => desk.texts.includes('after the removal'))
  await world.until(() => phone.texts.includes('after the removal'))
  await phone.session.send('bob', 'the phone is still in')
  await world.until(() => bob.texts.includes('the phone is still in'))
  t.is(laptop.texts.length, before)

  // the device that stays has the keys of the new epoch without a password
  await phone.session.block('bob')
  await world.passUntil(() => desk.session.blocked().length === 1)
  await phone.session.unblock('bob')
  await world.passUntil(() => desk.session.blocked().length === 0)

  // nothing on the removed device opens the account any more; the password makes it a new device
  const lobby = await laptop.lobby()
  await t.throwsAsync(lobby.resume('alice'), { code: 'E_NOT_LOGGED_IN' })
  laptop.events = []
  await laptop.adopt(await lobby.login({ username: 'alice', password: PASSWORD }))
  t.is(laptop.session.account.devices().length, 3)
  t.not(laptop.session.me.dev, revoked.dev)
  await closeAll(desk, laptop, phone, bob)
})

test.serial('what is written right after another device came goes to it as well', async (t) => {
  const world = await World.create()
  const { player: desk } = await signUp(world, 'alice', 0)
  const bob = await world.join('bob', 1)
  await desk.session.send('bob', 'hi')
  await world.passUntil(() => bob.texts.includes('hi'))
  const laptop = await logInAt(world, 'laptop', 'alice')
  await world.until(() => desk.session.account.devices().length === 2)
  await desk.session.send('bob', 'both of us')
  await world.passUntil(() => bob.texts.includes('both of us'))
  await world.pass(100)
  const rows = await laptop.session.history('bob')
  t.true(rows.some(({ body }) => body.kind === 'text' && body.text === 'both of us'))
  await closeAll(desk, laptop, bob)
})
