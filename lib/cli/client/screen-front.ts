// The front with a screen: the words of the App as rows of the interactive window.
import type { ConnectionState, MessageState, MessageView, Offer } from '../../client/events.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import type { TickState } from '../theme.ts'
import { chatWord, isGroupName } from './chat-words.ts'
import { Faces, type Known } from './faces.ts'
import { clockTime, duration, longDate, sameDay } from './format.ts'
import type { Forms, Front, Mark, OpenForm, PictureShow, Progress } from './front.ts'
import { answerWords, bodyWords, groupLine, notesOf } from './message-text.ts'
import { qrEntry, type Room } from './qr.ts'
import { Notifier } from './notifier.ts'
import type { NotifyHook } from './notify-hook.ts'
import { DEFAULT_PREFERENCES, type Preferences } from './preferences.ts'
import { type Entry, listing, notice, section } from './rows.ts'
import type { Ui } from './ui.ts'
import { type UnreadChat, unreadWords } from './unread.ts'

const RECEIPTS_MS = 5000

const TICKS: Readonly<Record<MessageState, TickState>> = {
  queued: 'queued',
  sent: 'queued',
  accepted: 'sent',
  delivered: 'delivered',
  read: 'read',
  held: 'held',
  failed: 'failed',
}

export class ScreenFront implements Front {
  readonly attended = true
  forms: Forms | null = null
  pictures: PictureShow | undefined
  readonly #ui: Ui
  readonly #prompts: OpenForm
  readonly #clock: Clock
  readonly #notifier: Notifier
  readonly #hook: NotifyHook | undefined
  readonly #faces: Faces
  #preferences = DEFAULT_PREFERENCES
  #user: string | null = null
  #chat: string | null = null
  #lastDay: number | null = null
  #isDirect = false
  #offline: {
    readonly reason: string
    readonly until: number | null
    readonly attempt: number
  } | null = null
  #offlineSince: number | null = null
  #unread = ''
  #waiting: Entry[] | null = null
  #countdown: Timer | null = null
  /** What became of own messages while their row was out of reach: told in one row, not in one each. */
  readonly #late = new Map<number, 'delivered' | 'read'>()
  readonly #own = new Map<number, { readonly chat: string; readonly time: string }>()
  #lateTimer: Timer | null = null

  /** `hook` is told of new messages besides the desktop. */
  constructor(ui: Ui, prompts: OpenForm, clock: Clock, hook?: NotifyHook) {
    this.#notifier = new Notifier(clock)
    this.#hook = hook
    this.#ui = ui
    this.#faces = new Faces(ui.theme)
    this.#prompts = prompts
    this.#clock = clock
  }

  /** The whole form is one loan of the terminal: nothing typed early can end up on the line. */
  form<T>(fn: () => Promise<T>): Promise<T> {
    if (this.forms !== null) return fn()
    return this.#ui.modal(() =>
      this.#prompts.form(
        async (forms) => {
          this.forms = this.#undisturbed(forms)
          try {
            return await fn()
          } finally {
            this.forms = null
          }
        },
        undefined,
        (typed) => {
          this.#ui.typedAhead(typed)
        },
      ),
    )
  }

  /** While a question is on the screen nothing is printed onto it: rows wait for the answer. */
  #undisturbed(forms: Forms): Forms {
    const during = async <T>(ask: () => Promise<T>): Promise<T> => {
      this.#waiting ??= []
      try {
        return await ask()
      } finally {
        const rows = this.#waiting
        this.#waiting = null
        for (const row of rows) this.#print(row)
      }
    }
    return {
      text: (options) => during(() => forms.text(options)),
      password: (options) => during(() => forms.password(options)),
      confirm: (message, initial) => during(() => forms.confirm(message, initial)),
      choose: (message, choices) => during(() => forms.choose(message, choices)),
    }
  }

  row(mark: Mark, text: string): void {
    this.#print(mark === '-' ? section(text) : notice(mark, text))
  }

  rows(mark: Mark, lines: readonly string[]): void {
    if (mark === '-') this.#print(section(lines.join(' ')))
    else if (mark === '~') for (const line of lines) this.row(mark, line)
    else this.#print(listing(mark, lines))
  }

  message(view: MessageView, fills: boolean, quiet = false): void {
    this.#show(view, fills)
    if (!view.own) this.#notify(view, !quiet)
  }

  unread(list: readonly UnreadChat[]): void {
    const words = unreadWords(list)
    this.#unread = words === '' ? '' : `unread: ${words}   Alt-A opens the first`
    this.#showOffline()
  }

  contacts(known: Known): void {
    this.#faces.use(known)
  }

  preferences(now: Preferences): void {
    this.#preferences = now
  }

  #notify(view: MessageView, bell: boolean): void {
    const from = isGroupName(view.chat) ? `${view.chat} ${view.from}` : view.from
    const { notify } = this.#preferences
    const alarm = this.#notifier.alarm(
      { from, words: bodyWords(view.body) },
      { bell, desktop: notify },
      { focused: this.#ui.focused, idleMs: this.#ui.idleMs },
    )
    if (alarm === null) return
    this.#ui.alert(alarm)
    if (alarm.desktop !== undefined) this.#hook?.(alarm.desktop)
  }

  past(view: MessageView): void {
    this.#show(view, false)
  }

  #show(view: MessageView, fills: boolean): void {
    this.day(view.saidAt)
    const change = groupLine(view)
    if (change !== null) {
      this.row('*', change)
      return
    }
    const time = clockTime(view.saidAt, this.#preferences.time)
    const body = view.body.kind === 'text' ? view.body.text : bodyWords(view.body)
    const note = notesOf(view, fills)
    const number = { text: `${String(view.number)} `, role: 'muted' as const }
    const answer = answerWords(view)
    if (answer !== null) this.row('~', `${String(view.number)} ${answer}`)
    const text = {
      time,
      body,
      formatted: view.body.kind === 'text',
      ...(note === '' ? {} : { note: { text: note, role: 'muted' as const } }),
    }
    if (view.own) {
      this.#remember(view.number, view.chat, time)
      this.#ui.message(
        {
          ...text,
          who: [number, { text: 'me ', role: 'me' }, ...this.#faces.chat(view.chat)],
        },
        { id: String(view.number), state: TICKS[view.state ?? 'queued'] },
      )
    } else {
      const where = isGroupName(view.chat) ? [{ text: `${view.chat} `, role: 'chat' as const }] : []
      this.#ui.message({
        ...text,
        who: [number, ...where, ...this.#faces.person(view.from, view.acct)],
      })
    }
  }

  messageState(number: number, state: MessageState): void {
    if (this.#ui.setTick(String(number), TICKS[state])) return
    if ((state !== 'delivered' && state !== 'read') || !this.#own.has(number)) return
    this.#late.set(number, state)
    this.#lateTimer ??= this.#clock.after(RECEIPTS_MS, () => {
      this.#tellLate()
    })
  }

  progress({ offer, bytesPerSecond, etaMs }: Progress): void {
    this.#ui.setProgress(String(offer.number), {
      direction: offer.direction === 'in' ? 'down' : 'up',
      name: offer.name,
      peer: offer.peer,
      doneBytes: offer.bytes,
      totalBytes: offer.size,
      bytesPerSecond,
      etaMs,
      note: offer.state === 'waiting' ? `waiting for ${offer.peer}` : undefined,
    })
  }

  progressEnd(offer: Offer): void {
    this.#ui.setProgress(String(offer.number), null)
  }

  question(text: string, hint: string, answer: (yes: boolean) => void): { withdraw(): void } {
    const number = Number(/!accept (\d+)/.exec(hint)?.[1] ?? 0)
    const asked = this.#ui.ask({ text, hint, ...(number > 0 ? { number } : {}) })
    void asked.answer.then((given) => {
      if (given !== undefined) answer(given === 'y')
    })
    return {
      withdraw: () => {
        asked.withdraw()
      },
    }
  }

  connection(state: ConnectionState): void {
    this.#countdown?.cancel()
    this.#countdown = null
    if (state.state === 'online') {
      if (this.#offlineSince !== null) {
        this.row('*', `Back online after ${duration(this.#clock.now() - this.#offlineSince)}.`)
      }
      this.#offline = null
      this.#offlineSince = null
    } else {
      this.#offlineSince ??= this.#clock.now()
      const next = state.state === 'offline' ? (state.nextTryMs ?? null) : null
      this.#offline = {
        reason: state.state === 'offline' ? state.reason : 'connecting',
        until: next === null ? null : this.#clock.now() + next,
        attempt: state.state === 'connecting' ? state.attempt : 0,
      }
    }
    this.#showPlace()
  }

  place(user: string | null, chat: string | null, isDirect = false): void {
    this.#user = user
    this.#isDirect = isDirect
    this.#chat = chat
    if (user === null) this.#offline = null
    this.#showPlace()
  }

  giveBack(line: string): void {
    this.#ui.restore(line)
  }

  clear(): void {
    this.#ui.clear()
  }

  conceal(): void {
    this.#late.clear()
    this.#own.clear()
    this.#lateTimer?.cancel()
    this.#lateTimer = null
    this.#lastDay = null
    this.#ui.conceal()
  }

  qr(payload: string, words: readonly string[] = []): void {
    this.#print(qrEntry(payload, words, this.room, this.#ui.theme.unicode))
  }

  /** For what has to be seen at once. */
  protected get room(): Room {
    return { cols: this.#ui.cols, rows: this.#ui.rows }
  }

  end(): void {
    this.#countdown?.cancel()
    this.#lateTimer?.cancel()
  }

  /** Between the questions of a form a row is shown at once; else it takes its turn in the transcript. */
  #print(entry: Entry): void {
    if (this.#waiting !== null) this.#waiting.push(entry)
    else if (this.forms === null) this.#ui.print(entry)
    else this.#ui.printNow(entry)
  }

  #showPlace(): void {
    const who = this.#user ?? 'not logged in'
    const way = this.#isDirect ? ' (direct)' : ''
    const where = this.#chat === null ? [] : [' ', ...this.#faces.chat(this.#chat), way]
    this.#ui.setPrompt([who, ...where, `${this.#offline === null ? '' : ' (offline)'} > `])
    this.#showOffline()
  }

  #showOffline(): void {
    this.#countdown?.cancel()
    this.#countdown = null
    if (this.#offline === null) {
      this.#ui.setStatus(this.#unread)
      return
    }
    const { reason, until, attempt } = this.#offline
    if (until === null) {
      this.#ui.setStatus(attempt > 0 ? `connecting, try ${String(attempt)}` : `offline: ${reason}`)
      return
    }
    const left = Math.max(0, until - this.#clock.now())
    // first what changes: a narrow window cuts the end
    this.#ui.setStatus(`offline, next try in ${duration(left)}: ${reason}`)
    this.#countdown = this.#clock.after(1000, () => {
      this.#showOffline()
    })
  }

  /** A row when the day changes between two messages. */
  protected day(at: number): void {
    const before = this.#lastDay ?? this.#clock.now()
    this.#lastDay = at
    if (!sameDay(before, at)) this.#ui.print(section(longDate(at)))
  }

  #remember(number: number, chat: string, time: string): void {
    this.#own.set(number, { chat, time })
    const [oldest] = this.#own.keys()
    if (this.#own.size > 1000 && oldest !== undefined) this.#own.delete(oldest)
  }

  #tellLate(): void {
    this.#lateTimer = null
    const told = new Map<string, { count: number; since: string }>()
    for (const [number, state] of this.#late) {
      const own = this.#own.get(number)
      if (own === undefined) continue
      const words = lateWords(own.chat, state)
      const { count, since } = told.get(words) ?? { count: 0, since: own.time }
      told.set(words, { count: count + 1, since })
    }
    for (const [words, { count, since }] of told) {
      const what =
        count === 1 ? `your message of ${since}` : `your ${String(count)} messages since ${since}`
      this.row('*', `${words} ${what}`)
    }
    this.#late.clear()
  }
}

/** Of a group: delivered is to one of its members, read is by all. */
function lateWords(chat: string, state: 'delivered' | 'read'): string {
  const isRead = state === 'read'
  if (!isGroupName(chat)) return `${chatWord(chat)} has${isRead ? ' read' : ''}`
  return isRead ? `All in ${chatWord(chat)} have read` : `Somebody in ${chatWord(chat)} has`
}
