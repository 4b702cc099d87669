// Messages through the server (PROTOCOL 9.2): order, waiting, acknowledgement, exactly once by (stream, index), and never
// an `ok` for what is not safe.
import test from 'ava'

import type { FrameOf } from '../../lib/protocol/frames.ts'
import type { Appended, Mailboxes, Store } from '../../lib/storage/ports.ts'
import { SecureChatError } from '../../lib/util/errors.ts'
import {
  bundleOf,
  type Client,
  deviceLogin,
  type Member,
  type Relay,
  type RelayOptions,
  settle,
  SpecStream,
  startRelay,
  verdict,
} from '../helpers/relay.ts'

interface Scene {
  readonly relay: Relay
  readonly alice: Member
  readonly bob: Member
  readonly a: Client
}

/** Alice is logged in, Bob has an account. */
async function scene(options: RelayOptions = {}): Promise<Scene> {
  const relay = await startRelay(options)
  const alice = await relay.add('alice', { key: 0 })
  const bob = await relay.add('bob', { key: 1 })
  return { relay, alice, bob, a: await relay.login(alice) }
}

async function openStream(
  client: Client,
  from: Member,
  to: readonly Member[],
): Promise<SpecStream> {
  const stream = new SpecStream(client, from, to)
  await client.ok('st.open', stream.openFields())
  return stream
}

function indices(mails: readonly FrameOf<'mail'>[]): number[] {
  return mails.map(({ i }) => i)
}

function withMail(change: (mail: Mailboxes) => Partial<Mailboxes>): (store: Store) => Store {
  return (store: Store) => ({ ...store, mail: { ...store.mail, ...change(store.mail) } })
}

test('a message to somebody online arrives at once, with head and wrap', async (t) => {
  const { relay, alice, bob, a } = await scene()
  const b = await relay.login(bob)
  const stream = new SpecStream(a, alice, [bob])
  t.is(verdict(await stream.open()), 'ok')
  const sent = stream.fields()
  t.deepEqual(await a.ok('msg.put', sent), {})
  await b.until('mail')
  const [mail] = b.mails
  t.deepEqual(
    mail?.f.map((id) => Buffer.from(id)),
    [alice.acct, alice.dev],
  )
  t.deepEqual(mail?.st, new Uint8Array(stream.st))
  t.deepEqual(mail?.c, new Uint8Array(sent.c))
  t.deepEqual(mail?.h, new Uint8Array(stream.head))
  t.is(mail?.w?.[1].length, 1088)
})

test('a stream and its messages in one breath: all arrive in order, each once', async (t) => {
  const { relay, alice, bob, a } = await scene()
  const b = await relay.login(bob)
  const stream = new SpecStream(a, alice, [bob])
  const answers = await Promise.all([
    stream.open(),
    ...Array.from({ length: 100 }, () => stream.put()),
  ])
  t.true(answers.every((answer) => answer.t === 'ok'))
  await b.until('mail', 100)
  t.deepEqual(
    indices(b.mails),
    Array.from({ length: 100 }, (_, i) => i),
  )
  const numbers = b.mails.map(({ q }) => q)
  t.deepEqual(
    numbers,
    [...new Set(numbers)].sort((x, y) => x - y),
  )
  t.deepEqual(
    b.mails.map(({ h }) => h !== undefined),
    [true, ...Array.from({ length: 99 }, () => false)],
  )
})

test('a message waits for somebody who is away, in order, once', async (t) => {
  const { relay, alice, bob, a } = await scene()
  const stream = await openStream(a, alice, [bob])
  for (let k = 0; k < 5; k++) t.is(verdict(await stream.put()), 'ok')

  const b = await relay.connect()
  t.like(await b.ok('dev.login', await deviceLogin(b, bob)), { mail: 5, n: 1 })
  await b.until('mail.end')
  t.deepEqual(indices(b.mails), [0, 1, 2, 3, 4])
  t.is(b.of('mail.end')[0]?.q, b.mails.at(-1)?.q)
  t.is(b.pushes.at(-1)?.t, 'mail.end')
  b.ackAll()
  await b.leave()

  const again = await relay.login(bob)
  await again.until('mail.end')
  t.deepEqual(again.mails, [])
})

