// The server itself as the attacker: what it can do with deliveries and keys, and what a client makes of it (PROTOCOL 19).
//
// | attack                          | rule      | spec                                                    |
// |---------------------------------|-----------|---------------------------------------------------------|
// | ghost device in the list        | 5.4       | device-attacks: a ghost device in a list ...            |
// | ghost device in the directory   | 5.5       | device-attacks: keys of a device that is in no list     |
// | ghost device in a head          | 6.5 (3)   | here                                                    |
// | device list forked, rolled back | 5.4       | device-attacks; impostors; gossip: impostors            |
// | own list rolled back            | 5.4       | device-attacks; people-faults                           |
// | bundle swapped                  | 5.5       | here; forged: device-attacks, impostors                 |
// | bundle rolled back, stale       | 5.5       | here                                                    |
// | mail replayed                   | 6.5, 6.6  | here; doubled at once: crash                            |
// | mail reordered                  | 6.5 (5)   | here                                                    |
// | mail under another sender       | 6.5 (1)   | here                                                    |
// | mail withheld                   | 9.4       | here (the tail); healing (the middle, the head)         |
// | blobs rolled back               | 11        | inbox-faults: a list that was written once ...          |
// | history rolled back, forked ... | 11        | archive-attacks; another device's: archive-heads        |
import test from 'ava'

import { SenderStream } from '../../lib/envelope/sender-stream.ts'
import { signBundle, type VerifiedBundle, verifyBundle } from '../../lib/identity/bundle.ts'
import { convId } from '../../lib/identity/conversation.ts'
import { withDevice } from '../../lib/identity/device-list-edit.ts'
import { verifyDeviceList } from '../../lib/identity/device-list.ts'
import type { SignedBundle } from '../../lib/protocol/composites.ts'
import type { Frame, FrameOf } from '../../lib/protocol/frames.ts'
import { equal, hex } from '../../lib/util/bytes.ts'
import { fixedInboxKeys } from '../helpers/correspondents.ts'
import { rsa2048 } from '../helpers/keys.ts'
import type { Person } from '../helpers/people.ts'
import { closeAll } from './account-kit.ts'
import { textBytes } from './raw-device.ts'
import { type Player, World, WORLD_SRV } from './world.ts'

type Mail = FrameOf<'mail'>
const DAY_MS = 24 * 3_600_000

async function friends(): Promise<{ world: World; alice: Player; bob: Player }> {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const bob = await world.join('bob', 1)
  await bob.session.send('alice', 'hi')
  await world.until(() => alice.texts.length === 1)
  const { mid } = await alice.session.send('bob', 'zero')
  await world.until(() => alice.wasAccepted(mid) && bob.texts.length === 1)
  await world.pass(5000, 500)
  return { world, alice, bob }
}

async function say(world: World, from: Player, user: string, ...texts: string[]): Promise<void> {
  for (const text of texts) {
    const { mid } = await from.session.send(user, text)
    await world.passUntil(() => from.wasAccepted(mid))
  }
}

function who({ who: person }: Player): Person {
  if (person === null) throw new Error('not a ready-made person')
  return person
}

/** The newest keys that a player has published. */
function bundleOf(world: World, { name }: Player): SignedBundle {
  const put = world.heard.findLast(({ from, frame }) => from === name && frame.t === 'bun.put')
  if (put?.frame.t !== 'bun.put') throw new Error(`${name} has no keys`)
  return put.frame.bundle
}

/** Other bundles in the answers to one client. */
function serve(world: World, name: string, bundles: readonly SignedBundle[]): void {
  world.tamper = (frame: Frame, to: string) =>
    to === name && frame.t === 'ok' && 'bun' in frame ? [{ ...frame, bun: bundles }] : null
}

async function alarm(world: World, player: Player, user: string): Promise<string | undefined> {
  // some are looked at twice, with ten seconds in between
  player.session.whois(user).catch(() => undefined)
  await world.passUntil(() => player.of('contact').some((e) => e.change === 'identity-alarm'))
  return player.session.contacts().find((contact) => contact.user === user)?.alarm
}

/** Heads that named other devices than those of both, on their way past an honest server's checks. */
async function sealedFor(
  sender: Person,
  recipients: readonly VerifiedBundle[],
  to: Person,
  text: string,
  now: number,
): Promise<Mail> {
  const stream = await SenderStream.open({
    ...{ srv: WORLD_SRV, from: sender, dsk: sender.dsk, recipients, now },
    conv: convId({ srv: WORLD_SRV, acct: sender.acct }, { srv: WORLD_SRV, acct: to.acct }),
  })
  const { i, n, c } = await stream.seal(textBytes(text), {})
  const mine = recipients.findIndex(({ dev }) => equal(dev, to.dev))
  const w = stream.wraps[mine]
  if (w === undefined) throw new Error('not for this device')
  const { st, head } = stream
  return { t: 'mail', q: 1000, f: [sender.acct, sender.dev], st, i, n, c, h: head, w }
}

