// What a front end is told when rows were stored: a new line, or what was done to lines that are there.
import type { ClientEvent, MessageChange } from '../events.ts'
import type { Inserted } from './message-log.ts'
import type { Change } from './marks.ts'
import type { MessageRow } from './row.ts'
import { bodyOf, type Names, viewOf } from './view.ts'

/** `fills`: the row took the place of a placeholder. */
export function eventsOf(inserted: Inserted, fills: boolean, names: Names): ClientEvent[] {
  const { row, change, touched = [], answers } = inserted
  if (row.aside === undefined) {
    return row.withheld === true
      ? []
      : [{ type: 'message', message: viewOf(row, names, answers), fills }]
  }
  if (change === undefined) return []
  return touched.map(({ before, after }) => ({
    type: 'message-change',
    change: nameOf(change),
    message: viewOf(after, names),
    was: bodyOf(before, names),
    by: names.user(row.acct),
    own: row.own,
    ...(change.kind === 'react' ? { emoji: change.emoji } : {}),
  }))
}

/** A placeholder that stood for a receipt or the like goes. */
export function noMessage(row: MessageRow, names: Names): ClientEvent {
  const text = `What could not be read from @${names.user(row.acct)} was no message: nothing is missing.`
  return { type: 'notice', level: 'info', code: null, text }
}

function nameOf(change: Change): MessageChange {
  switch (change.kind) {
    case 'edit':
      return 'edited'
    case 'del':
      return 'deleted'
    case 'react':
      return change.off ? 'unreacted' : 'reacted'
  }
}