test('what was not acknowledged comes again, with head and wrap', async (t) => {
  const { relay, alice, bob, a } = await scene()
  const stream = await openStream(a, alice, [bob])
  for (let k = 0; k < 4; k++) await stream.put()
  const b = await relay.login(bob)
  await b.until('mail.end')
  b.push({ t: 'mail.ack', q: b.mails[0]?.q ?? 0 })
  await settle()
  await b.vanish()
  const first = b.mails

  const again = await relay.login(bob)
  await again.until('mail.end')
  t.deepEqual(again.mails, first.slice(1))

  // nothing acknowledged: the opening mail with its head is among what comes again
  const carol = await relay.add('carol', { key: 2 })
  const other = await openStream(a, alice, [carol])
  await other.put()
  for (let k = 0; k < 2; k++) {
    const c = await relay.login(carol)
    await c.until('mail.end')
    t.deepEqual(c.mails[0]?.h, new Uint8Array(other.head))
    await c.vanish()
  }
})

test('an acknowledgement reaches only what was sent on this connection', async (t) => {
  const { relay, alice, bob, a } = await scene()
  const stream = await openStream(a, alice, [bob])
  const b = await relay.login(bob)
  await b.until('mail.end')
  b.push({ t: 'mail.ack', q: Number.MAX_SAFE_INTEGER })
  await settle()
  await b.vanish()
  await stream.put()
  const again = await relay.login(bob)
  await again.until('mail.end')
  t.is(again.mails.length, 1)
})

test('the same (stream, index) is stored once and answered each time, also over a new connection', async (t) => {
  const { relay, alice, bob, a } = await scene()
  const stream = await openStream(a, alice, [bob])
  const put = stream.fields()
  const answers = await Promise.all([a.ask('msg.put', put), a.ask('msg.put', put)])
  t.deepEqual(answers.map(verdict), ['ok', 'ok'])
  await a.vanish()
  const a2 = await relay.login(alice)
  t.deepEqual(await a2.ok('st.open', stream.openFields()), {})
  t.deepEqual(await a2.ok('msg.put', put), {})
  t.deepEqual(await a2.ok('msg.put', stream.fields()), {})
  const b = await relay.login(bob)
  await b.until('mail.end')
  t.deepEqual(indices(b.mails), [0, 1])
})

test('a gap in the indices is refused with the index expected', async (t) => {
  const { alice, bob, a } = await scene()
  const stream = await openStream(a, alice, [bob])
  t.like(await a.err('msg.put', stream.fields(3)), { c: 'E_GAP', n: 0 })
  await stream.put()
  t.like(await a.err('msg.put', stream.fields(2)), { c: 'E_GAP', n: 1 })
})

test('streams end with the process: unknown afterwards, and a new one goes on', async (t) => {
  const { relay, alice, bob, a } = await scene()
  const stream = await openStream(a, alice, [bob])
  await stream.put()
  const next = await startRelay({ shared: relay })
  const a2 = await next.login(alice)
  t.like(await a2.err('msg.put', stream.fields()), { c: 'E_UNKNOWN_STREAM' })
  const fresh = await openStream(a2, alice, [bob])
  t.is(verdict(await fresh.put()), 'ok')
  const b = await next.login(bob)
  await b.until('mail.end')
  t.deepEqual(
    b.mails.map(({ st }) => Buffer.from(st)),
    [stream.st, fresh.st],
  )
})

test('a stream belongs to the device that opened it, and to its first bytes', async (t) => {
  const { relay, alice, bob, a } = await scene()
  const b = await relay.login(bob)
  const stream = await openStream(a, alice, [bob])
  await stream.put()
  t.like(await b.err('msg.put', stream.fields()), { c: 'E_UNKNOWN_STREAM' })

  const opened = stream.openFields()
  t.deepEqual(await a.ok('st.open', opened), {})
  const otherHead = Buffer.from(stream.head)
  otherHead[otherHead.length - 1] = (otherHead.at(-1) ?? 0) ^ 1
  t.like(await a.err('st.open', { ...opened, head: otherHead }), { c: 'E_STATE' })
  t.like(await a.err('st.open', { ...opened, w: [] }), { c: 'E_STATE' })
  t.like(await a.err('st.open', { ...opened, at: 1 }), { c: 'E_STATE' })

  // a head in the name of somebody else
  const forged = new SpecStream(b, alice, [bob])
  t.like(await b.err('st.open', forged.openFields()), { c: 'E_FORMAT' })
})

