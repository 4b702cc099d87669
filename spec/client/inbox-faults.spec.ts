// What the way in must survive: a connection or a disk that fails in the middle of a batch, and senders or servers that want
// it to lose, hide or forget something (PROTOCOL 6.5, 9.2, 9.4, 11).
import test from 'ava'

import { againId } from '../../lib/client/inbox/gap-key.ts'
import { randomBytes } from '../../lib/crypto/random.ts'
import { encodePayload } from '../../lib/protocol/payloads.ts'
import type { Frame, FrameOf } from '../../lib/protocol/frames.ts'
import { type Bytes, equal } from '../../lib/util/bytes.ts'
import { RawDevice, textBytes } from './raw-device.ts'
import { friends } from './scenes.ts'
import type { Player, World } from './world.ts'

const TEXTS = Array.from({ length: 20 }, (_, i) => `message ${i}`)

/** Somebody bob has accepted, who speaks without a client. */
async function puppet(world: World, bob: Player): Promise<RawDevice> {
  const mallory = await RawDevice.of(await world.prepare('mallory', 2))
  const stream = await mallory.stream(bob)
  await stream.text('I am mallory')
  await world.until(() => bob.texts.includes('I am mallory'))
  await bob.session.acceptContact('mallory')
  return mallory
}

function mailOf(frame: Frame): FrameOf<'mail'> | null {
  return frame.t === 'mail' ? frame : null
}

test.serial(
  'a server that makes up streams of a friend fills neither disk nor screen',
  async (t) => {
    const { world, alice, bob } = await friends()
    const { acct, dev } = alice.who ?? { acct: Buffer.of(), dev: Buffer.of() }
    for (let k = 0; k < 600; k++) {
      world.inject('bob', {
        ...{ t: 'mail', q: 1000 + k, f: [acct, dev], st: randomBytes(16), i: 0 },
        ...{ n: randomBytes(16), c: randomBytes(528) },
      })
      if (k % 50 === 49) await world.pass(100)
    }
    const placeholders = bob
      .of('message')
      .filter(({ message }) => message.body.kind === 'placeholder').length
    t.true(placeholders > 0 && placeholders <= 500, `${placeholders}`)
    await alice.session.send('bob', 'still here')
    await world.passUntil(() => bob.texts.includes('still here'))
    await Promise.all([alice.session.close(), bob.session.close()])
  },
)

test.serial('a connection that ends inside a batch loses nothing', async (t) => {
  const { world, alice, bob } = await friends()
  await bob.session.close()
  const sent = await Promise.all(TEXTS.map((text) => alice.session.send('bob', text)))
  await world.until(() => sent.every(({ mid }) => alice.wasAccepted(mid)))
  // the inbox lets others run after each few mails: there the connection ends
  const after = world.clock.after.bind(world.clock)
  const held: (() => void)[] = []
  let mails = 0
  world.tamper = (frame, to) => {
    if (to === 'bob' && frame.t === 'mail') mails += 1
    return null
  }
  world.clock.after = (ms, fn) => {
    if (ms !== 0 || mails === 0) return after(ms, fn)
    held.push(fn)
    return { cancel: () => undefined }
  }
  await bob.restart()
  await world.until(() => held.length > 0)
  t.is(bob.texts.length, 0)
  world.cutNetwork('bob')
  await world.until(() => bob.session.status().connection.state !== 'online')
  world.clock.after = after
  world.tamper = null
  for (const go of held) go()
  await world.passUntil(() => bob.texts.length >= TEXTS.length)
  t.deepEqual(bob.texts, TEXTS)
  t.deepEqual(await bob.stored('alice'), ['zero', ...TEXTS])
  await Promise.all([alice.session.close(), bob.session.close()])
})

