// Introductions, one at a time for each contact (PROTOCOL 12): who asks, what the answer is, and what either of them tells.
// The server carries two sealed payloads and learns nothing but that somebody asked for his own address. Nothing here is
// stored: a restart begins without a link.
import { randomBytes } from '../../crypto/random.ts'
import type { Address } from '../../protocol/composites.ts'
import type { PayloadOf } from '../../protocol/payloads.ts'
import { type Bytes, equal, hex } from '../../util/bytes.ts'
import { codeOf, fail } from '../../util/errors.ts'
import type { DirectApi, DirectRule, DirectView } from '../direct-api.ts'
import type { Arrival } from '../inbox/arrival.ts'
import { requireOnline } from '../link.ts'
import type { OutItem } from '../outbox/item.ts'
import type { Peer } from '../people/peer.ts'
import type { DirectPort } from '../ports.ts'
import { parseUsername } from '../../protocol/names.ts'
import { usable } from './addresses.ts'
import type { DirectDeps } from './deps.ts'
import { Doors } from './doors.ts'
import { Links } from './links.ts'
import { ownAddresses } from './own-addresses.ts'
import type { DirectPayload } from './payloads.ts'
import { Post } from './post.ts'
import { contactFor, isTrusted, refuseSecond, sentence, type Talk, viewOf } from './talk.ts'
import { ASKING_MS, Talks } from './talks.ts'

/** Clocks may differ by so much. */
const SKEW_MS = 120_000
/** A question stands so long before it gives way to another one of the same contact. */
const AGAIN_MS = 10_000

interface Leaving {
  readonly leave?: boolean
}

interface Answering extends Leaving {
  readonly number?: number
}

export class Direct implements DirectApi {
  readonly #deps: DirectDeps
  readonly #talks: Talks
  /** Addresses that were shown before a question to somebody, by the conversation. */
  readonly #shown = new Map<string, readonly string[]>()
  readonly #post: Post
  readonly #doors: Doors
  /** What goes over the links. */
  readonly links: Links

