// Finds words in what was said, newest first. The store hands over only rows in whose bytes the words could be, and between
// blocks of rows keystrokes and mail are served.
import { decodePayload } from '../../protocol/payloads.ts'
import { sleep } from '../../util/clock.ts'
import { fail } from '../../util/errors.ts'
import type { MessageView } from '../events.ts'
import type { SearchHit, SearchQuery } from '../life-api.ts'
import type { MessageRow } from '../messages/row.ts'
import { saidAt } from '../messages/timing.ts'
import { viewOf } from '../messages/view.ts'
import type { Core } from './core.ts'

const LIMIT = 50
const LIMIT_MAX = 1000
const CONTEXT_MAX = 20

export async function search(
  core: Core,
  text: string,
  conv: string | null,
  query: SearchQuery,
): Promise<SearchHit[]> {
  const needle = folded(text.trim())
  if (needle === '') fail('E_USAGE', 'What are you looking for? Example: !search invoice')
  const limit = Math.min(LIMIT_MAX, query.limit ?? LIMIT)
  const context = Math.min(CONTEXT_MAX, query.context ?? 0)
  const { since = 0, until = Infinity } = query
  const hits: SearchHit[] = []
  for await (const rows of core.messages.scan(conv, needle)) {
    for (const row of rows) {
      if (row.withheld === true || saidAt(row) < since || saidAt(row) >= until) continue
      if (!folded(wordsOf(row)).includes(needle)) continue
      hits.push(await hit(core, row, context))
      if (hits.length >= limit) return hits
    }
    await sleep(core.clock, 0)
  }
  return hits
}

async function hit(core: Core, row: MessageRow, context: number): Promise<SearchHit> {
  const { messages, names } = core
  const view = async (each: MessageRow): Promise<MessageView> =>
    viewOf(each, names, await core.answeredBy(each))
  const [before, after] =
    context === 0
      ? [[], []]
      : await Promise.all([
          messages.page(row.conv, row.number, context),
          messages.after(row.conv, row.number, context),
        ])
  return {
    message: await view(row),
    before: await Promise.all(before.map(view)),
    after: await Promise.all(after.map(view)),
  }
}

/** What of a message can be looked for, as it reads now. */
function wordsOf(row: MessageRow): string {
  if (row.payload.length === 0) return ''
  const payload = decodePayload(row.payload)
  if (payload.k === 'text') return row.marks?.edits[0]?.text ?? payload.b
  if (payload.k === 'file') return `${payload.name}\n${payload.cap ?? ''}`
  return payload.k === 'req' ? payload.b : ''
}

function folded(text: string): string {
  return text.normalize('NFC').toLowerCase()
}