test.serial('a device that listens in: named in a head, and in no list', async (t) => {
  const { world, alice, bob } = await friends()
  const now = world.clock.now()
  const bundle = bundleOf(world, bob)
  const { list } = verifyDeviceList(undefined, { srv: WORLD_SRV }, who(bob).dl)
  const genuine = verifyBundle(list, bundle, now, 0)
  const ghost = { id: Buffer.alloc(8, 0xee), dsk: rsa2048(15).publicKey, ts: 1 }
  const { rsa, x, pq } = fixedInboxKeys(3)
  const body = { srv: WORLD_SRV, acct: who(bob).acct, dev: ghost.id, n: 9, rq: 0 as const }
  const dates = { nb: now, na: now + DAY_MS }
  const signed = await signBundle(rsa2048(15), { ...body, rsa, x, pq, ...dates })
  const forged = withDevice({ list, pin: { h: who(bob).verified.pin.h } }, ghost)
  const listening = verifyBundle(forged, signed, now, 0)
  // alice's program was told of the ghost; bob's is not
  const mail = await sealedFor(who(alice), [genuine, listening], who(bob), 'overheard', now)
  world.inject('bob', mail)
  await world.passUntil(() => bob.of('notice').length > 0)
  t.deepEqual(
    bob.of('notice').map(({ level, code }) => [level, code]),
    [['alarm', 'E_GHOST_DEVICE']],
  )
  t.false(bob.texts.includes('overheard'))
  const fine = await sealedFor(who(alice), [genuine], who(bob), 'between us', now)
  world.inject('bob', { ...fine, q: 1001 })
  await world.passUntil(() => bob.texts.includes('between us'))
  await closeAll(alice, bob)
})

test.serial('a mail under the name of another sender, or of another device', async (t) => {
  const { world, alice, bob } = await friends()
  const carol = await world.join('carol', 2)
  const now = world.clock.now()
  const bundle = bundleOf(world, bob)
  const { list } = verifyDeviceList(undefined, { srv: WORLD_SRV }, who(bob).dl)
  const genuine = verifyBundle(list, bundle, now, 0)
  const mail = await sealedFor(who(carol), [genuine], who(bob), 'as alice', now)
  const { acct, dev } = who(alice)
  world.inject('bob', { ...mail, q: 1000, f: [acct, dev] })
  world.inject('bob', { ...mail, q: 1001, f: [who(carol).acct, dev] })
  await world.pass(15_000, 500)
  t.deepEqual(await bob.stored('alice'), ['zero'])
  t.false(bob.texts.includes('as alice'))
  await closeAll(alice, bob, carol)
})

test.serial('the keys of another person in the place of those of a friend', async (t) => {
  const { world, alice, bob } = await friends()
  const carol = await world.join('carol', 2)
  await say(world, carol, 'bob', 'hello')
  await world.passUntil(() => bob.texts.includes('hello'))
  const swapped = bundleOf(world, carol)
  const { dev } = who(alice)
  for (const [bundle, code] of [
    [swapped, 'E_GHOST_DEVICE'],
    [{ ...swapped, dev }, 'E_SIG'],
  ] as const) {
    serve(world, 'bob', [bundle])
    t.is(await alarm(world, bob, 'alice'), code)
    world.heard.length = 0
    const { mid } = await bob.session.send('alice', `for alice, ${code}`)
    await world.pass(2000)
    t.is(bob.stateOf(mid), 'held')
    t.false(world.heard.some(({ from, frame }) => from === 'bob' && frame.t === 'msg.put'))
    world.tamper = null
    await bob.session.trust('alice')
    await world.passUntil(() => alice.texts.includes(`for alice, ${code}`))
    bob.events = []
    await world.pass(3000, 500)
  }
  await closeAll(alice, bob, carol)
})

