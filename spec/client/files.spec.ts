// Files: offers side by side, hostile names, thieves, breaks on both sides (PROTOCOL 10).
import test from 'ava'

import { randomBytes } from '../../lib/crypto/random.ts'
import { deferred } from '../../lib/client/deferred.ts'
import type { Offer } from '../../lib/client/events.ts'
import { type Player, World } from './world.ts'

const KiB = 1024
const CHUNK = 64 * KiB

async function friends(): Promise<{ world: World; alice: Player; bob: Player }> {
  const world = await World.create()
  const alice = await world.join('alice', 0)
  const bob = await world.join('bob', 1)
  await bob.session.send('alice', 'hi')
  await world.passUntil(() => alice.texts.length === 1)
  await alice.session.send('bob', 'hello')
  await world.passUntil(() => bob.texts.length === 1)
  return { world, alice, bob }
}

async function offered(world: World, bob: Player, count: number): Promise<Offer[]> {
  await world.passUntil(() => bob.of('file-offer').length >= count)
  return bob.of('file-offer').map(({ offer }) => offer)
}

async function stop(...players: Player[]): Promise<void> {
  await Promise.all(players.map((player) => player.session.close()))
  for (const player of players) {
    if (player.disk.openHandles !== 0) throw new Error(`${player.name} left a file open`)
  }
}

test.serial('two offers wait side by side and are answered in the other order', async (t) => {
  const { world, alice, bob } = await friends()
  const first = randomBytes(200 * KiB)
  const second = randomBytes(3)
  alice.disk.write('/home/alice/first.bin', first)
  alice.disk.write('/home/alice/second.txt', second)
  await alice.session.offerFile('bob', '/home/alice/first.bin')
  await alice.session.offerFile('bob', '/home/alice/second.txt')
  const offers = await offered(world, bob, 2)
  t.deepEqual(
    offers.map(({ name, size, state, peer }) => [name, size, state, peer]),
    [
      ['first.bin', 200 * KiB, 'offered', 'alice'],
      ['second.txt', 3, 'offered', 'alice'],
    ],
  )
  t.is(bob.disk.downloads.size, 0)
  await bob.session.accept(offers[1]?.number ?? 0)
  await world.passUntil(() => bob.of('file-done').length === 1)
  t.deepEqual([...bob.disk.downloads.keys()], ['second.txt'])
  await bob.session.accept(offers[0]?.number ?? 0)
  await world.passUntil(() => bob.of('file-done').length === 2)
  t.deepEqual(bob.disk.downloads.get('first.bin')?.bytes, first)
  t.deepEqual(bob.disk.downloads.get('second.txt')?.bytes, second)
  await world.passUntil(
    () => alice.of('file-answer').filter((e) => e.offer.receiver === 'received').length === 2,
  )
  const progress = bob.of('file-progress').filter((e) => e.offer.name === 'first.bin')
  t.is(progress.at(-1)?.offer.bytes, first.length)
  await stop(alice, bob)
})

test.serial(
  'no room on the server: whose room it is nobody knows, so both are named',
  async (t) => {
    const { world, alice, bob } = await friends()
    world.files.put = () => Promise.resolve('full')
    alice.disk.write('/home/alice/only.bin', randomBytes(100))
    await alice.session.offerFile('bob', '/home/alice/only.bin')
    await world.passUntil(() => alice.of('file-failed').length === 1)
    t.is(alice.of('file-failed')[0]?.code, 'E_MAILBOX_FULL')
    t.regex(alice.of('file-failed')[0]?.reason ?? '', /yours, or those of all its users/)
    await stop(alice, bob)
  },
)

test.serial('an empty file, and sizes around the edges of a chunk', async (t) => {
  const { world, alice, bob } = await friends()
  const sizes = [0, 1, 64 * KiB - 1, 64 * KiB, 64 * KiB + 1]
  for (const size of sizes) alice.disk.write(`/f/${size}.bin`, randomBytes(size))
  for (const size of sizes) await alice.session.offerFile('bob', `/f/${size}.bin`)
  for (const { number } of await offered(world, bob, sizes.length)) await bob.session.accept(number)
  await world.passUntil(() => bob.of('file-done').length === sizes.length)
  for (const size of sizes) {
    t.deepEqual(
      bob.disk.downloads.get(`${size}.bin`)?.bytes,
      alice.disk.disk.get(`/f/${size}.bin`)?.bytes,
    )
  }
  await stop(alice, bob)
})

