// Chats that were deleted for oneself, on this device or another one of the account: their rows go, here and from what the
// history brings back; what was said later stays (PROTOCOL 7.1 sync, 11).
import type { DeviceId } from '../../identity/conversation.ts'
import { equal } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { BoundedMap } from '../../util/rate.ts'
import type { Chats } from '../people/chats.ts'
import { type GoneMark, goneRow, isCovered, isOnItsWay, type Origin } from './gone.ts'
import type { MessageLog } from './message-log.ts'
import type { MessageRow } from './row.ts'

export interface GoneDeps {
  readonly device: DeviceId
  readonly chats: Chats
  readonly messages: () => MessageLog
  readonly clock: Clock
}

/** What left here lately; a mark of another device comes soon after the connection does. */
const LEFT_MAX = 1000

export class GoneChats {
  readonly #deps: GoneDeps
  /** When the server took a message of this device (ms): the others saw it only then. */
  readonly #left = new BoundedMap<number>(LEFT_MAX)

  constructor(deps: GoneDeps) {
    this.#deps = deps
  }

  /** Everything of the conversation goes. Resolves to what the other devices have to know. */
  async here(conv: string): Promise<GoneMark> {
    const { device, clock } = this.#deps
    const messages = this.#deps.messages()
    const [newest] = await messages.arrivals(conv, null, 1)
    const at = Math.max(clock.now(), newest?.at ?? 0)
    const row = await messages.forget(conv, () => true, goneRow(conv, device, at))
    const mark = { conv, dev: device.dev, number: row?.number ?? 0, at }
    await this.#keep(mark)
    return mark
  }

  /** Another device says so, now or in the history: said again, it does not concern what has come meanwhile. */
  async take(mark: GoneMark): Promise<void> {
    const known = this.#deps.chats.find(mark.conv)?.gone.find(({ dev }) => equal(dev, mark.dev))
    if (known !== undefined && known.number >= mark.number) return
    await this.#deps.messages().forget(mark.conv, (row) => {
      const isLater = isOnItsWay(row) || (this.#left.get(row.key) ?? 0) > mark.at
      return !isLater && isCovered(mark, row)
    })
    // last: what a crash interrupts is done again
    await this.#keep(mark)
  }

  /** A message of this device (hex of its mid) is on the server. */
  accepted(mid: string): void {
    this.#left.set(mid, this.#deps.clock.now())
  }

  /** Whether a row that the history offers was deleted with its chat. */
  covers(row: Pick<MessageRow, 'conv' | 'ts' | 'at'>, origin: Origin): boolean {
    const marks = this.#deps.chats.find(row.conv)?.gone ?? []
    return marks.some((mark) => isCovered({ ...mark, conv: row.conv }, row, origin))
  }

  async #keep({ conv, dev, number, at }: GoneMark): Promise<void> {
    await this.#deps.chats.gone(conv, { dev, number, at })
  }
}