test.serial(
  'keys that were replaced are an alarm, keys that are too old reach nobody',
  async (t) => {
    const { world, alice, bob } = await friends()
    const old = bundleOf(world, alice)
    await world.pass(1000)
    await alice.session.resetKeys()
    await world.passUntil(() => alice.session.status().connection.state === 'online')
    await say(world, alice, 'bob', 'with new keys')
    await world.passUntil(() => bob.texts.includes('with new keys'))
    await say(world, bob, 'alice', 'to the new keys')
    serve(world, 'bob', [old])
    t.is(await alarm(world, bob, 'alice'), 'E_ROLLBACK')
    world.tamper = null
    await bob.session.trust('alice')
    await alice.session.close()
    // a month later the only keys there are have ended
    await bob.session.close()
    await world.pass(32 * DAY_MS, DAY_MS / 4)
    await world.renewCertificate()
    await bob.restart()
    world.heard.length = 0
    const { mid } = await bob.session.send('alice', 'are you there?')
    await world.passUntil(() => bob.stateOf(mid) === 'held')
    const held = bob.of('message-state').find((e) => e.mid === mid && e.state === 'held')
    t.is(held?.code, 'E_NO_DEVICE')
    t.false(world.heard.some(({ from, frame }) => from === 'bob' && frame.t === 'st.open'))
    await alice.restart()
    await world.pass(70_000, 1000)
    await world.passUntil(() => alice.texts.includes('are you there?'))
    await closeAll(alice, bob)
  },
)

test.serial(
  'mails of all times, again and again: on the same line, the next one, after a restart',
  async (t) => {
    const { world, alice, bob } = await friends()
    const recorded: Mail[] = []
    world.tamper = (frame, to) => {
      if (to === 'bob' && frame.t === 'mail') recorded.push(frame)
      return null
    }
    await say(world, alice, 'bob', 'one', 'two', 'three')
    await world.passUntil(() => bob.texts.includes('three'))
    await world.pass(5000, 500)
    world.tamper = null
    const texts = ['zero', 'one', 'two', 'three']
    const again = async (): Promise<void> => {
      for (const mails of [recorded, recorded.toReversed()]) {
        for (const mail of mails) world.inject('bob', mail)
        await world.pass(15_000, 500)
      }
      t.deepEqual(await bob.stored('alice'), texts)
      t.deepEqual(bob.of('notice'), [])
      const rows = await bob.session.history('alice')
      t.false(rows.some(({ body }) => body.kind === 'placeholder'))
    }
    await again()
    world.cutNetwork('bob')
    await world.pass(5000, 500)
    await again()
    await bob.session.close()
    await bob.restart()
    await again()
    // and what comes next still opens
    await say(world, alice, 'bob', 'four')
    await world.passUntil(() => bob.texts.includes('four'))
    t.deepEqual(await bob.stored('alice'), [...texts, 'four'])
    await closeAll(alice, bob)
  },
)

test.serial(
  'mails in another order, across a lost connection: all there, once, none asked for',
  async (t) => {
    const { world, alice, bob } = await friends()
    const kept: Mail[] = []
    world.tamper = (frame, to) => {
      if (to !== 'bob' || frame.t !== 'mail') return null
      kept.push(frame)
      return []
    }
    await say(world, alice, 'bob', 'one', 'two', 'three')
    await world.passUntil(() => kept.length >= 3)
    world.tamper = null
    const contents = kept.slice(0, 3)
    for (const mail of contents.toReversed()) world.inject('bob', mail)
    await world.passUntil(() => bob.texts.length === 4)
    world.cutNetwork('bob')
    await world.pass(20_000, 500)
    t.deepEqual((await bob.stored('alice')).sort(), ['one', 'three', 'two', 'zero'])
    t.deepEqual(bob.of('notice'), [])
    await say(world, alice, 'bob', 'four')
    await world.passUntil(() => bob.texts.includes('four'))
    await closeAll(alice, bob)
  },
)

test.serial(
  'the last message is withheld: unseen until the next one, and then it comes',
  async (t) => {
    const { world, alice, bob } = await friends()
    const hidden = new Set<string>()
    let isHiding = true
    world.tamper = (frame, to) => {
      if (to !== 'bob' || frame.t !== 'mail') return null
      const name = `${hex(frame.st)}/${frame.i}`
      if (isHiding) hidden.add(name)
      return hidden.has(name) ? [] : null
    }
    await say(world, alice, 'bob', 'withheld')
    await world.pass(60_000, 1000)
    t.deepEqual(await bob.stored('alice'), ['zero'])
    t.deepEqual(bob.of('notice'), [], 'nobody can know')
    isHiding = false
    await say(world, alice, 'bob', 'and then?')
    await world.passUntil(() => bob.texts.includes('and then?'))
    await world.passUntil(() => bob.texts.includes('withheld'))
    const rows = await bob.session.history('alice')
    const texts = rows.map(({ body }) => (body.kind === 'text' ? body.text : body.kind))
    t.deepEqual([...texts].sort(), ['and then?', 'hi', 'withheld', 'zero'])
    t.true(rows.find(({ body }) => body.kind === 'text' && body.text === 'withheld')?.resent)
    await closeAll(alice, bob)
  },
)
