// The Router of a server that runs as one process: a table of callbacks.
import type { Bytes } from '../util/bytes.ts'
import type { Router } from './ports.ts'

export function createLocalRouter(): Router {
  const attached = new Map<string, Set<(message: Bytes) => void>>()
  return {
    attach: (box, on) => {
      // a wrapper of its own, so that the same function can be attached twice and detached once
      const deliver = (message: Bytes): void => {
        on(message)
      }
      const all = attached.get(box) ?? new Set()
      attached.set(box, all.add(deliver))
      return Promise.resolve(() => {
        all.delete(deliver)
        if (all.size === 0 && attached.get(box) === all) attached.delete(box)
        return Promise.resolve()
      })
    },
    // microtasks keep the order of publishing, and the publisher is never re-entered from its own call
    publish: (box, message) => {
      const all = attached.get(box)
      if (all === undefined) return Promise.resolve('absent')
      for (const deliver of all) {
        queueMicrotask(() => {
          if (all.has(deliver)) deliver(message)
        })
      }
      return Promise.resolve('sent')
    },
    close: () => {
      attached.clear()
      return Promise.resolve()
    },
  }
}
