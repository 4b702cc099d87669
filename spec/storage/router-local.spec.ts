import test from 'ava'

import { createLocalRouter } from '../../lib/storage/router-local.ts'
import { bytes, text, turns } from './helpers.ts'

test('what is published reaches everybody attached to the box, in order, and nobody else', async (t) => {
  const router = createLocalRouter()
  const got: string[] = []
  const hear = (who: string) => (message: Uint8Array) => {
    got.push(`${who}${text(message)}`)
  }
  t.is(await router.publish('a', bytes('0')), 'absent')
  await router.attach('a', hear('x'))
  const detach = await router.attach('a', hear('y'))
  await router.attach('aa', hear('z'))
  t.is(await router.publish('a', bytes('1')), 'sent')
  t.is(await router.publish('a', bytes('2')), 'sent')
  await turns()
  t.deepEqual(got, ['x1', 'y1', 'x2', 'y2'])
  await detach()
  await router.publish('a', bytes('3'))
  await turns()
  t.deepEqual(got.slice(4), ['x3'])
})

test('the last to detach leaves the box absent; a second detach does nothing', async (t) => {
  const router = createLocalRouter()
  const detach = await router.attach('a', () => undefined)
  await detach()
  t.is(await router.publish('a', bytes('')), 'absent')
  const again = await router.attach('a', () => undefined)
  await detach()
  t.is(await router.publish('a', bytes('')), 'sent')
  await again()
})

test('the same function can be attached twice and detached once', async (t) => {
  const router = createLocalRouter()
  let count = 0
  const on = (): void => {
    count++
  }
  const detach = await router.attach('a', on)
  await router.attach('a', on)
  await router.publish('a', bytes(''))
  await turns()
  t.is(count, 2)
  await detach()
  await router.publish('a', bytes(''))
  await turns()
  t.is(count, 3)
})

test('what was on its way to somebody who detached is not delivered', async (t) => {
  const router = createLocalRouter()
  const detach = await router.attach('a', () => {
    t.fail()
  })
  const publishing = router.publish('a', bytes(''))
  await Promise.all([detach(), publishing])
  await turns()
  t.pass()
})

test('a publisher is not re-entered from its own call; after close nobody is there', async (t) => {
  const router = createLocalRouter()
  let isPublishing = false
  await router.attach('a', () => {
    t.false(isPublishing)
  })
  isPublishing = true
  const publishing = router.publish('a', bytes(''))
  isPublishing = false
  await publishing
  await router.close()
  t.is(await router.publish('a', bytes('')), 'absent')
})
