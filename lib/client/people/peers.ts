// All accounts this profile has met, in memory and in the sealed store. One name, one identity (PROTOCOL 5.1).
import type { Keys, Records } from '../../storage/ports.ts'
import type { Bytes } from '../../util/bytes.ts'
import { hex } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'
import { GroupCommit } from '../group-commit.ts'
import { decodePeer, encodePeer, type Peer } from './peer.ts'

export const PEER_KIND = 'peer'
export const peerKeys: Keys = { index: { all: 'yes' } }
const PAGE = 500

export class Peers {
  readonly #byId = new Map<string, Peer>()
  readonly #byConv = new Map<string, string>()
  readonly #commit: GroupCommit<string>

  constructor(records: Records) {
    this.#commit = new GroupCommit(async (ids) => {
      // the newest state of each, once
      const items = [...new Set(ids)].map((id) => ({
        id,
        body: encodePeer(this.#byId.get(id) ?? fail('E_STORE')),
        keys: peerKeys,
      }))
      await records.putMany(PEER_KIND, items)
      return ids.map(() => undefined)
    })
  }

  static async open(records: Records): Promise<Peers> {
    const peers = new Peers(records)
    let after: string | null = null
    for (;;) {
      const page = await records.list(PEER_KIND, 'all', 'yes', after, PAGE)
      for (const record of page) peers.#keep(decodePeer(record.body))
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return peers
      after = last.id
    }
  }

  all(): Peer[] {
    return [...this.#byId.values()]
  }

  get(acct: Bytes | string): Peer | undefined {
    return this.#byId.get(typeof acct === 'string' ? acct : hex(acct))
  }

  byConv(conv: string): Peer | undefined {
    const id = this.#byConv.get(conv)
    return id === undefined ? undefined : this.#byId.get(id)
  }

  /** By the present name, else by a former one: nobody else may ever carry it. */
  byName(user: string): Peer | undefined {
    const all = this.all()
    return (
      all.find((peer) => peer.pin.user === user) ??
      all.find((peer) => (peer.pin.former as readonly string[]).includes(user))
    )
  }

  /** In memory at once, so that the next reader sees it; resolves when it is durable. */
  async put(peer: Peer): Promise<Peer> {
    this.#keep(peer)
    await this.#commit.add(peer.id)
    return peer
  }

  /** @throws E_NOT_FOUND for an account never met */
  change(acct: Bytes | string, change: (peer: Peer) => Peer): Promise<Peer> {
    return this.put(change(this.get(acct) ?? fail('E_NOT_FOUND')))
  }

  idle(): Promise<void> {
    return this.#commit.idle()
  }

  #keep(peer: Peer): void {
    this.#byId.set(peer.id, peer)
    this.#byConv.set(peer.conv, peer.id)
  }
}
