// Three people on hosts of their own, a server on a fourth, real processes: they are introduced and talk directly, over IPv4,
// over IPv6 or by turning the roles round, cannot reach each other at all, have a line that loses and delays, and lose the
// cable in the middle of a conversation and of a file. One stage for all: what takes long here is waiting. SLOW=1: the file
// has 100 MiB, and there is more below.
import { createHash, randomBytes } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import test from 'ava'

import { type CastName, startStage } from '../helpers/cast.ts'
import { type Host, Hosts } from '../helpers/hosts.ts'
import { Program, type RunningServer, scratch, startServer } from '../helpers/programs.ts'

const isSlow = process.env['SLOW'] !== undefined
/** Others may run the same on these addresses. */
const BASE = 10_000 + 3 * (process.pid % 7000)
const PORT = { alice: BASE, bob: BASE + 1, carol: BASE + 2 }
const MIB = 2 ** 20

class Place {
  readonly root: string
  readonly hosts: Hosts
  readonly hub: Host
  readonly at: Readonly<Record<CastName, Host>>
  readonly server: RunningServer
  readonly #t: { teardown(fn: () => Promise<unknown>): void }

  private constructor(
    t: { teardown(fn: () => Promise<unknown>): void },
    parts: Pick<Place, 'root' | 'hosts' | 'hub' | 'at' | 'server'>,
  ) {
    this.#t = t
    this.root = parts.root
    this.hosts = parts.hosts
    this.hub = parts.hub
    this.at = parts.at
    this.server = parts.server
  }

  static async create(t: { teardown(fn: () => Promise<unknown>): void }): Promise<Place> {
    const root = await scratch(t)
    const hosts = new Hosts()
    t.teardown(() => {
      hosts.close()
      return Promise.resolve()
    })
    const hub = hosts.add()
    const at = { alice: hosts.add(), bob: hosts.add(), carol: hosts.add() }
    const server = await startStage(t, root, ['--host', hub.ip], hub.prefix)
    return new Place(t, { root, hosts, hub, at, server })
  }

  /** The device of the cast, on its host. `isHidden`: it tells and dials no address of its own networks. */
  async enter(name: CastName, isHidden = false): Promise<Program> {
    const home = join(this.root, name)
    const client = new Program(
      'securechat',
      [
        ...[this.server.uri, '--username', name, '--download-dir', join(home, 'downloads')],
        ...['--direct-port', String(PORT[name]), '--direct-host', this.at[name].ip],
        ...(isHidden ? [] : ['--direct-lan']),
      ],
      { SECURECHAT_HOME: home },
      this.at[name].prefix,
    )
    this.#t.teardown(() => client.kill())
    await client.waitFor(/Signed in/)
    return client
  }
}

const ends: (() => Promise<unknown>)[] = []
const whole = { teardown: (fn: () => Promise<unknown>) => void ends.unshift(fn) }
let stage: Place
let alice: Program

test.before(async () => {
  stage = await Place.create(whole)
  alice = await stage.enter('alice')
})

test.after.always(async () => {
  for (const end of ends) await end()
})

async function befriend(one: Program, name: CastName, other: Program, named: CastName) {
  one.line(`@${named} hello ${named}`)
  await other.waitFor(new RegExp(`^${name}: hello ${named}$`, 'm'))
  other.line(`@${name} hello ${name}`)
  await Promise.all([
    one.waitFor(new RegExp(`^${named}: hello ${name}$`, 'm')),
    one.waitFor(new RegExp(`@${named} accepted`)),
    other.waitFor(new RegExp(`You accepted @${name}`)),
  ])
}

/** How often that was printed. */
function count(program: Program, pattern: RegExp): number {
  return program.all.split(pattern).length - 1
}

async function again(program: Program, pattern: RegExp, before: number): Promise<void> {
  const source = `(?:[\\s\\S]*?${pattern.source}){${String(before + 1)}}`
  await program.waitFor(new RegExp(source))
}

