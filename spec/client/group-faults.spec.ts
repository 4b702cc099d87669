// Members whose keys are in doubt, devices that are gone, mailboxes that are full: nobody else is stopped (PROTOCOL 5.4, 8).
import test from 'ava'

import { Receipts } from '../../lib/client/inbox/receipts.ts'
import type { Parties, Party } from '../../lib/client/groups/parties.ts'
import type { MessageRow } from '../../lib/client/messages/row.ts'
import { Outgoing } from '../../lib/client/outbox/outgoing.ts'
import type { OutItem } from '../../lib/client/outbox/item.ts'
import type { Link } from '../../lib/client/link.ts'
import { SenderStream } from '../../lib/envelope/sender-stream.ts'
import { RsaPublicKey } from '../../lib/crypto/rsa.ts'
import { LIMITS } from '../../lib/protocol/limits.ts'
import { decodePayload, encodePayload } from '../../lib/protocol/payloads.ts'
import type { ReplyOf } from '../../lib/protocol/frames.ts'
import { equal } from '../../lib/util/bytes.ts'
import { silentLog } from '../../lib/util/log.ts'
import { fixedInboxKeys } from '../helpers/correspondents.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { rsa2048 } from '../helpers/keys.ts'
import { person, SRV, T0 } from '../helpers/people.ts'
import { logInAt, PASSWORD, signUp } from './account-kit.ts'
import { befriend, crowd, linesOf, saw } from './group-kit.ts'
import { textBytes } from './raw-device.ts'
import { World } from './world.ts'

test.serial(
  'a member under an identity alarm gets nothing, with a notice, until trusted again',
  async (t) => {
    const { world, alice, bob, carol } = await crowd()
    await alice.session.groups.create('weekend', ['bob', 'carol'])
    await world.passUntil(() => carol.of('group').length > 0)
    const acct = carol.who?.acct ?? Buffer.alloc(32)
    world.tamper = (frame, to) => {
      if (to !== 'alice' || frame.t !== 'ok') return null
      const isAsked = world.heard.some(
        ({ from, frame: f }) =>
          from === 'alice' &&
          f.t === 'dir.get' &&
          f.r === frame.r &&
          f.acct !== undefined &&
          equal(f.acct, acct),
      )
      return isAsked ? [{ ...frame, ...(frame as unknown as ReplyOf<'dir.get'>), cur: 7 }] : null
    }
    await alice.session.whois('carol')
    world.tamper = null
    t.is(
      alice.session.groups.of('#weekend').members.find(({ user }) => user === 'carol')?.trust,
      'blocked',
    )
    await alice.session.send('#weekend', 'not for carol')
    await saw(world, 'not for carol', bob)
    t.true(alice.of('notice').some(({ user, level }) => user === 'carol' && level === 'warning'))
    const row = (await bob.session.history('#weekend')).at(-1)
    t.deepEqual(row?.notTo, ['carol'])
    // and on the author's side
    const own = (await alice.session.history('#weekend')).at(-1)
    await world.passUntil(() => alice.stateOf(own?.mid ?? '') === 'delivered')
    const info = await alice.session.life.info(own?.number ?? 0)
    t.deepEqual(info.message.notTo, ['carol'])
    t.deepEqual(info.message.delivery, { delivered: 1, read: 0, of: 2 })
    t.deepEqual(info.members, [{ user: 'bob', state: 'delivered' }])
    await alice.session.trust('carol')
    await alice.session.send('#weekend', 'for everybody')
    await saw(world, 'for everybody', bob, carol)
    t.false(carol.texts.includes('not for carol'))
    await Promise.all([alice, bob, carol].map((player) => player.session.close()))
  },
)

test.serial(
  'members without a live device, and with full mailboxes, do not stop the others',
  async (t) => {
    const world = await World.create({ mailbox: { boxCount: 12 } })
    const alice = await world.join('alice', 0)
    const bob = await world.join('bob', 1)
    const carol = await world.join('carol', 2)
    await world.prepare('dave', 3)
    await befriend(alice, bob)
    await befriend(alice, carol)
    await alice.session.groups.create('weekend', ['bob', 'carol', 'dave'])
    await world.passUntil(() => carol.of('group').length > 0)
    await carol.session.close()
    for (let i = 0; i < 20; i++) await alice.session.send('#weekend', `text ${i}`)
    await saw(world, 'text 19', bob)
    const about = alice.of('notice').map(({ code, user }) => `${user ?? ''} ${code ?? ''}`)
    t.true(about.includes('dave E_NO_DEVICE'), about.join())
    t.true(about.includes('carol E_MAILBOX_FULL'), about.join())
    t.deepEqual(
      (await linesOf(bob, '#weekend')).slice(1),
      Array.from({ length: 20 }, (_, i) => `alice: text ${i}`),
    )
    await Promise.all([alice, bob].map((player) => player.session.close()))
  },
)

