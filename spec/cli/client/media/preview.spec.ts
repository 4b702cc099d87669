// When a picture is shown: at once when it has come and this is wanted, or when asked for.
import test from 'ava'

import type { MessageView, Offer } from '../../../../lib/client/events.ts'
import { runLine } from '../../../../lib/cli/client/dispatch.ts'
import { SecureChatError } from '../../../../lib/util/errors.ts'
import { type FakeApp, fakeApp, OFFER } from '../../../helpers/fake-front.ts'

const DONE: Offer = { ...OFFER, state: 'done', name: 'a.png', path: '/d/a.png' }

function world(choice = 'on', failure?: SecureChatError): { kit: FakeApp; shown: string[] } {
  const shown: string[] = []
  const life = { isMuted: () => false, choice: () => choice, shown: () => Promise.resolve() }
  const message = (number: number): Promise<MessageView | null> => {
    const body = { kind: 'file', offer: 3, name: 'a.png', size: 9 }
    return Promise.resolve(number === 75 ? ({ number, body } as MessageView) : null)
  }
  const kit = fakeApp({ life: life as never, files: () => Promise.resolve([DONE]), message })
  kit.front.pictures = {
    show: (path) => {
      shown.push(path)
      return failure === undefined ? Promise.resolve() : Promise.reject(failure)
    },
    close: () => undefined,
  }
  return { kit, shown }
}

test('a file that has come is shown, one of ours is not', (t) => {
  const { kit, shown } = world()
  kit.emit({ type: 'file-done', offer: DONE })
  kit.emit({ type: 'file-done', offer: { ...DONE, direction: 'out' } })
  t.deepEqual(shown, ['/d/a.png'])
})

test('!set preview off: only when asked', async (t) => {
  const { kit, shown } = world('off')
  kit.emit({ type: 'file-done', offer: DONE })
  t.deepEqual(shown, [])
  t.is(await runLine(kit.app, '!show 3'), null)
  t.deepEqual(shown, ['/d/a.png'])
  t.is(kit.front.said.at(-1), '* [3] a.png (2.1 MB)')
})

test('a file that is no picture says so only to who asks', async (t) => {
  const { kit } = world('on', new SecureChatError('E_FORMAT', 'This is no PNG, JPEG or GIF.'))
  kit.emit({ type: 'file-done', offer: DONE })
  await Promise.resolve()
  t.is(kit.front.said.filter((row) => row.startsWith('!')).length, 0)
  t.is((await runLine(kit.app, '!show 3'))?.code, 'E_FORMAT')
})

test('the number of its line in the chat does as well', async (t) => {
  const { kit, shown } = world()
  t.is(await runLine(kit.app, '!show 75'), null)
  t.deepEqual(shown, ['/d/a.png'])
  t.is((await runLine(kit.app, '!show 76'))?.code, 'E_NOT_FOUND')
})

test('a front without pictures names the file', async (t) => {
  const { kit } = world()
  kit.front.pictures = undefined
  kit.emit({ type: 'file-done', offer: DONE })
  const error = await runLine(kit.app, '!show 3')
  t.is(error?.code, 'E_USAGE')
  t.regex(error?.message ?? '', /\/d\/a\.png/)
})
