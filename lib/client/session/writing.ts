// What the user says: messages and file offers, safe in the outbox before anything is sent (PROTOCOL 7, 9.1, 10).
import { randomBytes } from '../../crypto/random.ts'
import { FileLayout } from '../../envelope/file-chunks.ts'
import { LIMITS } from '../../protocol/limits.ts'
import { parseUsername } from '../../protocol/names.ts'
import { decodePayload, isContentKind, type Payload } from '../../protocol/payloads.ts'
import { fail } from '../../util/errors.ts'
import type { DeviceId } from '../../identity/conversation.ts'
import { type Bytes, equal } from '../../util/bytes.ts'
import { BoundedMap } from '../../util/rate.ts'
import type { Offer, SentMessage } from '../events.ts'
import { hashFile } from '../files/hash.ts'
import type { MessageRow } from '../messages/row.ts'
import { eventsOf } from '../messages/telling.ts'
import { nextTime, timed } from '../messages/timing.ts'
import type { OutItem } from '../outbox/item.ts'
import type { Peer } from '../people/peer.ts'
import { checkStanding } from '../groups/group.ts'
import { nameOf, type Party } from '../groups/parties.ts'
import { isAdmin } from '../../envelope/group-state.ts'
import { without } from '../without.ts'
import { chatOf, knownChat } from './chat-of.ts'
import type { Core } from './core.ts'

const NAME_BYTES = 200
/** Conversations of which is remembered when something was written last. */
const STAMPED_MAX = 10_000

export class Writing {
  readonly #core: Core
  /** One after the other per person: what is typed first is queued first. */
  readonly #turns = new Map<string, Promise<unknown>>()
  /** When this device said the last thing, changes of what was said among them. */
  readonly #stamped = new BoundedMap<number>(STAMPED_MAX)
  #open = 0

  constructor(core: Core) {
    this.#core = core
  }

  /** Something is on its way into the outbox. */
  get busy(): boolean {
    return this.#open > 0
  }

