// The life of an account: another name, a key file, a full name, what the server has of it, and its end (PROTOCOL 5.1, 5.3).
import test from 'ava'

import { rsa3072 } from '../helpers/keys.ts'
import { closeAll, logInAt, PASSWORD } from './account-kit.ts'
import { friendsByPassword } from './scenes.ts'
import { World } from './world.ts'

test.serial(
  'renamed: the same identity under another name, and the old one is nobody',
  async (t) => {
    const { world, alice, bob } = await friendsByPassword()
    const laptop = await logInAt(world, 'laptop', 'alice')
    const before = alice.session.me
    const safety = (await bob.session.safetyNumber('alice')).groups
    await bob.session.setVerified('alice', true)

    const { account } = alice.session
    await t.throwsAsync(account.rename('bob', PASSWORD), { code: 'E_TAKEN' })
    await t.throwsAsync(account.rename('Root', PASSWORD), { code: 'E_FORMAT' })
    await t.throwsAsync(account.rename('alicia', 'wrong'), { code: 'E_AUTH' })
    await account.rename('alicia', PASSWORD)
    t.is(alice.session.me.user, 'alicia')
    t.is(alice.session.me.acct, before.acct)

    // peers and own devices hear of it by themselves, and nothing else changes
    await world.passUntil(() => bob.of('contact').some(({ change }) => change === 'renamed'))
    await world.passUntil(() => laptop.session.me.user === 'alicia')
    const contact = bob.session.contacts().find(({ user }) => user === 'alicia')
    t.deepEqual(contact?.formerNames, ['alice'])
    t.is(contact?.trust, 'verified')
    t.deepEqual((await bob.session.safetyNumber('alicia')).groups, safety)
    await bob.session.send('alicia', 'under the new name')
    await bob.session.send('alice', 'and the old one leads to the same person')
    await world.until(() => alice.texts.length === 3)
    t.is((await bob.session.history('alicia')).length, 4)

    // the name is not free, and does not log in
    world.identities.push(rsa3072(3))
    const carol = world.newcomer('carol')
    const lobby = await carol.lobby()
    await t.throwsAsync(lobby.register({ username: 'alice', password: PASSWORD }), {
      code: 'E_TAKEN',
    })
    await t.throwsAsync(lobby.login({ username: 'alice', password: PASSWORD }), { code: 'E_AUTH' })

    await account.rename('alison', PASSWORD)
    await t.throwsAsync(account.rename('aline', PASSWORD), { code: 'E_RATE' })
    t.is(alice.session.me.user, 'alison')
    await world.passUntil(() => laptop.session.me.user === 'alison')
    // the folder of accounts knows the new name
    await laptop.session.close()
    t.deepEqual(
      (await laptop.lobby()).accounts.map(({ username }) => username),
      ['alison'],
    )
    await closeAll(alice, bob)
  },
)

test.serial('a key file logs in without the password until it is removed', async (t) => {
  const { world, alice, bob } = await friendsByPassword()
  world.identities.push(rsa3072(5))
  const keyFile = await alice.session.account.makeLoginKey(PASSWORD)
  t.is(alice.session.account.loginKeys().length, 1)

  const pocket = world.newcomer('pocket')
  const lobby = await pocket.lobby()
  await t.throwsAsync(lobby.loginWithKey({ keyFile: Buffer.from('something') }), {
    code: 'E_FORMAT',
  })
  await pocket.adopt(await lobby.loginWithKey({ keyFile }))
  t.is(pocket.session.me.user, 'alice')
  t.is(pocket.session.account.devices().length, 2)
  await bob.session.send('alice', 'to the pocket')
  await world.until(() => pocket.texts.includes('to the pocket'))

  // a changed password does not touch it
  const next = 'another ladder 25 window'
  await alice.session.account.changePassword(PASSWORD, next)
  await t.notThrowsAsync((await world.newcomer('second').lobby()).loginWithKey({ keyFile }))
  await t.throwsAsync(alice.session.account.removeLoginKey(2, next), { code: 'E_NOT_FOUND' })
  await alice.session.account.removeLoginKey(1, next)
  t.is(alice.session.account.loginKeys().length, 0)
  const third = await world.newcomer('third').lobby()
  await t.throwsAsync(third.loginWithKey({ keyFile }), { code: 'E_AUTH' })
  await closeAll(alice, pocket, bob)
})

