// What a person does with messages after they were said, and with chats (PROTOCOL 7.2, 7.3). Changes go the way of messages:
// safe in the outbox and in the own store before anything is sent.
import { isAdmin } from '../../envelope/group-state.ts'
import { decodePayload, type Payload } from '../../protocol/payloads.ts'
import { equal, fromHex } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'
import type { ContactInfo, MessageView, SentMessage } from '../events.ts'
import type { MemberDelivery } from '../group-api.ts'
import { nameOf } from '../groups/parties.ts'
import type {
  ChatState,
  ChoiceName,
  Life,
  MessageInfo,
  MessageVersion,
  SearchHit,
  SearchQuery,
} from '../life-api.ts'
import { isOneGrapheme } from '../messages/grapheme.ts'
import { EDIT_WITHIN_MS, REACTIONS_PER_PERSON } from '../messages/marks.ts'
import type { Reached } from '../messages/reached.ts'
import type { MessageRow } from '../messages/row.ts'
import { canBeMarked } from '../messages/settle.ts'
import { bodyOf, viewOf } from '../messages/view.ts'
import { isTimer, started } from '../messages/timing.ts'
import { MUTED_FOR_EVER, PINS_MAX } from '../people/chats.ts'
import { choiceOf, choose } from '../people/choices.ts'
import { contactOf } from '../people/peer.ts'
import { chatOf, chatState } from './chat-of.ts'
import type { Core } from './core.ts'
import { search } from './search.ts'
import { checkedText, type Writing } from './writing.ts'

/** Passes a call on while the session is open. */
export type Guard = <T>(work: () => Promise<T>) => Promise<T>

export class LifeActions implements Life {
  readonly #core: Core
  readonly #writing: Writing
  readonly #open: Guard

  constructor(core: Core, writing: Writing, open: Guard) {
    this.#core = core
    this.#writing = writing
    this.#open = open
  }

