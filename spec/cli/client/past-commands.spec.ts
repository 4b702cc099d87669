// `!history` while the history comes back from the server: what this device does not have yet is fetched first.
import test from 'ava'

import type { ArchiveApi } from '../../../lib/client/archive-api.ts'
import type { ClientEvent, ConnectionState, RestoreProgress } from '../../../lib/client/events.ts'
import type { Life } from '../../../lib/client/life-api.ts'
import { runLine } from '../../../lib/cli/client/dispatch.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'
import { ALICE, fakeApp, type FakeApp, type FakeFront } from '../../helpers/fake-front.ts'

interface Scene extends FakeApp {
  readonly clock: FakeClock
  /** How often pages were read. */
  readonly pages: () => number
  readonly isBack: () => void
  readonly tell: (event: ClientEvent) => void
  readonly listening: () => number
}

function scene(state: ConnectionState['state']): Scene {
  let restore: RestoreProgress = { restored: 3, expected: 10, done: false }
  let pages = 0
  let isBack = (): void => undefined
  const listeners = new Set<(event: ClientEvent) => void>()
  const back = new Promise<RestoreProgress>((resolve) => {
    isBack = () => {
      restore = { restored: 10, expected: 10, done: true }
      resolve(restore)
    }
  })
  const fake = fakeApp({
    status: () => ({ connection: { state }, queued: 0, held: 0 }) as never,
    history: () => {
      pages += 1
      return Promise.resolve([])
    },
    on: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    life: { contactOf: () => Promise.resolve(ALICE) } as unknown as Life,
    archive: { status: () => ({ restore }), restored: () => back } as unknown as ArchiveApi,
  })
  const clock = new FakeClock()
  Object.assign(fake.app.deps, { clock })
  return {
    ...fake,
    clock,
    pages: () => pages,
    isBack,
    tell: (event) => {
      for (const listener of listeners) listener(event)
    },
    listening: () => listeners.size,
  }
}

const said = (front: FakeFront): string => front.said.join('\n')
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('it waits for the rest, and then prints', async (t) => {
  const { app, front, pages, isBack, listening } = scene('online')
  const before = listening()
  const done = runLine(app, '!history alice')
  await turn()
  t.is(pages(), 0)
  t.true(said(front).includes('3 of about 10 messages. The rest is fetched first.'))
  isBack()
  t.is(await done, null)
  t.is(pages(), 1)
  t.false(said(front).includes('Older lines follow'))
  t.is(listening(), before)
})

test('when the connection goes, what is there is printed, and it is said that there is more', async (t) => {
  const { app, front, pages, tell } = scene('online')
  const done = runLine(app, '!history alice')
  await turn()
  tell({ type: 'connection', connection: { state: 'online' } as ConnectionState })
  await turn()
  t.is(pages(), 0)
  tell({ type: 'connection', connection: { state: 'offline' } as ConnectionState })
  t.is(await done, null)
  t.is(pages(), 1)
  t.true(said(front).includes('Older lines follow by themselves.'))
})

test('without a connection nothing is waited for', async (t) => {
  const { app, front, pages } = scene('offline')
  t.is(await runLine(app, '!history alice'), null)
  t.is(pages(), 1)
  t.true(said(front).includes('Older lines follow by themselves.'))
})

test('a server that gives nothing keeps nobody from what is here', async (t) => {
  const { app, clock, pages, tell } = scene('online')
  const done = runLine(app, '!history alice')
  await turn()
  clock.advance(15_000)
  tell({ type: 'restore', progress: { restored: 4, expected: 10, done: false } })
  clock.advance(15_000)
  await turn()
  t.is(pages(), 0, 'as long as something comes')
  clock.advance(6000)
  t.is(await done, null)
  t.is(pages(), 1)
})