test.serial('a full name is told to contacts and never to the server', async (t) => {
  const { world, alice, bob } = await friendsByPassword()
  const laptop = await logInAt(world, 'laptop', 'alice')
  await t.throwsAsync(alice.session.account.setDisplayName('x'.repeat(65)), { code: 'E_USAGE' })
  await alice.session.account.setDisplayName('Alice Pleasance Liddell')
  await world.passUntil(() => bob.session.contacts()[0]?.displayName === 'Alice Pleasance Liddell')
  await world.passUntil(() => laptop.session.me.displayName === 'Alice Pleasance Liddell')
  const profile = await alice.session.account.profile()
  t.like(profile, {
    user: 'alice',
    displayName: 'Alice Pleasance Liddell',
    email: null,
    devices: 2,
  })
  t.false(Buffer.concat(world.seen).includes('Liddell'))
  await closeAll(alice, laptop, bob)
})

test.serial('what the server has is listed, and some of it can be taken back', async (t) => {
  const world = await World.create()
  world.identities.push(rsa3072(0))
  const alice = world.newcomer('alice')
  const { session } = await (
    await alice.lobby()
  ).register({ username: 'alice', password: PASSWORD, email: 'alice@example.org' })
  await alice.adopt(session)
  await world.pass(7000)
  const stored = await session.account.stored()
  t.true(stored.some(({ what, how }) => what === 'names' && how === 'open'))
  t.true(stored.some(({ what, how }) => what === 'vault' && how === 'sealed'))
  const email = stored.find(({ purge }) => purge === 'email')
  t.is(email?.how, 'sealed')
  t.is((await session.account.profile()).email, 'alice@example.org')
  t.is(await session.account.purge('email'), 1)
  t.is((await session.account.profile()).email, null)
  t.is(await session.account.purge('files'), 0)
  t.false(Buffer.concat(world.seen).includes('alice@example.org'))
  await session.close()
})

test.serial(
  'a deleted account is gone: here, on the server, on other devices, for others',
  async (t) => {
    const { world, alice, bob } = await friendsByPassword()
    const laptop = await logInAt(world, 'laptop', 'alice')
    await t.throwsAsync(alice.session.account.delete('wrong'), { code: 'E_AUTH' })
    t.is(alice.of('closed').length, 0)
    await alice.session.account.delete(PASSWORD)
    t.is(alice.of('closed').length, 1)
    t.is(alice.of('forced-logout').length, 0)
    t.deepEqual(alice.home.profiles, [])
    await world.until(() => laptop.of('forced-logout').length === 1)

    const lobby = await alice.lobby()
    t.deepEqual(lobby.accounts, [])
    await t.throwsAsync(lobby.login({ username: 'alice', password: PASSWORD }), { code: 'E_AUTH' })
    world.identities.push(rsa3072(3))
    await t.throwsAsync(lobby.register({ username: 'alice', password: PASSWORD }), {
      code: 'E_TAKEN',
    })
    await t.throwsAsync(bob.session.whois('alice'), { code: 'E_NOT_FOUND' })
    await t.throwsAsync(bob.session.send('alice', 'hello?'), { code: 'E_NOT_FOUND' })
    await closeAll(bob)
  },
)

test.serial('a name and a password are checked before more is asked', async (t) => {
  const { world, alice, bob } = await friendsByPassword()
  world.identities.push(rsa3072(4))
  const dora = world.newcomer('dora')
  const lobby = await dora.lobby()
  await t.throwsAsync(lobby.checkName('bob'), { code: 'E_TAKEN' })
  await t.throwsAsync(lobby.checkName('A B'), { code: 'E_FORMAT' })
  await lobby.checkName('dora')
  const { session } = await lobby.register({ username: 'dora', password: PASSWORD })
  t.is(session.me.user, 'dora')
  await dora.adopt(session)

  const { account } = alice.session
  await account.checkPassword(PASSWORD)
  await t.throwsAsync(account.checkPassword('wrong'), { code: 'E_AUTH' })
  await t.throwsAsync(account.checkPassword(''), { code: 'E_USAGE' })
  await closeAll(alice, bob, dora)
})
