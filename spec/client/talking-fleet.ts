// A fleet whose devices say things and change what was said: what people in conversations and in groups do alike.
import type { MessageView } from '../../lib/client/events.ts'
import { type Device, Fleet } from './fleet.ts'

const SMILES = ['👍', '❤'] as const

interface Saying {
  readonly text: string
  /** hex; empty while nobody has promised anything. */
  readonly mid: string
  readonly from: Device
  /** Every text it may show. */
  readonly versions: string[]
}

export interface Target<S> {
  readonly said: S
  readonly number: number
}

/** What every such fleet can do by these names. */
const COMMON = ['edit', 'react', 'remove', 'add', 'revoke', 'rename'] as const
export type Common = (typeof COMMON)[number]

export abstract class TalkingFleet<S extends Saying> extends Fleet {
  abstract readonly said: readonly S[]
  #count = 0

  abstract remove(device: Device, k: number): Promise<void>
  abstract revoke(device: Device, k: number): Promise<void>
  /** Something that the device still shows; `own`: of this account. */
  protected abstract shown(device: Device, k: number, own: boolean): Promise<Target<S> | null>
  protected abstract change(device: Device, said: S, work: () => Promise<unknown>): Promise<unknown>

  common(what: Common, device: Device, k: number): Promise<unknown> {
    switch (what) {
      case 'add':
        return this.add()
      case 'rename':
        return this.rename(device)
      case 'edit':
      case 'react':
      case 'remove':
      case 'revoke':
        return this[what](device, k)
    }
  }

  async edit(device: Device, k: number): Promise<void> {
    const target = await this.shown(device, k, true)
    if (target === null) return
    const { said, number } = target
    const text = `${said.text} (${this.next()})`
    said.versions.push(text)
    await this.change(device, said, () => device.player.session.life.edit(number, text))
  }

  async react(device: Device, k: number): Promise<void> {
    const target = await this.shown(device, k, false)
    if (target === null) return
    const emoji = SMILES[k % 2] ?? SMILES[0]
    await this.change(device, target.said, () =>
      device.player.session.life.react(target.number, emoji, k % 3 !== 0),
    )
  }

  /** No text is said twice. */
  protected next(): number {
    return ++this.#count
  }

  protected among(
    known: readonly S[],
    k: number,
    rows: (said: S) => Promise<readonly MessageView[]>,
  ): Promise<Target<S> | null> {
    // the youngest are the most interesting
    const said = known.at(-1 - (k % Math.min(6, Math.max(1, known.length))))
    return said === undefined || said.mid === '' ? Promise.resolve(null) : this.#find(said, rows)
  }

  async #find(
    said: S,
    rows: (said: S) => Promise<readonly MessageView[]>,
  ): Promise<Target<S> | null> {
    const row = (await rows(said)).find(({ mid, body }) => mid === said.mid && body.kind === 'text')
    return row === undefined ? null : { said, number: row.number }
  }
}

export function isCommon(what: string): what is Common {
  return COMMON.some((each) => each === what)
}
