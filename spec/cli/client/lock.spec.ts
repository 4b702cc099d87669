// The lock: what was shown and typed is gone, only the password leads back, and nobody gets past it by giving up.
import test from 'ava'

import type { Session, Unauthenticated } from '../../../lib/client/api.ts'
import type { ClientDeps } from '../../../lib/client/ports.ts'
import { App } from '../../../lib/cli/client/app.ts'
import { runLine } from '../../../lib/cli/client/dispatch.ts'
import type { Forms } from '../../../lib/cli/client/front.ts'
import { IdleLock } from '../../../lib/cli/client/idle-lock.ts'
import { notice } from '../../../lib/cli/client/rows.ts'
import { SecureChatError } from '../../../lib/util/errors.ts'
import { silentLog } from '../../../lib/util/log.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { FakeFront } from '../../helpers/fake-front.ts'
import { FakeTerminal, KEY } from './fake-terminal.ts'

interface Locked {
  readonly app: App
  readonly front: FakeFront & { conceal(): void }
  readonly log: string[]
}

class ConcealingFront extends FakeFront {
  override attended = true
  readonly #log: string[]
  constructor(log: string[]) {
    super()
    this.#log = log
  }
  conceal(): void {
    this.#log.push('conceal')
  }
}

/** `typed`: at the password questions, in turn; then the person gives up. */
function locked(typed: readonly string[], stays = true): Locked {
  const log: string[] = []
  const front = new ConcealingFront(log)
  const left = [...typed]
  front.forms = {
    password: () => {
      const next = left.shift()
      return next === undefined
        ? Promise.reject(new SecureChatError('E_CANCELLED', 'Cancelled.'))
        : Promise.resolve(next)
    },
  } as unknown as Forms
  const session = {
    me: { user: 'bob' },
    on: () => () => undefined,
    notebook: { read: () => Promise.resolve(null) },
    staysSignedIn: () => Promise.resolve(stays),
    logout: () => Promise.resolve(void log.push('logout')),
  } as unknown as Session
  const lobby = {
    closed: new Promise(() => undefined),
    login: ({ username, password, lock }: Record<string, string>) => {
      log.push(`login ${String(username)} ${String(password)} ${String(lock)}`)
      return password === 'right'
        ? Promise.resolve(session)
        : Promise.reject(new SecureChatError('E_AUTH', 'Wrong username or password.'))
    },
  } as unknown as Unauthenticated
  const app = new App({
    connect: () => Promise.resolve(lobby),
    deps: { clock: { now: () => 0 }, log: silentLog } as unknown as ClientDeps,
    front,
    lock: false,
    present: () => undefined,
    quit: () => log.push('quit'),
    sleep: () => Promise.resolve(),
  })
  return { app, front, log }
}

async function enter({ app }: Locked): Promise<void> {
  await app.connect({ host: 'h', port: 1 })
  app.enter(await app.lobby().then((lobby) => lobby.login({ username: 'bob', password: 'right' })))
}

test('locked: signed out, concealed, and asked until it is the password', async (t) => {
  const it = locked(['', 'wrong', 'right'])
  await enter(it)
  it.log.length = 0
  t.is(await runLine(it.app, '!lock'), null)
  t.deepEqual(it.log, ['logout', 'conceal', 'login bob wrong device', 'login bob right device'])
  t.true(it.front.said.includes('! Wrong username or password.'))
  t.is(it.app.session?.me.user, 'bob')
})

test('a device that asks at each launch goes on to do so', async (t) => {
  const it = locked(['right'], false)
  await enter(it)
  await runLine(it.app, '!lock')
  t.is(it.log.at(-1), 'login bob right password')
})

test('giving up ends the program and opens nothing', async (t) => {
  const it = locked(['wrong'])
  await enter(it)
  await runLine(it.app, '!lock')
  t.is(it.log.at(-1), 'quit')
  t.is(it.app.session, null)
})

test('without a screen there is nothing to lock, and nobody is logged out', async (t) => {
  const it = locked([])
  it.front.attended = false
  await enter(it)
  it.log.length = 0
  t.is((await runLine(it.app, '!lock'))?.code, 'E_STATE')
  t.deepEqual(it.log, [])
})

test('nothing that was shown or typed is left in the terminal', async (t) => {
  const x = new FakeTerminal({ rows: 6 })
  for (let i = 0; i < 20; i++) x.ui.print(notice('*', `secret ${String(i)}`))
  x.ui.message({ time: '12:04', who: 'me @bob', body: 'secret' }, { id: '1', state: 'queued' })
  await x.type(`secret line${KEY.enter}secret half`)
  x.ui.conceal()
  await x.settled()
  t.is(x.all().trim(), 'me >')
  await x.type(KEY.up + KEY.ctrl('y'))
  await x.resize(30, 8)
  await x.type(KEY.ctrl('l'))
  t.false(x.all().includes('secret'))
  t.false(x.ui.setTick('1', 'read'))
})

test('nothing is left behind a form either', async (t) => {
  const x = new FakeTerminal({ rows: 6 })
  x.ui.print(notice('*', 'secret'))
  await x.settled()
  let done: () => void = () => undefined
  const form = x.ui.modal(() => new Promise<void>((resolve) => (done = resolve)))
  await x.settled()
  x.ui.conceal()
  await x.settled()
  t.false(x.all().includes('secret'))
  done()
  await form
  await x.settled()
  t.is(x.all().trim(), 'me >')
})

test('the window locks itself after the time without a key, not before', (t) => {
  const clock = new FakeClock()
  let lastKey = 0
  let locks = 0
  const idle = new IdleLock({
    clock,
    idleMs: () => clock.monotonic() - lastKey,
    lock: () => locks++,
  })
  idle.arm(60_000)
  clock.advance(50_000)
  lastKey = clock.monotonic()
  clock.advance(59_900)
  t.is(locks, 0)
  clock.advance(200)
  t.is(locks, 1)
  clock.advance(600_000)
  t.is(locks, 1)
  idle.arm(60_000)
  clock.advance(59_900)
  t.is(locks, 1, 'a time without keys from before it was set does not count')
  idle.arm(0)
  clock.advance(600_000)
  t.is(locks, 1)
  t.is(clock.pending, 0)
})