  /** `re`: the message it answers. */
  send(to: string, text: string, re?: Bytes): Promise<SentMessage> {
    return this.#inTurn(to, async () => {
      const b = checkedText(text)
      const party = await this.#reachable(to)
      const { ts, id } = await this.#stamp(party)
      const isStrict =
        party.is === 'peer' &&
        !this.#knows(party.peer) &&
        (await this.#core.directory.isStrict(party.peer))
      if (!isStrict) {
        const answer = re === undefined ? {} : { re }
        return this.#post(party, { k: 'text', id, ts, b, ...answer, ...this.#ttl(party) })
      }
      if (Array.from(text).length > LIMITS.requestCharacters) {
        fail(
          'E_TOO_BIG',
          `@${party.peer.pin.user} wants to be asked first: write at most ${LIMITS.requestCharacters} characters.`,
        )
      }
      return this.#ask(party.peer, b)
    })
  }

  /** An explicit request (PROTOCOL 7.3). */
  request(to: string, note: string): Promise<SentMessage> {
    return this.#inTurn(to, async () => {
      const b = wellFormed(note)
      if (Array.from(b).length > LIMITS.requestCharacters) {
        fail('E_TOO_BIG', `A note has at most ${LIMITS.requestCharacters} characters.`)
      }
      const party = await this.#reachable(to)
      if (party.is === 'group') fail('E_USAGE', 'A group is asked for nothing: its admins invite.')
      const { peer } = party
      const { user } = peer.pin
      if (this.#core.isMe(peer.acct)) fail('E_USAGE', 'Notes to yourself need no request: @me TEXT')
      if (peer.accepted) fail('E_STATE', `You can write to @${user} already: @${user} TEXT`)
      const askedAt = peer.requestedAt ?? -Infinity
      if (this.#core.clock.now() - askedAt < LIMITS.requestEveryMs) {
        fail(
          'E_STATE',
          peer.refused === true
            ? `@${user} declined your request. One may ask again after 30 days.`
            : `You have asked @${user} already. Silence is an answer, too.`,
        )
      }
      return this.#ask(peer, b)
    })
  }

  /** A change of what was said, or of the conversation itself: goes out behind everything said before. */
  change(
    to: string,
    make: (stamp: { readonly id: Buffer; readonly ts: number }) => Promise<Payload>,
    before?: (item: OutItem) => Promise<unknown>,
  ): Promise<SentMessage> {
    return this.#inTurn(to, async () => {
      const party = await this.#reachable(to)
      return this.#post(party, await make(await this.#stamp(party)), undefined, before)
    })
  }

  offerFile(to: string, path: string): Promise<Offer> {
    return this.#inTurn(to, async () => {
      const { deps, transfers, device, clock } = this.#core
      const party = await this.#reachable(to)
      const { conv } = party
      // a file for a group is nobody's in particular
      const acct = party.is === 'peer' ? party.peer.acct : device.acct
      if (party.is === 'peer' && equal(acct, device.acct))
        fail('E_USAGE', 'A file to yourself stays where it is.')
      const reader = await deps.files.openRead(path)
      let sha: Buffer
      const { size, modifiedMs } = reader
      try {
        if (size > LIMITS.fileBytes) fail('E_TOO_BIG', `${path} is too large: at most 2 GiB.`)
        sha = await hashFile(reader)
      } finally {
        await reader.close()
      }
      const { ts, id } = await this.#stamp(party)
      const [fid, key] = [randomBytes(16), randomBytes(32)]
      const name = cut(deps.files.baseName(path), NAME_BYTES)
      const n = new FileLayout(size).chunkCount
      const number = transfers.nextNumber()
      const expires = clock.now() + LIMITS.fileLifeMs
      const file = { k: 'file', id, ts, fid, name, size, n, key, sha } as const
      const payload = { ...file, ...this.#ttl(party) }
      await this.#post(party, payload, number, (item) =>
        transfers.put({
          ...{ number, direction: 'out', acct, conv, mid: item.mid },
          ...{
            fid,
            key,
            name,
            size,
            sha,
            state: 'waiting',
            chunks: 0,
            path,
            at: clock.now(),
            expires,
          },
          modifiedMs: Math.floor(modifiedMs),
        }),
      )
      return transfers.offer(await transfers.start(number))
    })
  }

  /** Rows that a crash kept from being written: the outbox knows what was said. */
  async repair(): Promise<void> {
    const { outbox, states, messages } = this.#core
    for (const item of outbox.open) {
      // states of groups have their own way, and parts of a conversation are no lines of it
      if (item.kind === 'profile' || item.kind === 'group' || item.acct !== undefined) continue
      if (!(isContentKind(item.kind) || item.kind === 'req')) continue
      const offer = this.#core.transfers.findByMid(item.mid)?.number
      const { row } = await messages.insert(this.#row(item, offer))
      states.queued(row)
    }
  }

  /** Behind everything that was said there, so that it stands behind that on all devices (PROTOCOL 9.2). */
  async #stamp({ conv }: Party): Promise<{ readonly id: Buffer; readonly ts: number }> {
    const last = await this.#core.messages.lastSaid(conv)
    const ts = nextTime(this.#core.clock.now(), last, this.#stamped.get(conv))
    this.#stamped.set(conv, ts)
    return { id: randomBytes(16), ts }
  }

  async #ask(peer: Peer, b: string): Promise<SentMessage> {
    const party = { is: 'peer', conv: peer.conv, readTo: peer.readTo, peer } as const
    const { ts, id } = await this.#stamp(party)
    const sent = await this.#post(party, { k: 'req', id, ts, b })
    const requestedAt = this.#core.clock.now()
    await this.#core.peers.change(peer.id, (p) => ({ ...without(p, 'refused'), requestedAt }))
    return sent
  }

  /** As the conversation wants it (PROTOCOL 7.2 ttl). */
  #ttl({ conv }: Party): { readonly ttl?: number } {
    const ttl = this.#core.chats.find(conv)?.timer.seconds ?? 0
    return ttl === 0 ? {} : { ttl }
  }

  #knows(peer: Peer): boolean {
    const { sent, received } = peer
    return peer.accepted || sent.messages + sent.offers + received.messages + received.offers > 0
  }

  async #reachable(to: string): Promise<Party> {
    const party = await chatOf(this.#core, to)
    if (party.is === 'group') {
      checkStanding(party.group)
      return party
    }
    const { blocked, deleted, pin } = party.peer
    const name = pin.user
    if (blocked) fail('E_BLOCKED', `You have blocked @${name}. First: !unblock ${name}`)
    if (deleted) fail('E_NOT_FOUND', `The account of @${name} does not exist any more.`)
    return party
  }

  async #post(
    party: Party,
    payload: Payload,
    offer?: number,
    before: (item: OutItem) => Promise<unknown> = () => Promise.resolve(),
  ): Promise<SentMessage> {
    const { acceptance, outbox, messages, states, emitter, names } = this.#core
    const nth = party.is === 'peer' ? await acceptance.sending(party.peer, payload.k) : 0
    const { conv } = party
    let number = 0
    const item = await outbox.add(payload, { conv, nth }, async (queued) => {
      await before(queued)
      const inserted = await messages.insert(this.#row(queued, offer))
      number = inserted.row.number
      states.queued(inserted.row)
      for (const event of eventsOf(inserted, false, names)) emitter.emit(event)
    })
    return { mid: item.mid, number, chat: nameOf(party), conv, state: 'queued' }
  }

  #row(item: OutItem, offer: number | undefined): Omit<MessageRow, 'number'> {
    const { device, groups } = this.#core
    const group = groups.get(item.conv)
    const isByAdmin = group !== undefined && isAdmin(group.state, device.acct)
    return ownRow(device, item, { offer, admin: item.kind === 'del' && isByAdmin })
  }

  async #inTurn<T>(to: string, work: () => Promise<T>): Promise<T> {
    const known = knownChat(this.#core, to)
    const key = known === undefined ? parseUsername(to.replace(/^@/, '')) : nameOf(known)
    const before = this.#turns.get(key) ?? Promise.resolve()
    this.#open += 1
    const turn = before.then(work)
    const settled = turn
      .catch(() => undefined)
      .then(() => {
        this.#open -= 1
        if (this.#turns.get(key) === settled) this.#turns.delete(key)
      })
    this.#turns.set(key, settled)
    return turn
  }

  /** Resolves when every call so far has ended. */
  async idle(): Promise<void> {
    while (this.#turns.size > 0) await Promise.all(this.#turns.values())
  }
}

function ownRow(
  { acct, dev }: DeviceId,
  item: OutItem,
  { offer, admin }: { readonly offer: number | undefined; readonly admin: boolean },
): Omit<MessageRow, 'number'> {
  const payload = decodePayload(item.payload)
  const row: Omit<MessageRow, 'number'> = {
    ...{ key: item.mid, conv: item.conv, acct, dev, ts: payload.ts, at: item.at },
    ...{ payload: item.payload, own: true, resent: false, state: 'queued' },
    ...(offer === undefined ? {} : { offer }),
    ...(admin ? { admin } : {}),
  }
  return timed(row, payload)
}

/** @throws E_USAGE, E_TOO_BIG with a sentence */
export function checkedText(text: string): string {
  if (text === '') fail('E_USAGE', 'There is nothing to send.')
  if (Buffer.byteLength(text) > LIMITS.textBytes) {
    fail('E_TOO_BIG', 'A message has at most 8 KiB of text. Send a file: !file NAME PATH')
  }
  return wellFormed(text)
}

/** A lone surrogate cannot be encoded (String.prototype.toWellFormed is younger than our target). */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\uFFFD')
}

/** At most so many bytes, whole characters, the extension kept. */
function cut(name: string, maxBytes: number): string {
  if (Buffer.byteLength(name) <= maxBytes) return name
  const dot = name.lastIndexOf('.')
  const extension = dot > 0 && name.length - dot <= 16 ? name.slice(dot) : ''
  let stem = ''
  for (const char of name) {
    if (Buffer.byteLength(stem + char + extension) > maxBytes) break
    stem += char
  }
  return stem + extension
}