  reply(number: number, text: string): Promise<SentMessage> {
    return this.#open(async () => {
      const row = await this.#line(number)
      return this.#writing.send(this.#chat(row), text, fromHex(row.key))
    })
  }

  edit(number: number, text: string): Promise<MessageView> {
    return this.#open(async () => {
      const b = checkedText(text)
      const row = await this.#own(number)
      if (row.state === 'failed') fail('E_STATE', `Message ${number} was never sent.`)
      if (decodePayload(row.payload).k !== 'text') fail('E_STATE', 'Only a text can be edited.')
      if (this.#core.clock.now() - row.at >= EDIT_WITHIN_MS) {
        fail('E_STATE', 'It is older than seven days: it cannot be edited any more.')
      }
      if (bodyText(row) === b) fail('E_STATE', 'That is what it says already.')
      await this.#change(row, async (stamp) => {
        const now = await this.#line(number) // what was edited before has had its turn
        const n = (now.marks?.edits[0]?.n ?? 0) + 1
        return { k: 'edit', ...stamp, m: fromHex(row.key), n, b }
      })
      return this.#view(await this.#row(number))
    })
  }

  remove(number: number): Promise<MessageView> {
    return this.#open(async () => {
      const row = await this.#removable(number)
      await this.#core.outbox.cancel(row.key)
      const m = [fromHex(row.key)]
      let deletion: Payload | undefined
      await this.#change(row, (stamp) => {
        deletion = { k: 'del', ...stamp, m }
        return Promise.resolve(deletion)
      })
      if (deletion !== undefined) await this.#core.outbox.forget(row.key, deletion)
      const transfer = this.#core.transfers.findByMid(row.key)
      // also when all of it has been sent: the server and we still have it to give
      if (transfer !== undefined) await this.#core.transfers.halt(transfer.number, 'cancelled')
      return this.#view(await this.#row(number))
    })
  }

  react(number: number, emoji: string, on: boolean): Promise<MessageView> {
    return this.#open(async () => {
      if (!isOneGrapheme(emoji)) {
        fail('E_USAGE', 'A reaction is one character or a name. Example: !react 12 :+1:')
      }
      const row = await this.#line(number)
      const mine = this.#myReactions(row)
      const isThere = mine.some((each) => each.emoji === emoji && !each.off)
      if (isThere === on) {
        fail('E_STATE', on ? 'You have reacted so already.' : 'You have not reacted so.')
      }
      if (on && mine.filter((each) => !each.off).length >= REACTIONS_PER_PERSON) {
        fail('E_STATE', 'Eight reactions to one message are enough; take one back first.')
      }
      await this.#change(row, ({ id, ts }) => {
        // the last one counts on all devices, whatever became of the clock in between
        const after = mine.reduce((latest, each) => Math.max(latest, each.ts), 0)
        const base = { k: 'react', id, ts: Math.max(ts, after + 1), m: fromHex(row.key) } as const
        return Promise.resolve({ ...base, e: emoji, ...(on ? {} : { off: true as const }) })
      })
      return this.#view(await this.#row(number))
    })
  }

  pin(number: number, on: boolean): Promise<MessageView> {
    return this.#open(async () => {
      const row = await this.#line(number)
      const { chats, emitter, names } = this.#core
      const was = chats.isPinned(row.conv, number)
      if (was === on) fail('E_STATE', on ? 'It is pinned already.' : 'It is not pinned.')
      await chats.change(row.conv, (chat) => {
        if (on && chat.pins.length >= PINS_MAX) fail('E_STATE', 'A chat has at most 100 pins.')
        const others = chat.pins.filter((pin) => pin !== number)
        return { ...chat, pins: on ? [...others, number] : others }
      })
      const message = await this.#view(row)
      emitter.emit({
        ...{ type: 'message-change', change: on ? 'pinned' : 'unpinned', message },
        ...{ was: bodyOf(row, names), by: this.#core.me.pin.user, own: true },
      })
      return message
    })
  }

  pins(chat: string): Promise<readonly MessageView[]> {
    return this.#open(async () => {
      const { conv } = await chatOf(this.#core, chat)
      const views: MessageView[] = []
      for (const number of this.#core.chats.find(conv)?.pins ?? []) {
        const row = await this.#core.messages.byNumber(number)
        if (row !== null && canBeMarked(row)) views.push(await this.#view(row))
      }
      return views
    })
  }

  info(number: number): Promise<MessageInfo> {
    return this.#open(async () => {
      const row = await this.#row(number)
      const message = await this.#view(row)
      const state = row.state === undefined ? {} : { state: row.state }
      const members = row.reached === undefined ? {} : { members: this.#members(row, row.reached) }
      return { message, versions: await this.#versions(row), ...state, ...members }
    })
  }

  shown(numbers: readonly number[]): Promise<void> {
    return this.#open(async () => {
      const { messages, clock } = this.#core
      for (const number of numbers) {
        const row = await messages.byNumber(number)
        if (row === null || row.own || row.ttl === undefined) continue
        await messages.update(row.key, (now) => started(now, clock.now()))
      }
    })
  }

  search(text: string, query: SearchQuery = {}): Promise<readonly SearchHit[]> {
    return this.#open(async () => {
      const { chat } = query
      const party = chat === undefined ? null : await chatOf(this.#core, chat)
      return search(this.#core, text, party?.conv ?? null, query)
    })
  }

  chatOf(chat: string): Promise<ChatState> {
    return this.#open(async () => chatState(this.#core, await chatOf(this.#core, chat)))
  }

  contactOf(chat: string): Promise<ContactInfo> {
    return this.#open(async () => {
      const party = await chatOf(this.#core, chat)
      if (party.is === 'peer') return contactOf(party.peer)
      return fail('E_USAGE', `#${party.group.name} is a group: !members #${party.group.name}`)
    })
  }

  isMuted(conv: string): boolean {
    return this.#core.chats.isMuted(conv, this.#core.clock.now())
  }

  mute(chat: string, until: number): Promise<ChatState> {
    return this.#open(async () => {
      const party = await chatOf(this.#core, chat)
      const mutedUntil = until === Infinity ? MUTED_FOR_EVER : Math.max(0, Math.floor(until))
      await this.#core.chats.change(party.conv, (each) => ({ ...each, mutedUntil }))
      return chatState(this.#core, party)
    })
  }

  deleteChat(chat: string): Promise<void> {
    return this.#open(async () => {
      const { gaps, gone, outbox, sync } = this.#core
      const { conv } = await chatOf(this.#core, chat)
      for (const item of outbox.open) if (item.conv === conv) await outbox.cancel(item.mid)
      await gaps.forget(conv)
      await sync.deleted(await gone.here(conv))
    })
  }

  request(user: string, note: string): Promise<SentMessage> {
    return this.#open(() => this.#writing.request(user, note))
  }

  disappear(chat: string, seconds: number): Promise<SentMessage> {
    return this.#open(async () => {
      const party = await chatOf(this.#core, chat)
      const { conv } = party
      if (!isTimer(seconds)) fail('E_USAGE', 'A timer is 5 seconds to 31 days, or off.')
      if (party.is === 'group' && !isAdmin(party.group.state, this.#core.device.acct)) {
        fail('E_NOT_ADMIN', `Only admins of #${party.group.name} can do that.`)
      }
      const before = this.#core.chats.find(conv)?.timer
      return this.#writing.change(
        nameOf(party),
        ({ id, ts }) => {
          const later = Math.max(ts, (before?.ts ?? 0) + 1)
          return Promise.resolve({ k: 'timer', id, ts: later, sec: seconds })
        },
        async ({ mid, payload }) => {
          const timer = { seconds, ts: decodePayload(payload).ts, id: mid }
          await this.#core.chats.setTimer(conv, timer)
        },
      )
    })
  }

  choice(name: ChoiceName): string {
    return choiceOf(this.#core.settings.choices, name)
  }

  choose(name: ChoiceName, value: string): Promise<void> {
    return this.#open(async () => {
      const before = this.#core.settings.choices
      const changes = choose(name, value)
      await this.#core.settings.set(changes)
      if (changes.presence !== undefined) await this.#core.lookout.tell()
      if (changes.strict === undefined || changes.strict === before.strict) return
      await this.#core.keyRing.announce() // people learn it from our keys
    })
  }

  /** A change of one message, behind everything that was said before it. */
  async #change(
    row: MessageRow,
    make: (stamp: { readonly id: Buffer; readonly ts: number }) => Promise<Payload>,
  ): Promise<void> {
    await this.#writing.change(this.#chat(row), make)
  }

  /** @throws E_NOT_FOUND */
  async #row(number: number): Promise<MessageRow> {
    const row = await this.#core.messages.byNumber(number)
    if (row !== null && row.aside === undefined && row.withheld !== true) return row
    return fail('E_NOT_FOUND', `There is no message ${number} here. !history shows the numbers.`)
  }

  /** Something that was said and is still there. */
  async #line(number: number): Promise<MessageRow> {
    const row = await this.#row(number)
    if (row.deleted === true) fail('E_STATE', `Message ${number} was deleted.`)
    if (!canBeMarked(row)) fail('E_STATE', `Message ${number} could not be read yet.`)
    return row
  }

  async #own(number: number): Promise<MessageRow> {
    const row = await this.#line(number)
    if (!row.own) fail('E_STATE', `Message ${number} is not yours.`)
    return row
  }

  /** Own, or by the right of an admin (PROTOCOL 7.2). */
  async #removable(number: number): Promise<MessageRow> {
    const row = await this.#line(number)
    if (row.steps !== undefined) fail('E_STATE', 'What was done to a group stays in its history.')
    const group = this.#core.groups.get(row.conv)
    if (group === undefined || row.own) return this.#own(number)
    if (!isAdmin(group.state, this.#core.device.acct)) {
      fail('E_NOT_ADMIN', `Message ${number} is not yours, and you are no admin of #${group.name}.`)
    }
    return row
  }

  /** Those it was sent to; the others are named with the message. */
  #members({ absent = [] }: MessageRow, reached: Reached): MemberDelivery[] {
    const states = ['accepted', 'delivered', 'read'] as const
    return reached
      .filter(([acct]) => !absent.some((each) => equal(each, acct)))
      .map(([acct, how]) => ({ user: this.#core.names.user(acct), state: states[how] }))
      .sort((p, q) => (p.user < q.user ? -1 : 1))
  }

  #myReactions(row: MessageRow): NonNullable<MessageRow['marks']>['reactions'] {
    const { acct } = this.#core.device
    return (row.marks?.reactions ?? []).filter((reaction) => equal(reaction.acct, acct))
  }

  #chat(row: MessageRow): string {
    return this.#core.names.chat(row.conv)
  }

  async #view(row: MessageRow): Promise<MessageView> {
    return viewOf(row, this.#core.names, await this.#core.answeredBy(row))
  }

  async #versions(row: MessageRow): Promise<readonly MessageVersion[]> {
    if (row.payload.length === 0) return []
    const payload = decodePayload(row.payload)
    if (payload.k !== 'text') return []
    const versions = [{ text: payload.b, at: row.at, n: 0 }]
    for (const number of row.marks?.rows ?? []) {
      const change = await this.#core.messages.byNumber(number)
      if (change === null || change.payload.length === 0) continue
      const edit = decodePayload(change.payload)
      if (edit.k === 'edit' && equal(change.acct, row.acct)) {
        versions.push({ text: edit.b, at: change.at, n: edit.n })
      }
    }
    return versions.sort((p, q) => p.n - q.n || p.at - q.at).map(({ text, at }) => ({ text, at }))
  }
}

function bodyText(row: MessageRow): string {
  const payload = decodePayload(row.payload)
  return row.marks?.edits[0]?.text ?? (payload.k === 'text' ? payload.b : '')
}