test('heads name current devices and keys, or the accounts to ask for again', async (t) => {
  const { relay, alice, bob, a } = await scene()
  const carol = await relay.add('carol', { key: 2 })
  const stale = new SpecStream(a, alice, [bob, carol], [bob.klid, Buffer.alloc(16)])
  t.deepEqual(await a.err('st.open', stale.openFields()), {
    c: 'E_STALE_BUNDLE',
    who: [new Uint8Array(carol.acct)],
  })
  const ghost = new SpecStream(a, alice, [{ ...bob, dev: Buffer.alloc(8, 99) }])
  t.like(await a.err('st.open', ghost.openFields()), { c: 'E_NO_DEVICE' })
  const nobody = new SpecStream(a, alice, [{ ...bob, acct: Buffer.alloc(32, 99) }])
  t.like(await a.err('st.open', nobody.openFields()), { c: 'E_NO_DEVICE' })
  const self = new SpecStream(a, alice, [alice])
  t.like(await a.err('st.open', self.openFields()), { c: 'E_FORMAT' })
  // what follows a refused stream in the same breath is refused as well
  const refused = new SpecStream(a, alice, [{ ...bob, acct: Buffer.alloc(32, 98) }])
  const answers = await Promise.all([refused.open(), refused.put()])
  t.deepEqual(answers.map(verdict), ['E_NO_DEVICE', 'E_UNKNOWN_STREAM'])
})

test('new inbox keys of a recipient end the streams to it', async (t) => {
  const { relay, alice, bob, a } = await scene()
  const b = await relay.login(bob)
  const stream = await openStream(a, alice, [bob])
  const put = stream.fields()
  await a.ok('msg.put', put)
  await b.ok('bun.put', { bundle: await bundleOf(bob, 2, relay.clock.now()) })
  t.deepEqual(await a.err('msg.put', stream.fields()), {
    c: 'E_STALE_STREAM',
    who: [new Uint8Array(bob.acct)],
  })
  t.deepEqual(await a.ok('msg.put', put), {}, 'a repeated message is still answered')
  const old = new SpecStream(a, alice, [bob])
  t.like(await a.err('st.open', old.openFields()), { c: 'E_STALE_BUNDLE' })
})

test('each recipient gets its own wrap and the same message', async (t) => {
  const { relay, alice, bob, a } = await scene()
  const carol = await relay.add('carol', { key: 2 })
  const stream = new SpecStream(a, alice, [bob, carol])
  const opened = stream.openFields()
  const w = opened.w.map((wrap, k) => [Buffer.alloc(256, k), wrap[1], wrap[2]] as const)
  await a.ok('st.open', { ...opened, w })
  await stream.put()
  await stream.put()
  const seen: number[] = []
  for (const who of [bob, carol]) {
    const client = await relay.login(who)
    await client.until('mail.end')
    t.deepEqual(indices(client.mails), [0, 1])
    t.is(client.mails[1]?.w, undefined)
    seen.push(client.mails[0]?.w?.[0][0] ?? -1)
  }
  t.deepEqual(
    seen.sort((x, y) => x - y),
    [0, 1],
  )
})

test('a slow receiver gets 256 mails and waits for its acknowledgement', async (t) => {
  const { relay, alice, bob, a } = await scene({ config: { sendsPerSecond: 0 } })
  const b = await relay.login(bob)
  await b.until('mail.end')
  const stream = await openStream(a, alice, [bob])
  for (let round = 0; round < 3; round++) {
    await Promise.all(Array.from({ length: 200 }, () => stream.put()))
  }
  await settle(50)
  t.is(b.mails.length, 256)
  const half = b.mails[127]?.q ?? 0
  b.push({ t: 'mail.ack', q: half })
  await b.until('mail', 384)
  b.ackAll()
  await b.until('mail', 600)
  t.deepEqual(
    indices(b.mails),
    Array.from({ length: 600 }, (_, i) => i),
  )
  b.ackAll()
  await b.leave()
  const again = await relay.login(bob)
  await again.until('mail.end')
  t.is(again.mails.length, 0)
})

test('a slow receiver of large mails gets one MiB and waits', async (t) => {
  const { relay, alice, bob, a } = await scene()
  const stream = await openStream(a, alice, [bob])
  for (let k = 0; k < 60; k++) t.is(verdict(await stream.put(undefined, 49152)), 'ok')
  const b = await relay.login(bob)
  await settle(100)
  const bytes = b.mails.reduce((sum, { c }) => sum + c.length, 0)
  t.true(bytes >= 1024 * 1024 - 49152 && bytes < 1024 * 1024 + 2 * 49152, `${bytes}`)
  t.is(b.of('mail.end').length, 0)
  while (b.mails.length < 60) {
    b.ackAll()
    await settle()
  }
  await b.until('mail.end')
  t.is(b.mails.length, 60)
})

