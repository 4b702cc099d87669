// From a stored row to what a front end shows. Texts stay raw: the output filter is the front end's (PROTOCOL 13).
import { decodePayload } from '../../protocol/payloads.ts'
import type { AnsweredView, MessageBody, MessageView, ReactionView } from '../events.ts'
import type { GroupDelivery } from '../group-api.ts'
import { equal, hex } from '../../util/bytes.ts'
import { changesOf } from '../groups/steps.ts'
import { answerOf } from './answers.ts'
import { standing } from './marks.ts'
import type { MessageRow } from './row.ts'
import { isBelieved, saidAt } from './timing.ts'

export interface Names {
  /** The other person of a conversation, or the `#name` of a group. */
  chat(conv: string): string
  user: (acct: Uint8Array) => string
  isPinned?(conv: string, number: number): boolean
}

export function bodyOf(row: MessageRow, names: Names): MessageBody {
  if (row.placeholder !== undefined) return { kind: 'placeholder', why: row.placeholder }
  if (row.deleted === true || row.payload.length === 0) {
    const acct = row.marks?.deletions[0]?.acct ?? row.acct
    const isAdmin = equal(acct, row.acct) ? {} : { admin: true as const }
    return { kind: 'deleted', by: names.user(acct), ...isAdmin }
  }
  const payload = decodePayload(row.payload)
  if (payload.k === 'text') {
    return { kind: 'text', text: row.marks?.edits[0]?.text ?? payload.b }
  }
  if (payload.k === 'file') {
    const { name, size, cap } = payload
    const caption = cap === undefined ? {} : { caption: cap }
    return { kind: 'file', offer: row.offer ?? 0, name, size, ...caption }
  }
  if (payload.k === 'req') return { kind: 'request', request: row.offer ?? 0, note: payload.b }
  if (payload.k === 'timer') return { kind: 'timer', seconds: payload.sec }
  if (payload.k === 'group') {
    const changes = changesOf(row.steps, names.user)
    return { kind: 'group', changes, by: names.user(row.acct) }
  }
  return { kind: 'unsupported', what: payload.k === 'unsupported' ? payload.kind : payload.k }
}

/** `answers`: the message that this one answers, when it is at hand. */
export function viewOf(row: MessageRow, names: Names, answers?: MessageRow | null): MessageView {
  const reactions = reactionsOf(row, names)
  return {
    number: row.number,
    ...(row.before === undefined ? {} : { before: row.before }),
    mid: row.placeholder === undefined ? row.key : '',
    conv: row.conv,
    chat: names.chat(row.conv),
    from: names.user(row.acct),
    acct: hex(row.acct),
    own: row.own,
    ts: row.ts,
    at: row.at,
    saidAt: saidAt(row),
    timeDoubtful: !isBelieved(row),
    body: bodyOf(row, names),
    ...(row.state === undefined ? {} : { state: row.state }),
    ...(row.reached === undefined ? {} : { delivery: deliveryOf(row.reached) }),
    ...(row.absent === undefined ? {} : { notTo: row.absent.map(names.user).sort() }),
    resent: row.resent,
    ...(row.marks !== undefined && row.marks.edits.length > 0 ? { edited: true } : {}),
    ...(reactions.length === 0 ? {} : { reactions }),
    ...(names.isPinned?.(row.conv, row.number) === true ? { pinned: true } : {}),
    ...answerView(row, names, answers),
    ...(row.ttl === undefined ? {} : { ttlMs: row.ttl }),
    ...(row.ttl === undefined && row.expires !== undefined ? { expires: row.expires } : {}),
  }
}

function deliveryOf(reached: NonNullable<MessageRow['reached']>): GroupDelivery {
  const count = (least: number): number => reached.filter(([, how]) => how >= least).length
  return { delivered: count(1), read: count(2), of: reached.length }
}

function answerView(
  row: MessageRow,
  names: Names,
  answers: MessageRow | null | undefined,
): { answers?: AnsweredView | 'unknown' } {
  if (answerOf(row) === null) return {}
  if (answers === undefined || answers === null || answers.aside !== undefined) {
    return { answers: 'unknown' }
  }
  const { number, acct } = answers
  return { answers: { number, from: names.user(acct), body: bodyOf(answers, names) } }
}

function reactionsOf(row: MessageRow, names: Names): ReactionView[] {
  const byEmoji = new Map<string, string[]>()
  for (const { emoji, acct } of row.marks === undefined ? [] : standing(row.marks)) {
    byEmoji.set(emoji, [...(byEmoji.get(emoji) ?? []), names.user(acct)])
  }
  return [...byEmoji].map(([emoji, from]) => ({ emoji, from: from.sort() })).sort(byEmojiOrder)
}

function byEmojiOrder(p: ReactionView, q: ReactionView): number {
  return q.from.length - p.from.length || (p.emoji < q.emoji ? -1 : 1)
}