for (const code of ['E_STORE', 'E_DISK_FULL'] as const) {
  for (const kind of ['msg', 'recv', 'gap', 'peer', 'file'] as const) {
    test.serial(`${code} of the ${kind} records ends the session and loses nothing`, async (t) => {
      const { world, alice, bob } = await friends()
      await bob.session.close()
      bob.home.failing = { kind, after: kind === 'recv' ? 0 : 1, code }
      // two offers, two messages that the server holds back at first, and a stranger's first words
      const carol = await world.join('carol', 2)
      for (const name of ['a', 'b']) alice.disk.write(`/${name}`, Buffer.from(name))
      for (const [i, text] of TEXTS.entries()) {
        await alice.session.send('bob', text)
        if (i === 3 || i === 12) await alice.session.offerFile('bob', i === 3 ? '/a' : '/b')
      }
      for (const text of ['one', 'two', 'three']) await carol.session.send('bob', text)
      await world.passUntil(() => alice.session.status().queued === 0)
      await world.passUntil(() => carol.session.status().queued === 0)
      const late: Frame[] = []
      world.tamper = (frame, to) => {
        const mail = to === 'bob' ? mailOf(frame) : null
        if (mail === null || (mail.i !== 5 && mail.i !== 9) || late.length === 2) return null
        late.push(frame)
        return []
      }
      bob.events = []
      const session = await (await bob.lobby()).resume()
      session.on((event) => bob.events.push(event))
      await world.passUntil(() => bob.of('closed').length === 1)
      t.falsy(bob.home.failing)
      t.true(bob.of('notice').some(({ level, code: why }) => level === 'alarm' && why === code))
      world.tamper = null
      const from = world.clock.now()
      await bob.restart()
      await world.passUntil(async () => (await bob.stored('alice')).length > TEXTS.length)
      t.true(
        world.clock.now() - from < 60_000,
        'a question that died with the session is asked again',
      )
      await world.pass(1000)
      // what was withheld takes its place when it comes again
      t.deepEqual((await bob.stored('alice')).sort(), ['zero', ...TEXTS].sort())
      t.deepEqual(await bob.stored('carol'), ['one', 'two', 'three'])
      const offers = await bob.session.files()
      t.deepEqual(offers.map(({ name }) => name).sort(), ['a', 'b'])
      await Promise.all([alice, bob, carol].map((player) => player.session.close()))
    })
  }
}

test.serial('rubbish inside a message sent again keeps nobody off line', async (t) => {
  const { world, alice, bob } = await friends()
  const mallory = await RawDevice.of(await world.prepare('mallory', 2))
  const stream = await mallory.stream(bob)
  bob.events = []
  const nested = encodePayload({ k: 'again', id: randomBytes(16), ts: 1, p: textBytes('inner') })
  for (const p of [Buffer.from('rubbish'), Buffer.alloc(1), nested]) {
    await stream.send(encodePayload({ k: 'again', id: randomBytes(16), ts: 1, p }))
  }
  await stream.text('and now')
  await world.until(() => bob.texts.includes('and now'))
  await alice.session.send('bob', 'one')
  await world.until(() => bob.texts.includes('one'))
  t.deepEqual(bob.of('connection'), [])
  await Promise.all([alice.session.close(), bob.session.close(), mallory.close()])
})

