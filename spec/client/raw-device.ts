// A device that keeps to the wire and to nothing else: says what no honest client would, under a genuine account.
import { LaunchKey, openChannel } from '../../lib/client/account/channel.ts'
import { loginDevice } from '../../lib/client/account/device-login.ts'
import type { Wire } from '../../lib/client/wire.ts'
import { randomBytes } from '../../lib/crypto/random.ts'
import type { Gossip } from '../../lib/envelope/gossip.ts'
import { decodeHead, encodeHead } from '../../lib/envelope/head.ts'
import type { SealedMessage } from '../../lib/envelope/message.ts'
import { SenderStream } from '../../lib/envelope/sender-stream.ts'
import { type VerifiedBundle, verifyBundle } from '../../lib/identity/bundle.ts'
import { convId } from '../../lib/identity/conversation.ts'
import { verifyDeviceList } from '../../lib/identity/device-list.ts'
import { OUTER_VERSION } from '../../lib/protocol/version.ts'
import { encodePayload } from '../../lib/protocol/payloads.ts'
import { type Bytes, equal } from '../../lib/util/bytes.ts'
import type { Person } from '../helpers/people.ts'
import { type Player, type World, WORLD_SRV } from './world.ts'

export class RawDevice {
  readonly who: Person
  readonly #world: World
  readonly #wire: Wire

  private constructor(world: World, who: Person, wire: Wire) {
    this.#world = world
    this.who = who
    this.#wire = wire
  }

  /** Takes the place of the player's own client. */
  static async of(player: Player): Promise<RawDevice> {
    const { world, who } = player
    if (who === null) throw new Error('prepare it first')
    const deps = player.deps()
    const server = { host: 'server.test', port: 7700, srv: WORLD_SRV }
    const { wire } = await openChannel(
      deps,
      { ...server, highestVersion: OUTER_VERSION },
      new LaunchKey(deps),
    )
    await loginDevice(wire, { srv: WORLD_SRV, acct: who.acct, dev: who.dev }, who.dsk)
    return new RawDevice(world, who, wire)
  }

  /** A stream to every device of this person. */
  async stream(to: Player): Promise<RawStream> {
    const { acct, user } = to.who ?? this.who
    const reply = await this.#wire.request('dir.get', { acct })
    const [dl] = reply.dls
    if (dl === undefined) throw new Error('no list')
    const { list } = verifyDeviceList(undefined, { srv: WORLD_SRV, acct, user }, dl)
    const now = this.#world.clock.now()
    const stream = await SenderStream.open({
      srv: WORLD_SRV,
      conv: convId({ srv: WORLD_SRV, acct: this.who.acct }, { srv: WORLD_SRV, acct }),
      from: this.who,
      dsk: this.who.dsk,
      recipients: reply.bun.map((bundle) => verifyBundle(list, bundle, now, 0)),
      now,
    })
    const { st, head, wraps } = stream
    await this.#wire.request('st.open', { st, at: 0, w: wraps, head })
    return new RawStream(this.#wire, stream)
  }

  /** A stream of a group, whoever is in it by its state. */
  async groupStream(
    { conv, gs }: { readonly conv: Bytes; readonly gs: Bytes },
    to: readonly Player[],
  ): Promise<RawStream> {
    const now = this.#world.clock.now()
    const recipients: VerifiedBundle[] = []
    for (const player of to) {
      const { acct, user } = player.who ?? this.who
      const reply = await this.#wire.request('dir.get', { acct })
      const [dl] = reply.dls
      if (dl === undefined) throw new Error('no list')
      const { list } = verifyDeviceList(undefined, { srv: WORLD_SRV, acct, user }, dl)
      recipients.push(...reply.bun.map((bundle) => verifyBundle(list, bundle, now, 0)))
    }
    const { who } = this
    const stream = await SenderStream.open({
      ...{ srv: WORLD_SRV, conv, gs, from: who, dsk: who.dsk, recipients, now },
    })
    const { st, head, wraps } = stream
    await this.#wire.request('st.open', { st, at: 0, w: wraps, head })
    return new RawStream(this.#wire, stream)
  }

  /** The same stream once more, after the server has forgotten it, with a head that names one person only. */
  async reopen({ head, st, sent }: RawStream, to: Player): Promise<void> {
    const named = decodeHead(head)
    const alone = named.to.filter(({ acct }) => equal(acct, to.who?.acct ?? st))
    const again = encodeHead({ ...named, to: alone })
    const w = alone.map(() => [randomBytes(256), randomBytes(1088), randomBytes(48)] as const)
    await this.#wire.request('st.open', { st, at: 0, w, head: again })
    for (const { i, n, c } of sent) await this.#wire.request('msg.put', { st, i, n, c })
  }

  close(): Promise<void> {
    return this.#wire.close()
  }
}

export class RawStream {
  readonly st: Bytes
  readonly head: Bytes
  readonly sent: SealedMessage[] = []
  readonly #wire: Wire
  readonly #stream: SenderStream

  constructor(wire: Wire, stream: SenderStream) {
    this.st = stream.st
    this.head = stream.head
    this.#wire = wire
    this.#stream = stream
  }

  seal(payload: Bytes, gossip: Gossip = {}): Promise<SealedMessage> {
    return this.#stream.seal(payload, gossip)
  }

  async send(payload: Bytes, gossip: Gossip = {}): Promise<void> {
    const message = await this.seal(payload, gossip)
    const { i, n, c } = message
    this.sent.push(message)
    await this.#wire.request('msg.put', { st: this.st, i, n, c })
  }

  async text(text: string, gossip: Gossip = {}): Promise<void> {
    await this.send(textBytes(text), gossip)
  }
}

export function textBytes(text: string, id: Bytes = randomBytes(16)): Buffer {
  return encodePayload({ k: 'text', id, ts: 1, b: text })
}
