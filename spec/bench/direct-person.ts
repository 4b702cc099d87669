// One of two people under test: a real messenger over real folders, in a process of its own, that does what it is told.
// `direct-person.ts HOME PORT NAME PEER`
import { createDirectPort } from '../../lib/cli/client/direct-port.ts'
import { connect } from '../../lib/client/connect.ts'
import type { ClientEvent } from '../../lib/client/events.ts'
import { PASSWORD } from '../helpers/programs.ts'
import { realDeps } from '../helpers/real-client.ts'
import { sleep } from './process.ts'

export type Order =
  /** Done when both may write to each other. */
  | { readonly do: 'greet' }
  /** Done when both say that they are connected directly, and when they are not any more. */
  | { readonly do: 'connect' }
  | { readonly do: 'part' }
  /** Each waits for the echo of the one before. */
  | { readonly do: 'rounds'; readonly count: number; readonly pauseMs: number }
  /** All at once; done when all are accepted. */
  | { readonly do: 'say'; readonly count: number }
  /** Done when so many more were said to this one. */
  | { readonly do: 'hear'; readonly count: number }
  | { readonly do: 'offer'; readonly path: string }
  /** Done when the next file is here. */
  | { readonly do: 'receive' }

/** Messages that are on the way to the outbox at a time. */
const WIDTH = 64
const TEXT = 'x'.repeat(256)

const [home = '', port = '', name = '', peer = ''] = process.argv.slice(2)
const lobby = await connect(
  { ...realDeps(home), direct: createDirectPort({ port: 0, host: undefined, lan: true }) },
  { host: '127.0.0.1', port: Number(port) },
)
const { session } = await lobby.register({ username: name, password: PASSWORD })

const waiting = new Set<(event: ClientEvent) => void>()
session.on((event) => {
  if (event.type === 'message' && !event.message.own) {
    const { body } = event.message
    if (body.kind === 'text' && body.text === 'ping') void session.send(peer, 'pong')
  }
  for (const each of [...waiting]) each(event)
})

/** Resolves with the first event for which it is true. */
function until(isIt: (event: ClientEvent) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const each = (event: ClientEvent): void => {
      if (!isIt(event)) return
      waiting.delete(each)
      resolve()
    }
    waiting.add(each)
  })
}

function isSaid(event: ClientEvent, text?: string): boolean {
  if (event.type !== 'message' || event.message.own) return false
  const { body } = event.message
  return body.kind === 'text' && (text === undefined || body.text === text)
}

async function rounds(count: number, pauseMs: number): Promise<number[]> {
  const all: number[] = []
  for (let n = 0; n < count; n++) {
    const echo = until((event) => isSaid(event, 'pong'))
    const from = performance.now()
    await session.send(peer, 'ping')
    await echo
    all.push(performance.now() - from)
    await sleep(pauseMs)
  }
  return all
}

async function say(count: number): Promise<void> {
  let left = count
  const lane = async (): Promise<void> => {
    while (left-- > 0) await session.send(peer, TEXT)
  }
  await Promise.all(Array.from({ length: WIDTH }, lane))
  await session.settled()
}

async function greet(): Promise<void> {
  const isAccepted = (): boolean => session.contacts().some((c) => c.user === peer && c.accepted)
  await session.send(peer, 'hello')
  while (!isAccepted()) await sleep(20)
  await session.direct.setRule(peer, 'always')
}

async function obey(order: Order): Promise<unknown> {
  const becomes = (state: 'up' | 'down'): Promise<void> =>
    until((event) => event.type === 'direct' && event.direct.state === state)
  switch (order.do) {
    case 'greet':
      return greet()
    case 'connect': {
      const up = becomes('up')
      await session.direct.offer(peer)
      return up
    }
    case 'part': {
      const down = becomes('down')
      await session.direct.off(peer)
      return down
    }
    case 'rounds':
      return rounds(order.count, order.pauseMs)
    case 'say':
      return say(order.count)
    case 'hear': {
      let left = order.count
      return until((event) => isSaid(event, TEXT) && --left === 0)
    }
    case 'offer':
      return session.offerFile(peer, order.path)
    case 'receive': {
      const done = until((event) => event.type === 'file-done')
      await until((event) => {
        if (event.type !== 'file-offer') return false
        void session.accept(event.offer.number)
        return true
      })
      return done
    }
  }
}

process.on('message', ({ id, order }: { readonly id: number; readonly order: Order }) => {
  obey(order).then(
    (answer) => process.send?.({ id, answer }),
    (error: unknown) => {
      console.error(name, order, error)
      process.exit(1)
    },
  )
})
process.on('disconnect', () => process.exit(0))
process.send?.({})