/** The first asks, the second agrees; what `outcome` says comes of it for both. */
async function introduce(
  [one, name]: readonly [Program, CastName],
  [other, named]: readonly [Program, CastName],
  outcome: (user: CastName) => RegExp,
  option = '',
): Promise<void> {
  const asks = new RegExp(`@${name} wants to talk to you directly`)
  const before = {
    asked: count(other, asks),
    one: count(one, outcome(named)),
    other: count(other, outcome(name)),
  }
  one.line(`!direct ${named} ok`)
  await again(other, asks, before.asked)
  other.line(`!direct ${name} yes${option}`)
  await Promise.all([
    again(one, outcome(named), before.one),
    again(other, outcome(name), before.other),
  ])
}

const connected = (user: CastName): RegExp => new RegExp(`You and @${user} talk directly now`)
const stays = (user: CastName): RegExp => new RegExp(`No direct connection with @${user}`)
const ended = (user: CastName): RegExp => new RegExp(`direct connection with @${user} is over`)

/** What was said with this word and a number, in the order of arrival. */
function numbers(program: Program, word: string): number[] {
  return [...program.stdout.matchAll(new RegExp(`^\\w+: ${word} (\\d+)$`, 'gm'))].map((m) =>
    Number(m[1]),
  )
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

function paste(program: Program, to: CastName, word: string, from: number, end: number): void {
  for (const n of upTo(end - from)) program.line(`@${to} ${word} ${String(from + n)}`)
}

function sha(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** The part of a file that is there is longer than so much. */
async function reached(path: string, bytes: number): Promise<void> {
  const length = async (): Promise<number> => (await stat(path).catch(() => null))?.size ?? 0
  for (let tries = 0; (await length()) < bytes; tries++) {
    if (tries > 6000) throw new Error(`${path} does not grow`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

test('addresses are shown first; the cable is pulled in the middle of words and a file', async (t) => {
  const { hosts, at, root } = stage
  t.log(hosts.words)
  let bob = await stage.enter('bob')
  await befriend(alice, 'alice', bob, 'bob')
  alice.line('!direct bob')
  const [shown] = await alice.waitFor(/This tells @bob your address.*/)
  t.true(shown.includes(at.alice.ip), shown)
  await introduce([alice, 'alice'], [bob, 'bob'], connected, ' --leave')
  const [asked] = await bob.waitFor(/@alice wants to talk.*/)
  t.true(asked.includes(`${at.alice.ip}:${String(PORT.alice)}`), asked)
  t.true(asked.includes(at.bob.ip), asked)
  await bob.waitFor(/You have left the server/)
  paste(alice, 'bob', 'word', 0, 20)
  paste(bob, 'alice', 'answer', 0, 20)
  await bob.waitFor(/^alice: word 19$/m)
  await alice.waitFor(/^bob: answer 19$/m)

  const size = isSlow ? 100 * MIB : 6 * MIB
  const narrow = (queueMs: number): void => {
    if (hosts.kind === 'namespaces') hosts.narrow(at.alice, isSlow ? 200 : 40, queueMs)
  }
  narrow(20)
  const content = randomBytes(size)
  const path = join(root, 'big.bin')
  await writeFile(path, content)
  alice.line(`!file bob ${path}`)
  await bob.waitFor(/!accept \d+/)
  bob.line('!accept')
  const target = join(root, 'bob', 'downloads', 'big.bin')
  await reached(`${target}.part`, size / 8)
  narrow(500)
  paste(alice, 'bob', 'word', 20, 25)
  await bob.waitFor(/^alice: word 24$/m)
  await reached(`${target}.part`, size / 4)
  const heard = bob
  if (hosts.kind === 'namespaces') hosts.part(at.alice, at.bob)
  else {
    await bob.kill()
    bob = await stage.enter('bob')
  }
  paste(alice, 'bob', 'word', 25, 40)
  paste(bob, 'alice', 'answer', 20, 40)
  await Promise.all([
    bob.waitFor(/^alice: word 39$/m),
    alice.waitFor(/^bob: answer 39$/m),
    alice.waitFor(ended('bob')),
    bob.waitFor(/big\.bin.*complete and unaltered/),
  ])
  const all =
    heard === bob ? numbers(bob, 'word') : [...numbers(heard, 'word'), ...numbers(bob, 'word')]
  t.deepEqual(all, upTo(40))
  t.deepEqual(numbers(alice, 'answer'), upTo(40))
  t.is(sha(await readFile(target)), sha(content))
})

test('over IPv6; the one who asked cannot be reached: the other one listens; neither: the server', async (t) => {
  const { hosts, at } = stage
  let carol = await stage.enter('carol')
  await befriend(alice, 'alice', carol, 'carol')
  const two = () => [[alice, 'alice'] as const, [carol, 'carol'] as const] as const
  const off = async (): Promise<void> => {
    const before = count(carol, ended('alice'))
    alice.line('!direct off carol')
    await again(carol, ended('alice'), before)
  }
  if (hosts.kind === 'namespaces') {
    hosts.forbidIpv4(at.carol, at.alice, PORT.alice)
    hosts.forbidIpv4(at.alice, at.carol, PORT.carol)
    await introduce(...two(), connected)
    t.notRegex(carol.stdout, /Couldn't reach the host/)
    paste(alice, 'carol', 'word', 0, 10)
    await carol.waitFor(/^alice: word 9$/m)
    await off()
    hosts.forbid(at.carol, at.alice, PORT.alice)
    await introduce(...two(), connected)
    t.regex(carol.stdout, /Couldn't reach the host, trying again\.\.\./)
    paste(alice, 'carol', 'word', 10, 20)
    await carol.waitFor(/^alice: word 19$/m)
    await off()
    hosts.forbid(at.alice, at.carol, PORT.carol)
  } else {
    t.log('loopback addresses always reach each other: who hides his address stands for the rest')
    await introduce(...two(), connected)
    paste(alice, 'carol', 'word', 0, 20)
    await carol.waitFor(/^alice: word 19$/m)
    carol.end()
    await carol.exited
    const heard = numbers(carol, 'word')
    t.deepEqual(heard, upTo(20))
    carol = await stage.enter('carol', true)
  }
  const before = numbers(carol, 'word')
  const failing = introduce(...two(), stays)
  paste(alice, 'carol', 'word', 20, 30)
  await carol.waitFor(/^alice: word 29$/m)
  await failing
  t.deepEqual([...(before.length > 0 ? [] : upTo(20)), ...numbers(carol, 'word')], upTo(30))
})

if (isSlow) {
  test.serial(
    'both have left the server, which is killed: they talk on, and come back to it',
    async (t) => {
      const place = await Place.create(t)
      const { server, hub, hosts, at } = place
      const [one, other] = [await place.enter('alice'), await place.enter('bob')]
      await befriend(one, 'alice', other, 'bob')
      one.line('!direct bob ok --leave')
      await other.waitFor(/@alice wants to talk/)
      other.line('!direct alice yes --leave')
      await Promise.all([one, other].map((each) => each.waitFor(/You have left the server/)))
      await server.program.kill()
      paste(one, 'bob', 'word', 0, 40)
      paste(other, 'alice', 'answer', 0, 40)
      await other.waitFor(/^alice: word 39$/m)
      await one.waitFor(/^bob: answer 39$/m)
      if (hosts.kind === 'namespaces') hosts.part(at.alice, at.bob)
      else one.line('!direct off')
      paste(one, 'bob', 'word', 40, 60)
      await startServer(
        t,
        server.home,
        ['--host', hub.ip, '--port', String(server.port)],
        hub.prefix,
      )
      await other.waitFor(/^alice: word 59$/m)
      t.deepEqual(numbers(other, 'word'), upTo(60))
      t.deepEqual(numbers(one, 'answer'), upTo(40))
    },
  )
}
