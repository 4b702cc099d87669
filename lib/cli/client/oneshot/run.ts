// What the one-shot commands do with a session. Each takes what waits on the server first, so that its answer is of now.
import type { ChatInfo, Session } from '../../../client/api.ts'
import type { MessageView } from '../../../client/events.ts'
import { fail } from '../../../util/errors.ts'
import { EXIT, type ExitCode } from '../../exit-codes.ts'
import type { App } from '../app.ts'
import type { OneShot } from '../args.ts'
import { chatArgument } from '../chat-target.ts'
import { readText } from './read-text.ts'

/** How results are printed: in words or as JSON. */
export interface Printer {
  message(view: MessageView): void
  chats(list: readonly ChatInfo[]): Promise<void>
  status(): Promise<void>
  sent(what: Readonly<Record<string, unknown>>): void
}

export interface OneShotDeps {
  readonly app: App
  readonly print: Printer
  readonly input: NodeJS.ReadableStream
  /** Resolves when somebody stops the program. */
  readonly stopped: Promise<unknown>
}

const SEND_TIMEOUT_S = 60
const TAIL = 10
const READ_MAX = 1000

export async function runOneShot(deps: OneShotDeps, shot: OneShot): Promise<ExitCode> {
  const session = deps.app.requireSession()
  switch (shot.name) {
    case 'send':
      return send(deps, session, shot)
    case 'read':
      return read(deps, session, shot)
    case 'wait':
      return wait(deps, session, shot)
    case 'tail':
      return tail(deps, session, shot)
    case 'chats':
      await session.caughtUp()
      await deps.print.chats(await session.chats())
      return EXIT.ok
    case 'status':
      await deps.print.status()
      return EXIT.ok
  }
}

/** `@alice`, `alice`, `#team`, the number of a chat. */
function chatOf(session: Session, typed: string): string {
  return chatArgument(session, typed.replace(/^@/, ''))
}

async function send(
  { app, print, input }: OneShotDeps,
  session: Session,
  shot: OneShot,
): Promise<ExitCode> {
  const [to = '', ...words] = shot.args
  if ((shot.file === undefined) === (words.length === 0)) {
    fail('E_USAGE', 'Give a TEXT, or - for standard input, or --file PATH: one of them.')
  }
  const chat = chatOf(session, to)
  if (shot.file !== undefined) {
    const offer = await session.offerFile(chat, shot.file)
    await within(shot.timeoutSeconds ?? Infinity, session.settled())
    const now = (await session.files()).find(({ number }) => number === offer.number) ?? offer
    print.sent({ offer: now })
    if (now.state === 'failed') fail(now.code ?? 'E_FILE', `${now.name} was not sent.`)
    return app.undelivered
  }
  const text = words.length === 1 && words[0] === '-' ? await readText(input) : words.join(' ')
  if (text === '') fail('E_USAGE', 'There is nothing to send.')
  const sent = await session.send(chat, text)
  await within(shot.timeoutSeconds ?? SEND_TIMEOUT_S, session.settled())
  print.sent({ message: await session.message(sent.number) })
  return app.undelivered
}

async function within(seconds: number, work: Promise<void>): Promise<void> {
  if (seconds === Infinity) return work
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, seconds * 1000, 'late')
  })
  const first = await Promise.race([work, late])
  clearTimeout(timer)
  if (first === 'late') {
    fail(
      'E_TIMEOUT',
      'The server has not taken it yet. It is kept, and goes out at the next start.',
    )
  }
}

async function read({ print }: OneShotDeps, session: Session, shot: OneShot): Promise<ExitCode> {
  await session.caughtUp()
  const [typed] = shot.args
  if (shot.all) {
    const chat = chatOf(session, typed ?? fail('E_USAGE', 'Of which chat? read CHAT --all'))
    const views = await session.history(chat, { limit: shot.count ?? READ_MAX })
    for (const view of views) print.message(view)
    await markPrinted(session, chat, views)
  } else {
    await take(session, print, await unread(session, await convOf(session, typed)), shot.count)
  }
  await session.settled()
  return EXIT.ok
}

