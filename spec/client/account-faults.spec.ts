// A password login on a device that has something to lose, and servers that lie about the account's own lists and keys or
// fall silent at the wrong moment (PROTOCOL 5.2-5.5).
import test from 'ava'

import { openOrAddDevice, type PasswordProof } from '../../lib/client/account/password-login.ts'
import { forgetProfile, profilesOf } from '../../lib/client/account/home-index.ts'
import type { Wire } from '../../lib/client/wire.ts'
import { OpenVault } from '../../lib/envelope/vault.ts'
import type { DeviceList } from '../../lib/identity/device-list-body.ts'
import { renamed, withDevice, withoutDevice } from '../../lib/identity/device-list-edit.ts'
import {
  signDeviceList,
  type VerifiedDeviceList,
  verifyDeviceList,
} from '../../lib/identity/device-list.ts'
import type { SignedDeviceList } from '../../lib/protocol/composites.ts'
import { parseUsername } from '../../lib/protocol/names.ts'
import { codeOf, SecureChatError } from '../../lib/util/errors.ts'
import { rsa2048 } from '../helpers/keys.ts'
import { DAY, type Person, person, T0 } from '../helpers/people.ts'
import { Player, World, WORLD_SRV } from './world.ts'

/** Dora's account: list 1 with her first device, list 2 with the second one, on which all this happens. */
class Dora {
  readonly who: Person
  readonly here: Player
  readonly first: SignedDeviceList
  readonly second: SignedDeviceList
  readonly verified: VerifiedDeviceList
  readonly notices: string[] = []

  private constructor(
    who: Person,
    here: Player,
    second: SignedDeviceList,
    verified: VerifiedDeviceList,
  ) {
    this.who = who
    this.here = here
    this.first = who.dl
    this.second = second
    this.verified = verified
  }

  static async create(): Promise<Dora> {
    const world = await World.create()
    const who = await person('dora', { key: 3, srv: WORLD_SRV })
    const here = { id: Buffer.alloc(8, 77), dsk: rsa2048(4) }
    const second = await signDeviceList(
      who.aik,
      withDevice(who.verified, { id: here.id, dsk: here.dsk.publicKey, ts: T0 }),
    )
    const player = new Player(world, 'dora')
    // this device was added by list 2, and what it knows is list 2
    const about = { srv: WORLD_SRV, user: who.user }
    const verified = verifyDeviceList(who.verified.pin, about, second)
    await player.install({ ...who, dev: here.id, dsk: here.dsk, dl: second, verified })
    return new Dora(who, player, second, verified)
  }

  sign(body: DeviceList): Promise<SignedDeviceList> {
    return signDeviceList(this.who.aik, body)
  }

  /** As after OPAQUE with this list from the server. */
  login(
    list: SignedDeviceList,
    put: (name: string, fields: { readonly dl: SignedDeviceList }) => Promise<unknown> = () =>
      Promise.resolve({}),
  ): ReturnType<typeof openOrAddDevice> {
    const { srv, user, aik } = this.who
    const verified = verifyDeviceList(undefined, { srv, user }, list)
    const proof: PasswordProof = {
      ...{ verified, list, vault: OpenVault.create(aik), exportKey: Buffer.alloc(64, 9), ver: 1 },
    }
    const wire = { request: put } as unknown as Wire
    const deps = { ...this.here.deps(), onNotice: (text: string) => this.notices.push(text) }
    return openOrAddDevice(deps, wire, proof, undefined)
  }

  get profiles(): string[] {
    return this.here.home.profiles
  }
}

test.serial('an older list of the own devices deletes nothing', async (t) => {
  const dora = await Dora.create()
  const before = dora.profiles
  await t.throwsAsync(dora.login(dora.first), { code: 'E_ROLLBACK' } as object)
  const forked = await dora.sign(renamed(dora.who.verified, parseUsername('dora'), T0 + 5))
  await t.throwsAsync(dora.login(forked), { code: 'E_FORK' } as object)
  t.deepEqual(dora.profiles, before)
  t.deepEqual(dora.notices, [])
  const { profile, isNewDevice } = await dora.login(dora.second)
  t.false(isNewDevice)
  t.deepEqual(Buffer.from(profile.device.dev), Buffer.alloc(8, 77))
  await profile.close()
})