test.serial('hostile names land only in the download folder, safe and distinct', async (t) => {
  const { world, alice, bob } = await friends()
  const names = [
    '../../x y',
    'doc.pdf',
    'doc.pdf',
    '/etc/passwd',
    '..',
    'con.txt',
    'a\u202egpj.exe',
    '.bashrc',
    'x\0y',
  ]
  for (const i of names.keys()) alice.disk.write(`${i}`, Buffer.from(`content ${i}`))
  for (const [i, name] of names.entries()) {
    alice.disk.baseName = () => name
    await alice.session.offerFile('bob', `${i}`)
  }
  for (const { number } of await offered(world, bob, names.length)) {
    await bob.session.accept(number)
    await world.passUntil(() => bob.of('file-done').some(({ offer }) => offer.number === number))
  }
  const saved = [...bob.disk.downloads]
  t.is(saved.length, names.length)
  t.deepEqual(
    saved.map(([, { bytes }]) => bytes.toString()).sort(),
    names.map((_, i) => `content ${i}`).sort(),
  )
  for (const [name] of saved) {
    t.notRegex(name, /[/\\\0\u202e]/u)
    t.notRegex(name, /^[.\s-]/u)
    t.false(name.endsWith('.part'))
  }
  t.true(bob.disk.downloads.has('doc.pdf') && bob.disk.downloads.has('doc (1).pdf'))
  await stop(alice, bob)
})

test.serial('what lies in the download folder is never overwritten', async (t) => {
  const { world, alice, bob } = await friends()
  const mine = { bytes: Buffer.from('mine'), modifiedMs: 1 }
  bob.disk.downloads.set('doc.pdf', mine)
  bob.disk.downloads.set('doc.pdf.part', mine)
  alice.disk.write('/doc.pdf', Buffer.from('hers'))
  await alice.session.offerFile('bob', '/doc.pdf')
  const [offer] = await offered(world, bob, 1)
  await bob.session.accept(offer?.number ?? 0)
  await world.passUntil(() => bob.of('file-done').length === 1)
  t.is(bob.disk.downloads.get('doc.pdf')?.bytes.toString(), 'mine')
  t.is(bob.disk.downloads.get('doc.pdf.part')?.bytes.toString(), 'mine')
  t.is(bob.disk.downloads.get('doc (1).pdf')?.bytes.toString(), 'hers')
  await stop(alice, bob)
})

test.serial('a third user cannot fetch a file, not even with its id', async (t) => {
  const { world, alice, bob } = await friends()
  const mallory = await world.join('mallory', 2)
  const secret = Buffer.from('the secret of alice and bob '.repeat(100))
  alice.disk.write('/secret.txt', secret)
  const offer = await alice.session.offerFile('bob', '/secret.txt')
  await world.passUntil(() => alice.of('file-done').length === 1)
  await offered(world, bob, 1)
  t.is(mallory.of('file-offer').length, 0)
  await t.throwsAsync(mallory.session.accept(offer.number), { code: 'E_NOT_FOUND' } as object)
  t.is(mallory.disk.downloads.size, 0)
  // and the server, which has it, reads neither content nor name
  const everything = Buffer.concat(world.seen)
  t.false(everything.includes('the secret of'))
  t.false(everything.includes('secret.txt'))
  await stop(alice, bob, mallory)
})

test.serial('the receiver is away: the file waits sealed on the server', async (t) => {
  const { world, alice, bob } = await friends()
  await bob.session.close()
  const bytes = randomBytes(300 * KiB)
  alice.disk.write('/late.bin', bytes)
  await alice.session.offerFile('bob', '/late.bin')
  await alice.session.settled()
  await alice.session.close()
  await bob.restart()
  const [offer] = await offered(world, bob, 1)
  await bob.session.accept(offer?.number ?? 0)
  await world.passUntil(() => bob.of('file-done').length === 1)
  t.deepEqual(bob.disk.downloads.get('late.bin')?.bytes, bytes)
  await stop(bob)
})

