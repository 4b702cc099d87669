// Two people on hosts of their own, a server on a third, real processes: they are introduced, talk directly, cannot be reached,
// lose the cable in the middle of a conversation.
import { join } from 'node:path'

import test, { type ExecutionContext } from 'ava'

import { type Host, Hosts } from '../helpers/hosts.ts'
import { PASSWORD, Program, scratch } from '../helpers/programs.ts'

const PORT = { alice: 7741, bob: 7742 }

interface Place {
  readonly root: string
  readonly hosts: Hosts
  readonly at: { readonly alice: Host; readonly bob: Host }
  readonly alice: Program
  readonly bob: Program
  readonly server: Program
}

/** Two who have accepted each other. */
async function place(t: ExecutionContext): Promise<Place> {
  const root = await scratch(t)
  const hosts = new Hosts(t)
  const [hub, alice, bob] = [hosts.add(), hosts.add(), hosts.add()]
  const args = ['--host', hub.ip, '--port', '0']
  const env = { SECURECHAT_HOME: join(root, 'server') }
  const server = new Program('securechat-server', args, env, hub.prefix)
  t.teardown(() => server.kill())
  const [uri] = await server.waitFor(/securechat:\/\/[^\s:]+:\d+\/#[a-z2-7]+/)
  const at = { alice, bob }
  const [a, b] = await Promise.all([
    enter(t, root, uri, at.alice, 'alice'),
    enter(t, root, uri, at.bob, 'bob'),
  ])
  a.line('@bob hello bob')
  await b.waitFor(/^alice: hello bob$/m)
  b.line('@alice hello alice')
  await a.waitFor(/^bob: hello alice$/m)
  return { root, hosts, at, alice: a, bob: b, server }
}

async function enter(
  t: ExecutionContext,
  root: string,
  uri: string,
  host: Host,
  name: 'alice' | 'bob',
): Promise<Program> {
  const home = join(root, name)
  const args = [
    ...[uri, '--register', '--username', name, '--download-dir', join(home, 'downloads')],
    ...['--direct-lan', '--direct-port', String(PORT[name]), '--direct-host', host.ip],
  ]
  const env = { SECURECHAT_HOME: home, SECURECHAT_PASSWORD: PASSWORD }
  const client = new Program('securechat', args, env, host.prefix)
  t.teardown(() => client.kill())
  await client.waitFor(/Welcome|Signed in/)
  return client
}

async function connect({ alice, bob }: Place, option = ''): Promise<void> {
  alice.line(`!direct bob ok${option}`)
  await bob.waitFor(/wants to talk to you directly/)
  bob.line(`!direct alice yes${option}`)
  await Promise.all([alice, bob].map((each) => each.waitFor(/talk directly now/)))
}

/** What was said with this word and a number, in the order of arrival. */
function numbers(program: Program, word: string): number[] {
  return [...program.stdout.matchAll(new RegExp(`^\\w+: ${word} (\\d+)$`, 'gm'))].map((m) =>
    Number(m[1]),
  )
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

function paste(program: Program, to: string, word: string, from: number, end: number): void {
  for (const n of upTo(end - from)) program.line(`@${to} ${word} ${String(from + n)}`)
}

test.serial('addresses are shown first; then they talk without a server', async (t) => {
  const here = await place(t)
  const { alice, bob, server, at } = here
  alice.line('!direct bob')
  const [shown] = await alice.waitFor(/This tells @bob your address.*/)
  t.true(shown.includes(at.alice.ip), shown)
  await connect(here, ' --leave')
  const [asked] = await bob.waitFor(/@alice wants to talk.*/)
  t.true(asked.includes(`${at.alice.ip}:${String(PORT.alice)}`), asked)
  t.true(asked.includes(at.bob.ip), asked)
  await Promise.all([alice, bob].map((each) => each.waitFor(/You have left the server/)))
  await server.kill()
  paste(alice, 'bob', 'word', 0, 40)
  paste(bob, 'alice', 'answer', 0, 40)
  await bob.waitFor(/^alice: word 39$/m)
  await alice.waitFor(/^bob: answer 39$/m)
  t.deepEqual(numbers(bob, 'word'), upTo(40))
  t.deepEqual(numbers(alice, 'answer'), upTo(40))
})

test.serial('the host cannot be reached: the other one listens; neither: the server', async (t) => {
  const here = await place(t)
  const { alice, bob, hosts, at } = here
  if (hosts.kind === 'loopback') {
    t.log(
      'every loopback address reaches every other: what is left is tested in spec/client/direct.spec.ts',
    )
    await connect(here)
    t.pass()
    return
  }
  hosts.forbid(at.bob, at.alice, PORT.alice)
  await connect(here)
  t.regex(bob.stdout, /Couldn't reach the host, trying again\.\.\./)
  paste(alice, 'bob', 'word', 0, 10)
  await bob.waitFor(/^alice: word 9$/m)
  alice.line('!direct off bob')
  await bob.waitFor(/direct connection with @alice is over/)
  hosts.forbid(at.alice, at.bob, PORT.bob)
  alice.line('!direct bob ok')
  await bob.waitFor(/wants to talk to you directly[\s\S]*wants to talk to you directly/)
  bob.line('!direct alice yes')
  paste(alice, 'bob', 'word', 10, 20)
  await Promise.all([alice, bob].map((each) => each.waitFor(/No direct connection with/)))
  await bob.waitFor(/^alice: word 19$/m)
  t.deepEqual(numbers(bob, 'word'), upTo(20))
})

test.serial('the cable is pulled in the middle of a conversation', async (t) => {
  const here = await place(t)
  const { alice, bob, hosts, at } = here
  await connect(here, ' --leave')
  await Promise.all([alice, bob].map((each) => each.waitFor(/You have left the server/)))
  paste(alice, 'bob', 'word', 0, 20)
  await bob.waitFor(/^alice: word 4$/m)
  if (hosts.kind === 'namespaces') hosts.part(at.alice, at.bob)
  else alice.line('!direct off bob')
  paste(alice, 'bob', 'word', 20, 40)
  paste(bob, 'alice', 'answer', 0, 20)
  await bob.waitFor(/^alice: word 39$/m)
  await alice.waitFor(/^bob: answer 19$/m)
  t.deepEqual(numbers(bob, 'word'), upTo(40))
  t.deepEqual(numbers(alice, 'answer'), upTo(20))
})