test.serial('a damaged file is said to be damaged, and stays', async (t) => {
  const dora = await Dora.create()
  const { home } = dora.here
  const [name = ''] = dora.profiles
  const file = 'device-keys'
  const good = Buffer.from(home.keyFile(name, file) ?? [])
  for (const bad of [Buffer.alloc(0), good.subarray(0, -1), Buffer.alloc(good.length, 7)]) {
    home.setKeyFile(name, file, bad)
    await t.throwsAsync(dora.login(dora.second), { code: 'E_CORRUPT' } as object)
    t.deepEqual(dora.profiles, [name])
  }
  home.setKeyFile(name, file, good)
  const { profile, isNewDevice } = await dora.login(dora.second)
  t.false(isNewDevice)
  await profile.close()
})

test.serial('data of a device that was removed is set aside, with a word about it', async (t) => {
  const dora = await Dora.create()
  const [name = ''] = dora.profiles
  const vault = { vv: 2, re: 1 }
  const third = await dora.sign(withoutDevice(dora.verified, Buffer.alloc(8, 77), T0 + DAY, vault))
  const { profile, isNewDevice } = await dora.login(third)
  t.true(isNewDevice)
  t.deepEqual(dora.here.home.aside, [name])
  t.is(dora.profiles.filter((each) => each.startsWith(name)).length, 1)
  t.is(dora.notices.length, 1)
  t.regex(dora.notices[0] ?? '', /set aside, not deleted/)
  await profile.close()
})

for (const stored of [true, false]) {
  const what = stored ? 'goes on with the same device' : 'starts anew'
  test.serial(
    `an answer that is lost while a device is added: the next login ${what}`,
    async (t) => {
      const dora = await Dora.create()
      const { home } = dora.here
      for (const name of dora.profiles) {
        await forgetProfile(home, name)
        await home.removeProfile(name)
      }
      const put: SignedDeviceList[] = []
      const lost = dora.login(dora.second, (_, { dl }) => {
        put.push(dl)
        return Promise.reject(new SecureChatError('E_TIMEOUT', 'no answer'))
      })
      await t.throwsAsync(lost, { code: 'E_CLOSED' } as object)
      const [third] = put
      t.is(dora.profiles.length, 1)
      const { profile, isNewDevice } = await dora.login(
        stored && third !== undefined ? third : dora.second,
      )
      t.is(isNewDevice, !stored)
      const known = await profilesOf(home, WORLD_SRV)
      t.is(
        known.filter(({ dev }) => Buffer.from(dev).equals(profile.device.dev)).length,
        stored ? 1 : 0,
      )
      await profile.close()
    },
  )
}

test.serial(
  'an answer that is lost while an account is made does not lose the account',
  async (t) => {
    const world = await World.create()
    const erin = world.newcomer('erin')
    world.tamper = (frame) => {
      if (frame.t !== 'ok' || !world.heard.some(({ frame: f }) => f.t === 'reg.fin')) return null
      world.cutNetwork('erin')
      return []
    }
    const lobby = await erin.lobby()
    const ends: unknown[] = []
    lobby.register({ username: 'erin', password: 'correct horse' }).then(
      () => ends.push(null),
      (error: unknown) => ends.push(codeOf(error)),
    )
    await world.until(() => ends.length === 1)
    t.deepEqual(ends, ['E_CLOSED'])
    world.tamper = null
    await erin.start()
    t.is(erin.session.me.user, 'erin')
    await erin.session.close()
  },
)

test.serial('a key number that leaves no room for another is not believed', async (t) => {
  const world = await World.create()
  const bob = await world.prepare('bob', 1)
  for (const n of [2 ** 53 - 1, 2 ** 53 - 2, 2 ** 40]) {
    world.tamper = (frame, to) => {
      if (frame.t !== 'ok' || to !== 'bob') return null
      const asked = world.heard.some(({ frame: f }) => f.t === 'bun.put' && f.r === frame.r)
      return asked ? [{ t: 'err', r: frame.r, c: 'E_CAS', n }] : null
    }
    const session = await (await bob.lobby()).resume()
    bob.events = []
    session.on((event) => bob.events.push(event))
    await world.until(() => bob.of('notice').some(({ code }) => code === 'E_ROLLBACK'))
    await session.close()
    world.heard.length = 0
  }
  // a number that a backup explains is
  const ahead = Math.floor(world.clock.now() / 1000) + 1000
  let told = false
  world.tamper = (frame, to) => {
    if (frame.t !== 'ok' || to !== 'bob' || told) return null
    const asked = world.heard.some(({ frame: f }) => f.t === 'bun.put' && f.r === frame.r)
    told = asked
    return asked ? [{ t: 'err', r: frame.r, c: 'E_CAS', n: ahead }] : null
  }
  bob.events = []
  await bob.restart()
  t.is(bob.of('keys')[0]?.n, ahead + 1)
  await bob.session.close()
})