/** What others wrote and nobody has read, oldest first; of one conversation or of all. */
async function unread(session: Session, conv: string | null): Promise<MessageView[]> {
  const found: MessageView[] = []
  for (const chat of await session.chats()) {
    if (chat.unread === 0 || (conv !== null && chat.conv !== conv)) continue
    found.push(...(await session.unread(chat.state.user)))
  }
  return found.sort((a, b) => a.number - b.number)
}

/** Prints them, the first `count` if there are more, and marks these as read. */
async function take(
  session: Session,
  print: Printer,
  views: readonly MessageView[],
  count = Infinity,
): Promise<void> {
  const printed = views.slice(0, count)
  for (const view of printed) print.message(view)
  const vanishing = printed.filter(({ ttlMs }) => ttlMs !== undefined)
  if (vanishing.length > 0) await session.life.shown(vanishing.map(({ number }) => number))
  for (const chat of new Set(printed.map((view) => view.chat))) {
    await markPrinted(session, chat, printed)
  }
}

/** Up to the first that was not printed: it stays unread. */
async function markPrinted(
  session: Session,
  chat: string,
  printed: readonly MessageView[],
): Promise<void> {
  const numbers = new Set(printed.map(({ number }) => number))
  const left = (await session.unread(chat)).find(({ number }) => !numbers.has(number))
  await session.markRead(chat, left === undefined ? undefined : left.number - 1)
}

/** Calls back with every message that comes, of one chat or of all. The function ends it. */
function follow(
  session: Session,
  conv: string | null,
  heard: (view: MessageView) => unknown,
): () => void {
  return session.on((event) => {
    if (event.type !== 'message' || event.message.own) return
    if (conv === null || event.message.conv === conv) heard(event.message)
  })
}

async function convOf(session: Session, typed: string | undefined): Promise<string | null> {
  if (typed === undefined) return null
  return (await session.life.chatOf(chatOf(session, typed))).conv
}

/** `read` that waits until there is something. */
async function wait(
  { print, stopped }: OneShotDeps,
  session: Session,
  shot: OneShot,
): Promise<ExitCode> {
  const conv = await convOf(session, shot.args[0])
  let timer: NodeJS.Timeout | undefined
  let end: () => void = () => undefined
  const came = new Promise<'came'>((resolve) => {
    end = follow(session, conv, () => {
      resolve('came')
    })
  })
  const late = new Promise<'late'>((resolve) => {
    if (shot.timeoutSeconds === undefined) return
    timer = setTimeout(resolve, shot.timeoutSeconds * 1000, 'late')
  })
  await session.caughtUp()
  let views = await unread(session, conv)
  if (views.length === 0) {
    await Promise.race([came, late, stopped])
    views = await unread(session, conv)
  }
  end()
  clearTimeout(timer)
  await take(session, print, views)
  await session.settled()
  return views.length === 0 ? EXIT.temporary : EXIT.ok
}

async function tail(
  { print, stopped }: OneShotDeps,
  session: Session,
  shot: OneShot,
): Promise<ExitCode> {
  const [typed] = shot.args
  const conv = await convOf(session, typed)
  await session.caughtUp()
  // what comes while the past is being read is printed behind it
  const early: MessageView[] = []
  let show = (view: MessageView): unknown => early.push(view)
  const end = follow(session, conv, (view) => show(view))
  const past =
    typed === undefined
      ? []
      : await session.history(chatOf(session, typed), { limit: shot.count ?? TAIL })
  const last = Math.max(0, ...past.map(({ number }) => number))
  for (const view of [...past, ...early.filter(({ number }) => number > last)]) print.message(view)
  show = (view) => {
    print.message(view)
  }
  await stopped
  end()
  return EXIT.ok
}