test.serial('what a server withholds shows, and nobody else can take its place', async (t) => {
  const { world, alice, bob } = await friends()
  const mallory = await puppet(world, bob)
  await world.pass(3000)
  const missing: { st: Bytes; i: number }[] = []
  world.tamper = (frame, to) => {
    const mail = to === 'bob' ? mailOf(frame) : null
    if (mail === null || missing.length > 0) return null
    if (!equal(mail.f[0], alice.who?.acct ?? mail.st)) return null
    missing.push({ st: mail.st, i: mail.i })
    return []
  }
  await alice.session.send('bob', 'withheld')
  await world.until(() => missing.length === 1)
  world.tamper = null
  await alice.session.send('bob', 'next')
  await world.until(() => bob.texts.includes('next'))
  await alice.session.close()
  const [gap] = missing
  if (gap === undefined) return
  // the server tells its puppet which stream, and the puppet fills in
  const stream = await mallory.stream(bob)
  const forged = { k: 'again', id: againId(gap.st, gap.i), ts: 1, p: textBytes('forged') } as const
  await stream.send(encodePayload(forged))
  await world.until(() => bob.texts.includes('forged'))
  await world.passUntil(async () =>
    (await bob.session.history('alice')).some(({ body }) => body.kind === 'placeholder'),
  )
  await stream.send(encodePayload({ ...forged, p: textBytes('forged again') }))
  await world.until(() => bob.texts.includes('forged again'))
  const before = await bob.session.history('alice')
  t.deepEqual(await bob.stored('mallory'), ['I am mallory', 'forged', 'forged again'])
  const place = before.findIndex(({ body }) => body.kind === 'placeholder')
  t.true(place > 0)
  // her answer takes its number, and stands where it was said
  await alice.restart()
  await world.passUntil(() => bob.texts.includes('withheld'))
  const now = await bob.session.history('alice')
  t.is(now.length, before.length)
  const found = now.find(({ number }) => number === before[place]?.number)
  t.true(found?.body.kind === 'text' && found.body.text === 'withheld')
  t.deepEqual((await bob.stored('alice')).slice(-2), ['withheld', 'next'])
  await Promise.all([alice.session.close(), bob.session.close(), mallory.close()])
})

test.serial('a contact that boasts of messages nobody sent makes no questions', async (t) => {
  const { world, alice, bob } = await friends()
  const mallory = await puppet(world, bob)
  const streams = await Promise.all(Array.from({ length: 8 }, () => mallory.stream(bob)))
  for (const [i, stream] of streams.entries()) await stream.text(`stream ${i}`)
  await world.until(() => bob.texts.includes('stream 7'))
  const [stream] = streams
  const writes = bob.home.writes
  for (let n = 0; n < 10; n++) {
    const q = streams.map(({ st }) => [st, 500 + n * 64] as const)
    await stream?.text(`boast ${n}`, { q })
  }
  await world.until(() => bob.texts.includes('boast 9'))
  t.true(bob.home.writes - writes < 200, `${bob.home.writes - writes} writes`)
  await world.pass(15_000, 1000)
  const rows = await bob.session.history('mallory', { limit: 1000 })
  t.false(rows.some(({ body }) => body.kind === 'placeholder'))
  await Promise.all([alice.session.close(), bob.session.close(), mallory.close()])
})

test.serial('a list that was written once is never believed to be unwritten', async (t) => {
  const { world, alice, bob } = await friends()
  await bob.session.block('alice')
  bob.events = []
  const asked = (r: number): boolean =>
    world.heard.some(({ from, frame }) => from === 'bob' && frame.t === 'blob.get' && frame.r === r)
  for (const ver of [0, 1, 50]) {
    world.heard.length = 0
    world.tamper = (frame, to) => {
      if (to !== 'bob' || frame.t !== 'ok' || !asked(frame.r)) return null
      return [{ t: 'ok', r: frame.r, ver }]
    }
    bob.events = []
    world.cutNetwork('bob')
    await world.passUntil(() => bob.of('notice').some(({ code }) => code === 'E_ROLLBACK'))
    t.true(bob.of('notice').every(({ level }) => level === 'alarm'))
    t.deepEqual(
      bob.session.blocked().map(({ user }) => user),
      ['alice'],
    )
  }
  world.tamper = null
  await alice.session.send('bob', 'nobody hears me')
  await world.pass(1000)
  t.deepEqual(bob.texts, [])
  await bob.session.close()
  await bob.restart()
  t.deepEqual(
    bob.session.blocked().map(({ user }) => user),
    ['alice'],
  )
  await Promise.all([alice.session.close(), bob.session.close()])
})
