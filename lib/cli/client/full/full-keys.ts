// The keys of the full screen that the line being typed does not get.
import type { Key } from '../keys.ts'

export type FullAction =
  /** Pages of the transcript, back or forth. */
  | { readonly do: 'page'; readonly by: -1 | 1 }
  /** To the newest row. */
  | { readonly do: 'bottom' }
  /** To the chat above or below in the list. */
  | { readonly do: 'step'; readonly by: -1 | 1 }
  /** To the chat of this number; 0: everything. */
  | { readonly do: 'open'; readonly number: number }
  /** To the next chat with something unread. */
  | { readonly do: 'unread' }

const ACTIONS: Readonly<Record<string, FullAction>> = {
  pageup: { do: 'page', by: -1 },
  pagedown: { do: 'page', by: 1 },
  'ctrl-end': { do: 'bottom' },
  'alt-up': { do: 'step', by: -1 },
  'alt-down': { do: 'step', by: 1 },
  'ctrl-n': { do: 'unread' },
}

export function fullAction(key: Key): FullAction | null {
  if (key.type !== 'key') return null
  const name = `${key.ctrl ? 'ctrl-' : ''}${key.alt ? 'alt-' : ''}${key.name}`
  const [, digit] = /^alt-(\d)$/.exec(name) ?? []
  if (digit !== undefined) return { do: 'open', number: Number(digit) }
  return ACTIONS[name] ?? null
}
