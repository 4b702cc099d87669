// Files between two who are connected directly: nothing of them touches the server, and when the way changes in the middle the
// other one goes on where it stopped (PROTOCOL 10, 12).
import test from 'ava'

import { sha256 } from '../../lib/crypto/hash.ts'
import { randomBytes } from '../../lib/crypto/random.ts'
import type { Transfer } from '../../lib/client/files/transfer.ts'
import { Transfers } from '../../lib/client/files/transfers.ts'
import { FileServing } from '../../lib/client/files/way.ts'
import { createMemoryStore } from '../../lib/storage/memory.ts'
import { silentLog } from '../../lib/util/log.ts'
import { FakeClock } from '../helpers/fake-clock.ts'
import { MemoryDisk } from './memory-home.ts'
import { connectDirectly, states, twoMachines } from './direct-kit.ts'
import { type Player, World } from './world.ts'

const MiB = 1024 * 1024

function put(world: World): number {
  return world.heard.filter(({ frame }) => frame.t === 'file.put').length
}

function got(world: World): number {
  return world.heard.filter(({ frame }) => frame.t === 'file.get').length
}

async function offer(world: World, alice: Player, bob: Player, bytes: Buffer): Promise<number> {
  alice.disk.write('/home/alice/a.bin', bytes)
  const before = bob.of('file-offer').length
  await alice.session.offerFile('bob', '/home/alice/a.bin')
  await world.passUntil(() => bob.of('file-offer').length > before)
  return bob.of('file-offer').at(-1)?.offer.number ?? 0
}

async function stop(...players: Player[]): Promise<void> {
  await Promise.all(players.map((player) => player.session.close()))
  for (const player of players) {
    if (player.disk.openHandles !== 0) throw new Error(`${player.name} left a file open`)
  }
}

test('a file goes from one to the other, without the server and without them at the server', async (t) => {
  const world = await World.create()
  const two = await twoMachines(world)
  const { alice, bob } = two
  await connectDirectly(world, two, { alice: true, bob: true })
  await world.passUntil(() => bob.session.status().connection.state === 'offline')
  await world.passUntil(() => alice.session.status().connection.state === 'offline')
  const bytes = randomBytes(MiB + 17)
  world.heard.length = 0
  const number = await offer(world, alice, bob, bytes)
  await bob.session.accept(number)
  await world.passUntil(() => bob.of('file-done').length === 1)
  t.deepEqual(bob.disk.downloads.get('a.bin')?.bytes, bytes)
  await world.passUntil(() => alice.of('file-answer').at(-1)?.offer.receiver === 'received')
  t.is(alice.of('file-answer').at(-1)?.offer.state, 'done')
  t.is(world.heard.length, 0)
  await alice.session.settled()
  await stop(alice, bob)
})

test('cut in the middle: the server brings the rest; connected again: the link does', async (t) => {
  const world = await World.create()
  const two = await twoMachines(world)
  const { alice, bob, net } = two
  await connectDirectly(world, two)
  const bytes = randomBytes(2 * MiB + 1)
  const number = await offer(world, alice, bob, bytes)
  world.heard.length = 0
  await bob.session.accept(number)
  const moved = (): number => bob.disk.downloads.get('a.bin.part')?.bytes.length ?? 0
  await world.until(() => moved() > MiB / 2)
  t.is(put(world) + got(world), 0)
  net.cut()
  await world.passUntil(() => states(alice).at(-1) === 'down')
  await world.passUntil(() => got(world) > 8)
  const first = world.heard.find(({ frame }) => frame.t === 'file.get')?.frame
  t.true(first?.t === 'file.get' && first.i >= 8, 'it goes on where it stopped')
  await connectDirectly(world, two)
  await world.passUntil(() => bob.of('file-done').length === 1)
  t.deepEqual(bob.disk.downloads.get('a.bin')?.bytes, bytes)
  await world.passUntil(() => alice.of('file-answer').at(-1)?.offer.receiver === 'received')
  await stop(alice, bob)
})

test('what was taken back, or would be gone from the server, is not given out', async (t) => {
  const clock = new FakeClock()
  const disk = new MemoryDisk()
  disk.write('/a.bin', randomBytes(100), 1)
  const sent: Transfer = {
    ...{ number: 1, direction: 'out', acct: randomBytes(32), conv: 'c0', mid: 'm0' },
    ...{ fid: randomBytes(16), key: randomBytes(32), name: 'a.bin', size: 100 },
    ...{ sha: randomBytes(32), state: 'done', chunks: 1, path: '/a.bin', modifiedMs: 1 },
    ...{ at: clock.now(), expires: clock.now() + 1000 },
  }
  const all = [sent]
  const serving = new FileServing(disk, clock, () => all)
  const get = (conv = 'c0') => serving.chunk(conv, { t: 'file.get', r: 1, fid: sent.fid, i: 0 })
  const gone = { code: 'E_NOT_FOUND' }
  t.true((await get()).c.length > 100)
  await t.throwsAsync(get('c1'), gone)
  all[0] = { ...sent, state: 'cancelled' }
  await t.throwsAsync(get(), gone)
  all[0] = sent
  clock.advance(1000)
  await t.throwsAsync(get(), gone)
  serving.close()
})

test('the chunks of one person are not asked of another one who names the same file', async (t) => {
  const clock = new FakeClock()
  const disk = new MemoryDisk()
  const bytes = randomBytes(100)
  disk.write('/a.bin', bytes, 1)
  const carols: Transfer = {
    ...{ number: 2, direction: 'in', acct: randomBytes(32), conv: 'carol', mid: 'm2' },
    ...{ fid: randomBytes(16), key: randomBytes(32), name: 'a.bin', size: bytes.length },
    ...{ sha: sha256(bytes), state: 'offered', chunks: 0, at: clock.now() },
    expires: clock.now() + 1000,
  }
  const { fid } = carols
  const serving = new FileServing(disk, clock, () => [
    { ...carols, direction: 'out', path: '/a.bin', modifiedMs: 1 },
  ])
  const asked: string[] = []
  const asks = (who: string) => ({
    request: (name: string) => {
      asked.push(`${name} ${who}`)
      return serving.chunk('carol', { t: 'file.get', r: 1, fid, i: 0 }) as Promise<never>
    },
  })
  let end: (path: string | undefined) => void = () => undefined
  const done = new Promise<string | undefined>((resolve) => {
    end = resolve
  })
  const transfers = await Transfers.open({
    records: createMemoryStore({ clock }).records,
    link: { ...asks('server'), online: true, add: () => undefined },
    ...{ files: disk, clock, log: silentLog, names: { user: () => '', chat: () => '' } },
    way: (conv) => (conv === 'mallory' ? asks('mallory') : null),
    emit: (event) => {
      if (event.type === 'file-done') end(event.offer.path)
    },
    acknowledge: () => Promise.resolve(),
    broken: (error) => {
      end(String(error))
    },
  })
  await transfers.put({ ...carols, number: 1, acct: randomBytes(32), conv: 'mallory' })
  await transfers.put(carols)
  await transfers.start(2)
  t.is(await done, '/downloads/a.bin')
  await transfers.stop()
  serving.close()
  t.deepEqual(asked, ['file.get server'])
})
