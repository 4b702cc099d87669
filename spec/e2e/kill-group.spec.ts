// kill -9 and SIGTERM of the server while everybody writes to a group: all lines reach all members, once, in one order.
import { join } from 'node:path'

import test from 'ava'

import type { Session } from '../../lib/client/api.ts'
import { startStage } from '../helpers/cast.ts'
import { Program, scratch } from '../helpers/programs.ts'
import { resumeReal } from '../helpers/real-client.ts'

/** SLOW=1 for the twenty of a release. */
const KILLS = process.env['SLOW'] === undefined ? 3 : 20
const NAMES = ['alice', 'bob', 'carol'] as const
const pause = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms)
  })

/** Until it is so, for a minute at most. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 600 && !(await isSo()); i++) await pause(100)
}

async function linesOf(session: Session): Promise<string[]> {
  const rows = await session.history('#team', { limit: 10_000 })
  return rows.flatMap(({ from, body }) => {
    if (body.kind === 'group') return []
    return [body.kind === 'text' ? `${from}: ${body.text}` : `${from}: [${body.kind}]`]
  })
}

async function befriend(one: Session, other: Session): Promise<void> {
  await one.send(other.me.user, 'hi')
  const { user } = one.me
  await until(() => other.contacts().some((contact) => contact.user === user))
  await other.acceptContact(user)
  await until(() => one.contacts().some((c) => c.user === other.me.user && c.accepted))
}

test.serial('the server, while all write to a group', async (t) => {
  t.timeout(1_800_000)
  const root = await scratch(t)
  const first = await startStage(t, root)
  const { port } = first
  const sessions = await Promise.all(NAMES.map((name) => resumeReal(join(root, name), port)))
  t.teardown(() => Promise.all(sessions.map((session) => session.close())))
  const notices: string[] = []
  for (const session of sessions) {
    session.on((event) => {
      if (event.type === 'notice') notices.push(`${session.me.user}: ${event.text}`)
    })
  }
  const [alice, bob, carol] = sessions as [Session, Session, Session]
  await befriend(alice, bob)
  await befriend(alice, carol)
  await befriend(bob, carol)
  await alice.groups.create('team', ['bob', 'carol'])
  await until(() => [bob, carol].every((s) => s.groups.list().length > 0))

  let server = first.program
  let count = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const isDone = Promise.all(
      sessions.map(async (session) => {
        for (let i = 0; i < 20; i++) {
          await session.send('#team', `${String(kill)}.${String(i)}`)
          await pause(Math.random() * 40)
        }
      }),
    )
    count += 20 * sessions.length
    await pause(100 + Math.random() * 400)
    await server.kill(kill % 2 === 1 ? 'SIGTERM' : 'SIGKILL')
    server = new Program('securechat-server', ['--host', '127.0.0.1', '--port', String(port)], {
      SECURECHAT_HOME: join(root, 'server'),
    })
    const running = server
    t.teardown(() => running.kill())
    await server.waitFor(/securechat:\/\//)
    for (const session of sessions) session.reconnect()
    await isDone
  }
  await Promise.all(sessions.map((session) => session.settled()))
  await until(async () => {
    const all = await Promise.all(sessions.map(linesOf))
    return all.every(({ length }) => length >= count)
  })
  const [expected = [], ...others] = await Promise.all(sessions.map(linesOf))
  t.is(expected.length, count)
  for (const other of others) t.deepEqual(other, expected)
  t.deepEqual(notices, [])
})