  constructor(deps: DirectDeps) {
    this.#deps = deps
    this.#talks = new Talks(deps)
    this.#post = new Post(deps.outbox, deps.clock)
    this.#doors = new Doors(deps.clock, deps.log)
    this.links = new Links(deps, this.#talks, this.#post)
  }

  async addresses(user: string): Promise<readonly string[]> {
    this.#port()
    const peer = await this.#contact(user)
    this.#checkFree(peer)
    const own = await this.#own()
    this.#shown.set(peer.conv, own)
    return own
  }

  async offer(user: string, { leave = false }: Leaving = {}): Promise<DirectView> {
    const port = this.#port()
    const peer = await this.#contact(user)
    this.#checkFree(peer)
    const ips = await this.#own()
    if (tellsMore(ips, this.#shown.get(peer.conv) ?? ips)) {
      const name = peer.pin.user
      fail(
        'E_STATE',
        `Your addresses are others now. Nothing was told: !direct ${name} shows them.`,
      )
    }
    const sess = randomBytes(16)
    const door = await this.#doors.open(port, sess)
    try {
      const own = withPort(ips, door)
      this.#checkFree(peer)
      const psk = randomBytes(32)
      const who = own.length === 0 ? 'a' : 'o'
      const talk = this.#talks.begin({ peer, sess, psk, who, isOurs: true, state: 'offered' })
      Object.assign(talk, { own, door, leave })
      const exp = this.#deps.clock.now() + ASKING_MS
      await this.#post.say({ k: 'p2p.offer', sess, psk, who, cand: own, exp }, peer, 'account')
      return this.#talks.tell(talk)
    } catch (error) {
      door.close()
      throw error
    }
  }

  async answer(
    user: string,
    yes: boolean,
    { leave = false, number }: Answering = {},
  ): Promise<DirectView> {
    const peer = await this.#contact(user)
    const talk = this.#talks.of(peer.conv)
    if (talk?.state !== 'asked') {
      return fail('E_STATE', `@${peer.pin.user} does not ask for a direct connection.`)
    }
    if (number !== undefined && number !== talk.number) {
      fail('E_STATE', 'That question is over, and another one has taken its place.')
    }
    talk.leave ||= leave
    if (yes) return this.#agree(talk)
    await this.#refuse(talk)
    return viewOf(talk)
  }

  async off(user?: string): Promise<readonly DirectView[]> {
    const peer = user === undefined ? null : await this.#contact(user)
    const talks = this.#talks.all().filter((t) => peer === null || t.peer.conv === peer.conv)
    for (const talk of talks) {
      if (talk.state === 'asked') await this.#refuse(talk)
      else if (talk.path !== null) await talk.path.wire.close()
      else this.#talks.end(talk, 'failed', 'It was cancelled.')
    }
    return talks.map((talk) => viewOf(talk))
  }

  list(): readonly DirectView[] {
    return this.#talks.all().map((talk) => viewOf(talk))
  }

  isUp(conv: string): boolean {
    return this.#talks.of(conv)?.state === 'up'
  }

  rule(user: string): DirectRule {
    const peer = this.#deps.peers.byName(parseUsername(user))
    return peer === undefined ? 'ask' : this.#deps.rules.get(peer.id)
  }

  async setRule(user: string, rule: DirectRule): Promise<void> {
    const peer = await this.#contact(user)
    await this.#deps.rules.set(peer.id, rule)
    const talk = this.#talks.of(peer.conv)
    if (rule === 'never' && talk?.state === 'asked') await this.#refuse(talk)
  }

  /** Whoever is blocked has no question open, and no connection. */
  blocked(conv: string): void {
    const talk = this.#talks.of(conv)
    if (talk === undefined) return
    this.#talks.end(talk, talk.state === 'up' ? 'down' : 'failed', 'You have blocked them.')
  }

  /** The outbox is done with an item. */
  accepted(item: OutItem): void {
    this.#post.accepted(item)
  }

  /** Of an accepted contact, or it is not heard. */
  readonly heard = (payload: DirectPayload, { peer, from }: Arrival): void => {
    const talk = this.#talks.of(peer.conv)
    if (payload.k === 'p2p.offer') {
      this.#asked(payload, peer, from.dev)
      return
    }
    if (talk === undefined || !equal(talk.sess, payload.sess)) return
    if (payload.k === 'p2p.answer') this.#answered(talk, payload, from.dev)
    else if (talk.dev !== null && equal(talk.dev, from.dev)) this.links.heardUp(talk)
  }

  async stop(): Promise<void> {
    for (const talk of this.#talks.all()) {
      talk.hasLeft = false // there is no coming back
      this.#talks.release(talk)
      await talk.path?.wire.close()
    }
  }

  #asked(offer: PayloadOf<'p2p.offer'>, peer: Peer, dev: Bytes): void {
    const { clock, port, rules, device } = this.#deps
    const { sess, psk, who, cand, exp, ts } = offer
    if ((who !== 'o' && who !== 'a') || port === undefined || !isTrusted(peer)) return
    const left = Math.min(exp, ts + ASKING_MS) + SKEW_MS - clock.now()
    const before = this.#talks.of(peer.conv)
    if (
      left <= 0 ||
      before?.state === 'trying' ||
      (before?.state === 'asked' && clock.monotonic() - before.since < AGAIN_MS) ||
      (before !== undefined && equal(before.sess, sess))
    )
      return
    // both asked at once: the one of the smaller account counts, and the other one has agreed by asking
    const hasAgreed = before?.state === 'offered'
    if (hasAgreed && hex(device.acct) < peer.id) return
    if (before !== undefined) {
      const ended = before.state === 'up' ? 'down' : 'failed'
      this.#talks.end(before, ended, 'They ask anew.', hasAgreed)
    }
    const mine = randomBytes(32)
    const talk = this.#talks.begin({ peer, sess, psk: mine, who, isOurs: false, state: 'asked' })
    Object.assign(talk, {
      ...{ dev, theirPsk: psk, theirs: usable(cand, port.lan), leave: before?.leave ?? false },
      shown: before?.own.map(([ip]) => ip) ?? null,
    })
    const rule = rules.get(peer.id)
    const work =
      rule === 'never'
        ? this.#refuse(talk)
        : hasAgreed || rule === 'always'
          ? this.#agree(talk, rule === 'always')
          : this.#ask(talk)
    work.catch((error: unknown) => {
      this.#deps.log.info('client.direct.asked', { code: codeOf(error) })
    })
  }

  async #ask(talk: Talk): Promise<void> {
    talk.shown = await this.#own().catch(() => null)
    if (talk.state === 'asked') this.#talks.tell(talk)
  }

