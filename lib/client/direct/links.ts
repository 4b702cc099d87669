// What comes of an introduction on which both have agreed: they meet, and everything of the conversation goes over the link
// until it ends (PROTOCOL 12).
import { type Bytes, concat, equal, hex } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'
import { BoundedMap } from '../../util/rate.ts'
import type { OutItem } from '../outbox/item.ts'
import type { SideWay, Way } from '../outbox/side-way.ts'
import type { Wire } from '../wire.ts'
import type { DirectDeps } from './deps.ts'
import { LinkInbox } from './link-inbox.ts'
import { Meeting } from './meeting.ts'
import { Path } from './path.ts'
import type { Post } from './post.ts'
import { sentence, type Talk } from './talk.ts'
import type { Talks } from './talks.ts'

const STREAMS_MAX = 1000

export class Links implements SideWay {
  readonly #deps: DirectDeps
  readonly #talks: Talks
  readonly #post: Post
  readonly #streams = new BoundedMap<true>(STREAMS_MAX)

  constructor(deps: DirectDeps, talks: Talks, post: Post) {
    this.#deps = deps
    this.#talks = talks
    this.#post = post
  }

  /** For what needs no order. */
  way(conv: string): Way['link'] | null {
    return this.#talks.path(conv)?.link ?? null
  }

  covers({ conv, acct, only }: OutItem): boolean {
    return acct === undefined && only === undefined && this.#talks.path(conv) !== null
  }

  async ready(item: OutItem): Promise<Way | null> {
    if (!this.covers(item)) return null
    const path = this.#talks.path(item.conv)
    await path?.switched()
    return path
  }

  isStream(st: Bytes): boolean {
    return this.#streams.get(hex(st)) === true
  }

  /** Both have agreed. */
  meet(talk: Talk): void {
    const { device, clock, log, dial, inbox } = this.#deps
    const { peer, dev, sess, psk, theirPsk, isOurs } = talk
    if (dev === null || theirPsk === null || !this.#talks.has(talk)) {
      talk.door?.close()
      return
    }
    talk.inbox = new LinkInbox({
      device,
      peer: { acct: peer.acct, dev },
      conv: peer.conv,
      take: (mail) => inbox().take(mail),
      chunk: (frame) => this.#deps.chunk(peer.conv, frame),
      opened: (st) => {
        this.#streams.set(hex(st), true)
      },
    })
    const meeting = new Meeting({
      secret: { sess, psk: isOurs ? concat(psk, theirPsk) : concat(theirPsk, psk) },
      ...{ clock, log, dial, door: talk.door, candidates: talk.theirs, serve: talk.inbox.serve },
      dialsFirst: isOurs === (talk.who === 'a'),
      trying: (attempt) => {
        this.#talks.tell(talk, { attempt })
      },
    })
    talk.meeting = meeting
    this.#talks.tell(talk, { attempt: 0 })
    meeting.wire
      .then((wire) => this.#up(talk, wire, dev))
      .catch((error: unknown) => {
        this.#talks.end(talk, 'failed', sentence(error))
      })
  }

  /** The other device says so: first over the server, then as the first message over the link. */
  heardUp(talk: Talk): void {
    if (talk.ups++ > 0) talk.heardUp.resolve()
    talk.inbox?.open()
  }

  async #up(talk: Talk, wire: Wire, dev: Bytes): Promise<void> {
    const { directory, outbox } = this.#deps
    const { peer, sess } = talk
    try {
      const bundles = await directory.reach(peer.acct)
      const bundle = bundles.find((each) => equal(each.dev, dev)) ?? fail('E_NO_DEVICE')
      if (!this.#talks.has(talk) || !wire.open) fail('E_CANCELLED')
      const farewell = () => this.#post.deliver({ k: 'p2p.up', sess }, peer, dev)
      talk.path = new Path({ wire, bundle, sess, farewell })
    } catch (error) {
      wire.destroy('E_CLOSED', 'The other device is not known.')
      throw error
    }
    talk.meeting = null
    talk.state = 'up'
    void wire.closed.then(() => {
      this.#talks.end(talk, 'down')
    })
    this.#talks.tell(talk)
    outbox().renew(peer.conv)
    this.#deps.wayChanged(peer.conv)
    await this.#post.deliver({ k: 'p2p.up', sess }, peer, 'conversation')
    if (talk.leave) await this.#leave(talk)
  }

  /** Everything of both sides that was under way over the server has arrived: it is not needed now. */
  async #leave(talk: Talk): Promise<void> {
    await talk.heardUp.promise
    if (talk.state !== 'up') return
    talk.hasLeft = true
    await this.#deps.link.leave('You have left the server while you are connected directly.')
  }
}