test('a full mailbox refuses and names whose it is; nothing that was accepted is lost', async (t) => {
  const { relay, alice, bob, a } = await scene({ mailbox: { boxCount: 3 } })
  const carol = await relay.add('carol', { key: 2 })
  const stream = await openStream(a, alice, [bob])
  for (let k = 0; k < 3; k++) t.is(verdict(await stream.put()), 'ok')
  t.deepEqual(await a.err('msg.put', stream.fields()), {
    c: 'E_MAILBOX_FULL',
    who: [new Uint8Array(bob.acct)],
  })
  // the stream is closed; another one to the same box fails, to others it works
  t.like(await a.err('msg.put', stream.fields()), { c: 'E_UNKNOWN_STREAM' })
  const retry = await openStream(a, alice, [bob])
  t.like(await a.err('msg.put', retry.fields()), { c: 'E_MAILBOX_FULL' })
  const toCarol = await openStream(a, alice, [carol])
  t.is(verdict(await toCarol.put()), 'ok')

  const b = await relay.login(bob)
  await b.until('mail.end')
  t.deepEqual(indices(b.mails), [0, 1, 2])
  b.ackAll()
  await settle()
  const after = await openStream(a, alice, [bob])
  t.is(verdict(await after.put()), 'ok')
})

test('one sender fills a share of a mailbox and no more; everybody else is let in', async (t) => {
  const { relay, alice, bob, a } = await scene({ mailbox: { senderBoxCount: 2 } })
  const carol = await relay.add('carol', { key: 2 })
  const stream = await openStream(a, alice, [bob])
  for (let k = 0; k < 2; k++) t.is(verdict(await stream.put()), 'ok')
  const refusal = { c: 'E_MAILBOX_FULL', who: [new Uint8Array(bob.acct)] }
  t.deepEqual(await a.err('msg.put', stream.fields()), refusal)
  const c = await relay.login(carol)
  const other = await openStream(c, carol, [bob])
  t.is(verdict(await other.put()), 'ok')
  t.deepEqual(await a.err('msg.put', (await openStream(a, alice, [bob])).fields()), refusal)

  const b = await relay.login(bob)
  await b.until('mail.end')
  b.ackAll()
  await settle()
  t.is(verdict(await (await openStream(a, alice, [bob])).put()), 'ok')
})

test('ok comes only when the mail is durable, or acknowledged before it had to be written', async (t) => {
  const held: ((results: Appended[]) => void)[] = []
  const store = withMail((mail) => ({
    append: async (items, assigned) => {
      const results = await mail.append(items, assigned)
      return new Promise((resolve) => {
        held.push((instead) => {
          resolve(instead.length > 0 ? instead : results)
        })
      })
    },
  }))
  const { relay, alice, bob, a } = await scene({ store })
  const b = await relay.login(bob)
  const stream = await openStream(a, alice, [bob])
  let answered = 0
  const puts = [stream.put(), stream.put()].map(async (answer) => {
    t.is(verdict(await answer), 'ok')
    answered++
  })
  await b.until('mail', 2)
  await settle()
  t.is(answered, 0, 'delivered, not yet safe')
  held[0]?.([])
  await settle()
  t.is(answered, 1)
  held[1]?.([{ status: 'acked' }])
  await Promise.all(puts)
})

test('a failing store is told as such, never as ok, and the next stream works again', async (t) => {
  let broken: unknown = null
  const store = withMail((mail) => ({
    append: (items, assigned) =>
      broken instanceof Error ? Promise.reject(broken) : mail.append(items, assigned),
  }))
  const { alice, bob, a } = await scene({ store })
  const stream = await openStream(a, alice, [bob])
  for (const [error, code] of [
    [new SecureChatError('E_STORE'), 'E_BUSY'],
    [new SecureChatError('E_DISK_FULL'), 'E_BUSY'],
    [new TypeError('a bug'), 'E_INTERNAL'],
  ] as const) {
    const tried = await openStream(a, alice, [bob])
    broken = error
    const answers = await Promise.all([tried.put(), tried.put()])
    t.deepEqual(answers.map(verdict), [code, code])
    broken = null
    t.like(await a.err('msg.put', tried.fields()), { c: 'E_UNKNOWN_STREAM' })
  }
  t.is(verdict(await stream.put()), 'ok')
})