test.serial(
  'who accepts before the first byte is on the server need not wait long for it',
  async (t) => {
    const { world, alice, bob } = await friends()
    const { files } = world
    const [put, get] = [files.put.bind(files), files.get.bind(files)]
    const gate = deferred()
    let looks = 0
    Object.assign(files, {
      put: async (...chunk: Parameters<typeof put>) => {
        await gate.promise
        return put(...chunk)
      },
      get: (fid: string, index: number) => {
        if (index === 0) looks += 1
        return get(fid, index)
      },
    })
    const bytes = randomBytes(3 * CHUNK)
    alice.disk.write('/home/alice/soon.bin', bytes)
    await alice.session.offerFile('bob', '/home/alice/soon.bin')
    const [offer] = await offered(world, bob, 1)
    await bob.session.accept(offer?.number ?? 0)
    await world.passUntil(() => looks === 1)
    const from = world.clock.monotonic()
    await world.passUntil(() => looks === 3)
    t.true(world.clock.monotonic() - from < 15_000)
    gate.resolve()
    await world.passUntil(() => bob.of('file-done').length === 1)
    t.deepEqual(bob.disk.downloads.get('soon.bin')?.bytes, bytes)
    await stop(alice, bob)
  },
)

test.serial('a download goes on after lost connections and a killed receiver', async (t) => {
  const { world, alice, bob } = await friends()
  const bytes = randomBytes(96 * CHUNK)
  alice.disk.write('/big.bin', bytes)
  await alice.session.offerFile('bob', '/big.bin')
  const [offer] = await offered(world, bob, 1)
  await world.passUntil(() => alice.of('file-done').length === 1)
  const moved = (): number => bob.disk.downloads.get('big.bin.part')?.bytes.length ?? 0
  let cuts = 0
  world.tamper = (_, to) => {
    if (to !== 'bob') return null
    if (cuts === 0 && moved() > 10 * CHUNK) {
      cuts = 1
      world.cutNetwork('bob')
    } else if (cuts === 1 && moved() > 66 * CHUNK) {
      cuts = 2
      bob.kill()
    }
    return null
  }
  await bob.session.accept(offer?.number ?? 0)
  await world.passUntil(() => cuts === 2)
  world.tamper = null
  t.true(moved() < bytes.length)
  const asked = world.heard.length
  await bob.restart()
  await world.passUntil(() => bob.of('file-done').length === 1)
  t.true(bob.disk.downloads.get('big.bin')?.bytes.equals(bytes))
  // the first 64 chunks were known to be safe
  const fetched = world.heard.slice(asked).filter(({ frame }) => frame.t === 'file.get').length
  t.true(fetched <= 32, `${fetched} chunks after the restart`)
  await stop(alice, bob)
})

test.serial('an upload goes on after lost connections and a killed sender', async (t) => {
  const { world, alice, bob } = await friends()
  const bytes = randomBytes(48 * CHUNK)
  alice.disk.write('/big.bin', bytes)
  const put = (): number => world.heard.filter(({ frame }) => frame.t === 'file.put').length
  let cuts = 0
  world.tamper = (_, to) => {
    if (to !== 'alice') return null
    if (cuts === 0 && put() > 5) {
      cuts = 1
      world.cutNetwork('alice')
    } else if (cuts === 1 && put() > 30) {
      cuts = 2
      alice.kill()
    }
    return null
  }
  await alice.session.offerFile('bob', '/big.bin').catch(() => undefined)
  await world.passUntil(() => cuts === 2)
  world.tamper = null
  await alice.restart()
  const [offer] = await offered(world, bob, 1)
  await bob.session.accept(offer?.number ?? 0)
  await world.passUntil(() => bob.of('file-done').length === 1)
  t.true(bob.disk.downloads.get('big.bin')?.bytes.equals(bytes))
  t.true(put() <= 48 + 2 * 16, `${put()} chunks sent`)
  await stop(alice, bob)
})

