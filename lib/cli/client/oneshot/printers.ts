// The two ways in which a one-shot command says what it found.
import type { App } from '../app.ts'
import { chats } from '../chat-commands.ts'
import { runLine } from '../dispatch.ts'
import type { JsonFront } from '../json/json-front.ts'
import type { QuietFront } from './quiet-front.ts'
import type { Printer } from './run.ts'

/** Rows as in the prompt; what was sent goes without saying. */
export function inWords(app: App, front: QuietFront): Printer {
  const aloud = async (work: () => Promise<unknown>): Promise<void> => {
    front.speaks = true
    await work()
    front.speaks = false
  }
  return {
    message: (view) => {
      front.past(view)
    },
    chats: () => aloud(() => chats(app)),
    status: () => aloud(() => runLine(app, '!status')),
    sent: () => undefined,
  }
}

export function inJson(app: App, front: JsonFront): Printer {
  return {
    message: (message) => {
      front.put({ type: 'message', message, fills: false })
    },
    chats: (list) => {
      for (const chat of list) front.put({ type: 'chat', chat })
      return Promise.resolve()
    },
    status: () => {
      front.put({ type: 'status', status: app.requireSession().status() })
      return Promise.resolve()
    },
    sent: (what) => {
      front.put({ type: 'sent', ...what })
    },
  }
}