  async #refuse(talk: Talk): Promise<void> {
    this.#talks.end(talk, 'declined', undefined, true)
    if (talk.dev !== null) await this.#sayNo(talk, talk.dev)
  }

  /** What a yes tells is what was shown, unless the person has decided for later: otherwise the question comes again. */
  async #agree(talk: Talk, mayTellAll = false): Promise<DirectView> {
    const { peer, sess, psk, dev, shown } = talk
    if (dev === null) return fail('E_STATE')
    requireOnline(this.#deps.link)
    talk.state = 'trying'
    try {
      const ips = await this.#own()
      if (this.#talks.has(talk) && !mayTellAll && tellsMore(ips, shown)) {
        Object.assign(talk, { state: 'asked', shown: ips })
        return this.#talks.tell(talk, { reason: 'Your addresses are others now.' })
      }
      talk.door = await this.#doors.open(this.#port(), sess)
      if (!this.#talks.has(talk)) fail('E_CANCELLED', 'It is over already.')
      talk.timer?.cancel()
      talk.own = withPort(ips, talk.door)
      await this.#post.say({ k: 'p2p.answer', sess, psk, cand: talk.own }, peer, dev)
    } catch (error) {
      this.#talks.release(talk)
      if (this.#talks.has(talk)) await this.#giveUp(talk, dev, error)
      throw error
    }
    this.links.meet(talk)
    return viewOf(talk)
  }

  /** Agreed, but this side cannot: they hear it now, and not by waiting. */
  async #giveUp(talk: Talk, dev: Bytes, error: unknown): Promise<void> {
    this.#talks.end(talk, 'failed', sentence(error))
    await this.#sayNo(talk, dev).catch((cause: unknown) => {
      this.#deps.log.info('client.direct.no', { code: codeOf(cause) })
    })
  }

  #sayNo({ peer, sess }: Talk, dev: Bytes): Promise<void> {
    return this.#post.say({ k: 'p2p.answer', sess, cand: [], no: true }, peer, dev)
  }

  #answered(talk: Talk, { psk, cand, no }: PayloadOf<'p2p.answer'>, dev: Bytes): void {
    if (!talk.isOurs || talk.state !== 'offered') return
    if (no === true || psk === undefined) {
      this.#talks.end(talk, 'declined')
      return
    }
    const { port } = this.#deps
    Object.assign(talk, { dev, theirPsk: psk, theirs: usable(cand, port?.lan === true) })
    talk.timer?.cancel()
    talk.state = 'trying'
    this.links.meet(talk)
  }

  #own(): Promise<readonly string[]> {
    return ownAddresses(this.#deps.link, this.#port())
  }

  #port(): DirectPort {
    return (
      this.#deps.port ?? fail('E_STATE', 'Direct connections are not possible with this program.')
    )
  }

  async #contact(user: string): Promise<Peer> {
    return contactFor(await this.#deps.directory.meet(parseUsername(user)), this.#deps.device.acct)
  }

  #checkFree({ conv }: Peer): void {
    requireOnline(this.#deps.link)
    const talk = this.#talks.of(conv)
    if (talk !== undefined) refuseSecond(talk)
  }
}

function tellsMore(ips: readonly string[], shown: readonly string[] | null): boolean {
  return ips.some((ip) => shown?.includes(ip) !== true)
}

function withPort(ips: readonly string[], { port }: { readonly port: number }): Address[] {
  return ips.map((ip) => [ip, port])
}
