// A Front that writes down what it was told, and a Session of which a test fills in the few methods it needs.
import type { Session } from '../../lib/client/api.ts'
import type { ClientEvent, ContactInfo, MessageView, Offer } from '../../lib/client/events.ts'
import type { GroupInfo } from '../../lib/client/group-api.ts'
import type { ClientDeps } from '../../lib/client/ports.ts'
import { App, type AppOptions } from '../../lib/cli/client/app.ts'
import type { Forms, Front, PictureShow } from '../../lib/cli/client/front.ts'
import { present } from '../../lib/cli/client/present.ts'
import { silentLog } from '../../lib/util/log.ts'

export class FakeFront implements Front {
  attended = false
  forms: Forms | null = null
  pictures: PictureShow | undefined
  readonly said: string[] = []
  form<T>(fn: () => Promise<T>): Promise<T> {
    return fn()
  }

  readonly questions: { text: string; answer: (yes: boolean) => void; open: boolean }[] = []
  back: string | null = null
  where: [string | null, string | null] = [null, null]
  isDirect = false

  row(mark: string, text: string): void {
    this.said.push(`${mark} ${text}`)
  }
  rows(mark: string, lines: readonly string[]): void {
    for (const line of lines) this.row(mark, line)
  }
  message(view: MessageView): void {
    this.said.push(`${view.from}: ${view.body.kind === 'text' ? view.body.text : view.body.kind}`)
  }
  past(view: MessageView): void {
    this.said.push(String(view.number))
    this.message(view)
  }
  messageState(number: number, state: string): void {
    this.said.push(`#${String(number)} ${state}`)
  }
  progress(): void {
    this.said.push('progress')
  }
  progressEnd(offer: Offer): void {
    this.said.push(`end ${String(offer.number)}`)
  }
  question(text: string, hint: string, answer: (yes: boolean) => void): { withdraw(): void } {
    const asked = { text: `${text} ${hint}`, answer, open: true }
    this.questions.push(asked)
    return {
      withdraw: () => {
        asked.open = false
      },
    }
  }
  connection(): void {
    this.said.push('connection')
  }
  place(user: string | null, chat: string | null, isDirect = false): void {
    this.where = [user, chat]
    this.isDirect = isDirect
  }
  giveBack(line: string): void {
    this.back = line
  }
  clear(): void {
    this.said.push('clear')
  }
  qr(payload: string, words: readonly string[] = []): void {
    this.said.push(`qr ${payload}`)
    this.rows('*', words)
  }
}

export const ALICE: ContactInfo = {
  user: 'alice',
  acct: 'aa',
  displayName: '',
  formerNames: [],
  trust: 'unverified',
  accepted: true,
  blockedByMe: false,
  devices: 1,
  conv: 'c0',
}

/** Bob's, unless told otherwise: he is its admin. */
export const TEAM: GroupInfo = {
  conv: 'g0',
  number: 5,
  chat: '#team',
  name: 'team',
  topic: '',
  members: [
    { user: 'bob', acct: 'bb', admin: true, me: true, trust: 'unverified' },
    { user: 'alice', acct: 'aa', admin: false, me: false, trust: 'verified' },
    { user: 'carol', acct: 'cc', admin: false, me: false, trust: 'unverified' },
  ],
  admin: true,
  standing: 'member',
  n: 1,
}

export const OFFER: Offer = {
  number: 3,
  direction: 'in',
  peer: 'alice',
  name: 'doc.pdf',
  size: 2_100_000,
  state: 'offered',
  bytes: 0,
  mid: 'm0',
  expires: 0,
}

export interface FakeApp {
  readonly app: App
  readonly front: FakeFront
  readonly emit: (event: ClientEvent) => void
  readonly quits: number[]
}

/** An App that is logged in as bob, unless `session` is null. */
export function fakeApp(session: Partial<Session> | null, more: Partial<AppOptions> = {}): FakeApp {
  const front = new FakeFront()
  const quits: number[] = []
  const app = new App({
    connect: () => Promise.reject(new Error('no network in this test')),
    deps: { clock: { now: () => 0 }, log: silentLog } as unknown as ClientDeps,
    front,
    lock: false,
    present,
    quit: () => quits.push(1),
    sleep: () => Promise.resolve(),
    ...more,
  })
  let emit: (event: ClientEvent) => void = () => undefined
  if (session !== null) {
    const me = { user: 'bob', displayName: '', acct: 'bb', dev: 'dd', srv: 'ss' }
    const base = {
      me: { ...me, fingerprint: 'f', uri: 'u' },
      on: (listener: (event: ClientEvent) => void) => {
        emit = listener
        return () => undefined
      },
      files: () => Promise.resolve([]),
      chats: () => Promise.resolve([]),
      unread: () => Promise.resolve([]),
      contacts: () => [],
      requests: () => [],
      blocked: () => [],
      groups: { list: () => [] },
      direct: { list: () => [] },
      who: {
        find: () => Promise.resolve({ known: false, why: 'not-offered' }),
        online: () => Promise.resolve({ known: false, why: 'not-offered' }),
      },
      archive: {
        status: () => ({ batches: 0, restore: { restored: 0, expected: 0, done: true } }),
      },
    }
    const notes = new Map<string, string>()
    const notebook = {
      read: (name: string) => Promise.resolve(notes.get(name) ?? null),
      write: (name: string, text: string) => Promise.resolve(void notes.set(name, text)),
      lines: () => Promise.resolve([]),
      addLine: () => Promise.resolve(),
      forgetLines: () => Promise.resolve(),
    }
    const life = { isMuted: () => false, choice: () => 'on', shown: () => Promise.resolve() }
    app.enter({ ...base, life, notebook, ...session } as unknown as Session)
  }
  return {
    app,
    front,
    quits,
    emit: (event) => {
      emit(event)
    },
  }
}
