// The front of the full screen: says the same words as the one of the line mode, but each message in the pane of its chat.
import type { MessageView } from '../../../client/events.ts'
import type { Clock } from '../../../util/clock.ts'
import type { Mark, OpenForm } from '../front.ts'
import type { Room } from '../qr.ts'
import { ScreenFront } from '../screen-front.ts'
import type { NotifyHook } from '../notify-hook.ts'
import type { Ui } from '../ui.ts'
import type { Panes } from './panes.ts'

export interface FullHooks {
  /** The list of chats may look different now. */
  readonly onChange: () => void
  /** This chat is on show for the first time. */
  readonly onNewPane: (chat: string) => void
  /** What is left for a row of the transcript. */
  readonly room: () => Room
}

export class FullFront extends ScreenFront {
  readonly #panes: Panes
  readonly #hooks: FullHooks
  #user: string | null = null
  /** The chat is being opened: its title is the next one, and lines of the past go to their places. */
  #isOpening = false
  #isTitled = true

  constructor(
    ui: Ui,
    prompts: OpenForm,
    clock: Clock,
    panes: Panes,
    hooks: FullHooks,
    notify?: NotifyHook,
  ) {
    super(ui, prompts, clock, notify)
    this.#panes = panes
    this.#hooks = hooks
  }

  /** A line was typed: what follows is the answer to it. */
  typed(): void {
    this.#isOpening = false
    this.#panes.open.toBottom()
  }

  override row(mark: Mark, text: string): void {
    if (mark !== '-' || this.#isTitled) {
      super.row(mark, text)
      return
    }
    this.#isTitled = true
    this.#panes.open.title = text
    this.#hooks.onChange()
  }

  override message(view: MessageView, fills: boolean, quiet = false): void {
    this.#panes.arrived(view, () => {
      super.message(view, fills, quiet)
    })
    this.#hooks.onChange()
  }

  override past(view: MessageView): void {
    const show = (): void => {
      super.past(view)
    }
    if (this.#isOpening && view.chat === this.#panes.open.chat) this.#panes.place(view, show)
    else this.#panes.answer(view, show)
  }

  /** A message as it is now, in its place in its chat. */
  renew(view: MessageView): void {
    this.#panes.place(view, () => {
      super.past(view)
    })
  }

  override place(user: string | null, chat: string | null, isDirect = false): void {
    if (user !== this.#user) this.#panes.forget()
    this.#user = user
    if (chat !== this.#panes.open.chat) {
      const isNew = this.#panes.show(chat)
      this.#isOpening = true
      this.#isTitled = chat === null
      if (isNew && chat !== null) {
        this.#panes.open.title = chat
        this.#hooks.onNewPane(chat)
      }
    }
    super.place(user, chat, isDirect)
    this.#hooks.onChange()
  }

  protected override get room(): Room {
    return this.#hooks.room()
  }

  /** The panes draw a row where the day changes. */
  protected override day(): void {
    // see Pane
  }
}