test.serial('what a removed device had signed is signed again by another one', async (t) => {
  t.timeout(120_000)
  const world = await World.create()
  const { player: desk } = await signUp(world, 'alice', 0)
  const bob = await world.join('bob', 1)
  const carol = await world.join('carol', 2)
  await befriend(bob, desk)
  await world.pass(7000)
  const laptop = await logInAt(world, 'laptop', 'alice')
  await world.passUntil(() => desk.session.account.devices().length === 2)
  await laptop.session.groups.create('weekend', ['bob'])
  await world.passUntil(() => [desk, bob].every((p) => p.session.groups.list().length === 1))
  await world.passUntil(() => laptop.session.status().queued === 0)
  await desk.session.account.revokeDevice(2, PASSWORD)
  await world.passUntil(() => [desk, bob].every((p) => p.session.groups.of('#weekend').n === 2))
  t.deepEqual(await linesOf(bob, '#weekend'), ['[created]'])
  await desk.session.groups.invite('#weekend', ['carol'])
  await world.passUntil(() => carol.session.requests().length === 1)
  await desk.session.send('#weekend', 'goes on')
  await saw(world, 'goes on', bob)
  await Promise.all([desk, bob, carol].map((player) => player.session.close()))
})

test('a large group: wraps in several frames, the state first, and again after a lost connection', async (t) => {
  const keys = fixedInboxKeys(1)
  const { x, pq } = keys
  const rsa = RsaPublicKey.fromSpki(keys.rsa, 2048)
  const recipients = Array.from({ length: 300 }, (_, i) => {
    const acct = Buffer.alloc(32)
    acct.writeUInt32BE(i)
    const klid = Buffer.from(acct.subarray(0, 16))
    return {
      srv: SRV,
      acct,
      dev: Buffer.alloc(8, 1),
      klid,
      rsa,
      x,
      pq,
      n: 1,
      rq: 0 as const,
      na: 2 ** 50,
    }
  })
  const from = { acct: Buffer.alloc(32, 255), dev: Buffer.alloc(8, 1) }
  const gs = Buffer.alloc(32, 3)
  const stream = await SenderStream.open({
    ...{ srv: SRV, conv: Buffer.alloc(16, 4), gs, from, dsk: rsa2048(1), recipients, now: T0 },
  })
  const sent: string[] = []
  const link = {
    request: (name: string, { at, i }: { at?: number; i?: number }) => {
      sent.push(`${name} ${at ?? i ?? ''}`)
      return Promise.resolve({})
    },
  } as unknown as Link
  const outgoing = await Outgoing.open({
    ...{ stream, recipients, link, opening: textBytes('the state') },
    gossip: () => ({}),
    isCurrent: () => true,
  })
  t.is(outgoing.openingCost, outgoing.cost)
  await outgoing.announce()
  const message = await outgoing.seal(textBytes('hello'))
  await outgoing.put(message)
  t.is(message.i, 1)
  t.is(outgoing.announce(), null)
  outgoing.lostConnection()
  await outgoing.announce()
  const opening = ['st.open 0', 'st.open 128', 'st.open 256', 'msg.put 0']
  t.deepEqual(sent, [...opening, 'msg.put 1', ...opening])
  t.false(outgoing.expired(T0, {} as OutItem))
})

test('receipts go to the author alone, and to nobody in a group of more than 20', async (t) => {
  const clock = new FakeClock()
  const author = await person('alice', { key: 0 })
  for (const [size, expected] of [
    [LIMITS.receiptMembers, 1],
    [LIMITS.receiptMembers + 1, 0],
  ] as const) {
    const mem = Array.from({ length: size }, (_, i) => ({
      acct: i === 0 ? author.acct : Buffer.alloc(32, i),
      admin: i === 0,
    }))
    const group = { standing: 'member', state: { mem } }
    const party = { is: 'group', conv: 'ab', readTo: 0, group } as unknown as Party
    const sent: [unknown, unknown][] = []
    const receipts = new Receipts({
      parties: { find: () => party } as unknown as Parties,
      peers: { get: () => undefined } as never,
      messages: {} as never,
      outbox: () =>
        ({
          add: (payload: unknown, to: unknown) =>
            Promise.resolve({ mid: String(sent.push([payload, to])) }),
        }) as never,
      clock,
      log: silentLog,
    })
    const payload = encodePayload({ k: 'text', id: Buffer.alloc(16), ts: 1, b: 'x' })
    t.is(decodePayload(payload).k, 'text')
    const row = { number: 1, key: 'cd', conv: 'ab', acct: author.acct, payload, own: false }
    receipts.owe(row as unknown as MessageRow)
    clock.advance(2000)
    t.is(sent.length, expected)
    if (expected === 1) t.deepEqual(sent[0]?.[1], { conv: 'ab', acct: author.acct })
  }
})
