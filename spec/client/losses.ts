// A network between server and clients that loses and doubles deliveries now and then, and remembers what it did.
import type { Frame, FrameOf } from '../../lib/protocol/frames.ts'
import { hex } from '../../lib/util/bytes.ts'
import type { World } from './world.ts'

interface Lost {
  readonly to: string
  /** hex */
  readonly dev: string
  readonly st: string
  readonly i: number
}

export class Losses {
  readonly #planned = new Map<string, ('lose' | 'double')[]>()
  #lost: Lost[] = []
  readonly #disturbed = new Set<string>()
  #isOver = false

  constructor(world: World) {
    world.tamper = (frame, to) => (frame.t === 'mail' ? this.#mail(frame, to) : null)
  }

  /** What becomes of the next delivery to this client. */
  plan(to: string, what: 'lose' | 'double'): void {
    this.#planned.set(to, [...(this.#planned.get(to) ?? []), what])
  }

  end(): void {
    this.#isOver = true
  }

  /** Of this device (hex) something was lost for somebody, and it may be that nobody knows. */
  hasLostOf(dev: string): boolean {
    return this.#lost.some((lost) => lost.dev === dev)
  }

  /** The tail of a stream: nothing that came behind it shows that it is missing (PROTOCOL 20). */
  isUnnoticed(to: string, dev: string): boolean {
    return this.#lost.some((lost) => lost.to === to && lost.dev === dev)
  }

  /** Something between the two was lost at some time: what comes late stands where it comes. */
  isDisturbed(to: string, dev: string): boolean {
    return this.#disturbed.has(`${to}/${dev}`)
  }

  anyUnnoticed(to: string): boolean {
    return this.#lost.some((lost) => lost.to === to)
  }

  get any(): boolean {
    return this.#lost.length > 0
  }

  /** Something did not come when it was sent. */
  get everLost(): boolean {
    return this.#disturbed.size > 0
  }

  #mail(mail: FrameOf<'mail'>, to: string): readonly Frame[] | null {
    const [st, dev] = [hex(mail.st), hex(mail.f[1])]
    const [what, ...later] = this.#planned.get(to) ?? []
    if (what === undefined || this.#isOver) {
      // it came by itself, or what comes behind it tells
      this.#lost = this.#lost.filter((lost) => lost.to !== to || lost.st !== st || lost.i > mail.i)
      return null
    }
    this.#planned.set(to, later)
    if (what === 'double') return [mail, mail]
    this.#disturbed.add(`${to}/${dev}`)
    this.#lost.push({ to, dev, st, i: mail.i })
    return []
  }
}