test.serial('a file that changes after the offer is not sent', async (t) => {
  const { world, alice, bob } = await friends()
  alice.disk.write('/log.txt', Buffer.alloc(100, 'a'))
  world.killServer()
  await world.pass(200)
  await alice.session.offerFile('bob', '/log.txt')
  alice.disk.write('/log.txt', Buffer.alloc(100, 'b'), 2)
  await world.startServer()
  await world.passUntil(() => alice.of('file-failed').length === 1)
  t.is(alice.of('file-failed')[0]?.code, 'E_FILE')
  t.regex(alice.of('file-failed')[0]?.reason ?? '', /changed/)
  await stop(alice, bob)
})

test.serial('decline, cancel on both sides: nothing half-written stays', async (t) => {
  const { world, alice, bob } = await friends()
  for (const name of ['a', 'b', 'c']) alice.disk.write(`/${name}.bin`, randomBytes(400 * KiB))
  for (const name of ['a', 'b', 'c']) await alice.session.offerFile('bob', `/${name}.bin`)
  const [a, b, c] = await offered(world, bob, 3)
  await bob.session.decline(a?.number ?? 0)
  await world.passUntil(() =>
    alice.of('file-answer').some(({ offer }) => offer.receiver === 'declined'),
  )
  await bob.session.accept(b?.number ?? 0)
  await bob.session.cancel(b?.number ?? 0)
  const mine = (await alice.session.files()).find(({ name }) => name === 'c.bin')
  await alice.session.cancel(mine?.number ?? 0)
  await world.passUntil(() => bob.of('file-failed').length === 1)
  t.is(bob.of('file-failed')[0]?.code, 'E_CANCELLED')
  await t.throwsAsync(bob.session.accept(c?.number ?? 0), { code: 'E_STATE' } as object)
  t.is(bob.disk.downloads.size, 0)
  await t.throwsAsync(bob.session.accept(a?.number ?? 0), { code: 'E_STATE' } as object)
  await stop(alice, bob)
})

test.serial('a deleted offer is taken back, also after all of it was sent', async (t) => {
  const { world, alice, bob } = await friends()
  alice.disk.write('/late.bin', randomBytes(400 * KiB))
  const { number, mid } = await alice.session.offerFile('bob', '/late.bin')
  const [offer] = await offered(world, bob, 1)
  await world.passUntil(() => alice.of('file-done').length === 1)
  const row = (await alice.session.history('bob')).find((each) => each.mid === mid)
  await alice.session.life.remove(row?.number ?? 0)
  t.is(world.heard.filter(({ frame }) => frame.t === 'file.del').length, 1)
  const mine = await alice.session.files()
  t.is(mine.find((each) => each.number === number)?.state, 'cancelled')
  await world.passUntil(() => bob.of('message-change').length === 1)
  await t.throwsAsync(bob.session.accept(offer?.number ?? 0), { code: 'E_STATE' } as object)
  await stop(alice, bob)
})

test.serial('missing files, directories of names, and a full disk are sentences', async (t) => {
  const { world, alice, bob } = await friends()
  await t.throwsAsync(alice.session.offerFile('bob', '/nowhere'), { code: 'E_FILE' } as object)
  await t.throwsAsync(alice.session.offerFile('nobodyhere', '/nowhere'), {
    code: 'E_NOT_FOUND',
  } as object)
  alice.disk.write('/x.bin', randomBytes(1000))
  await alice.session.offerFile('bob', '/x.bin')
  const [offer] = await offered(world, bob, 1)
  bob.disk.freeSpace = 1000
  await bob.session.accept(offer?.number ?? 0)
  await world.passUntil(() => bob.of('file-failed').length === 1)
  t.is(bob.of('file-failed')[0]?.code, 'E_DISK_FULL')
  t.is(bob.disk.downloads.size, 0)
  await stop(alice, bob)
})