test('a mailbox that cannot be read ends the connection instead of pretending to be empty', async (t) => {
  let broken = false
  const store = withMail((mail) => ({
    read: (box, after, limit) =>
      broken ? Promise.reject(new SecureChatError('E_STORE')) : mail.read(box, after, limit),
  }))
  const { relay, bob } = await scene({ store })
  broken = true
  const b = await relay.login(bob)
  t.is(await b.goodbye(), 'E_BUSY')
  t.is(b.of('mail.end').length, 0)
})

test('nobody gets the mail of somebody else', async (t) => {
  const { relay, alice, bob, a } = await scene()
  const mallory = await relay.add('mallory', { key: 3 })
  const stream = await openStream(a, alice, [bob])
  await stream.put()
  const m = await relay.login(mallory)
  await m.until('mail.end')
  m.push({ t: 'mail.ack', q: 1000 })
  await settle()
  t.deepEqual(m.mails, [])
  // another device's name, one's own key; then an unknown device: the same refusal
  const pretender = await relay.connect()
  const claim = await deviceLogin(pretender, { ...mallory, acct: bob.acct, dev: bob.dev })
  t.deepEqual(await pretender.err('dev.login', claim), { c: 'E_AUTH' })
  const unknown = await deviceLogin(pretender, { ...mallory, acct: Buffer.alloc(32, 1) })
  t.deepEqual(await pretender.err('dev.login', unknown), { c: 'E_AUTH' })
  const b = await relay.login(bob)
  await b.until('mail.end')
  t.is(b.mails.length, 1)
})

test('a signature made for one connection opens no other', async (t) => {
  const { relay, bob } = await scene()
  const one = await relay.connect()
  const two = await relay.connect()
  const login = await deviceLogin(one, bob)
  t.like(await two.err('dev.login', login), { c: 'E_AUTH' })
  t.like(await one.ok('dev.login', login), { n: 1 })
})

test('the newest connection of a device wins; the older one is told so', async (t) => {
  const { relay, alice, bob, a } = await scene()
  const one = await relay.login(bob)
  await one.until('mail.end')
  const two = await relay.login(bob)
  t.is(await one.goodbye(), 'E_REPLACED')
  const stream = await openStream(a, alice, [bob])
  await stream.put()
  await two.until('mail')
  t.is(one.mails.length, 0)
  t.is(relay.server.stats().devices, 2)
})

test('two servers over one store: mail reaches the device wherever it is connected', async (t) => {
  const first = await startRelay()
  const shared = { store: first.store, router: first.router, clock: first.clock }
  const [east, west] = [await startRelay({ shared }), await startRelay({ shared })]
  const alice = await east.add('alice', { key: 0 })
  const bob = await west.add('bob', { key: 1 })
  const a = await east.login(alice)
  const b = await west.login(bob)
  await b.until('mail.end')
  const stream = await openStream(a, alice, [bob])
  await Promise.all(Array.from({ length: 50 }, () => stream.put()))
  await b.until('mail', 50)
  t.deepEqual(
    indices(b.mails),
    Array.from({ length: 50 }, (_, i) => i),
  )
  // keys published over there are known over here
  await b.ok('bun.put', { bundle: await bundleOf(bob, 2, west.clock.now()) })
  await settle()
  t.like(await a.err('msg.put', stream.fields()), { c: 'E_STALE_STREAM' })
  // and the device can move
  const moved = await east.login(bob)
  t.is(await b.goodbye(), 'E_REPLACED')
  await moved.until('mail.end')
  t.is(moved.mails.length, 50)
})

test('expired mail is not delivered, and is swept', async (t) => {
  const { relay, alice, bob, a } = await scene({ config: { mailboxLifeMs: 3_600_000 } })
  const stream = await openStream(a, alice, [bob])
  await stream.put()
  await a.leave()
  relay.clock.advance(3_600_000)
  await settle()
  const b = await relay.login(bob)
  await b.until('mail.end')
  t.deepEqual(b.mails, [])
  const boxes = await relay.store.mail.sweep(relay.clock.now())
  t.is(boxes, 0, 'the server had swept it')
})
