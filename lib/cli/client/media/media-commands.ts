// Commands about what a file shows or says: pictures, voice.
import { stat } from 'node:fs/promises'

import type { Session } from '../../../client/api.ts'
import type { Offer } from '../../../client/events.ts'
import { codeOf, fail } from '../../../util/errors.ts'
import { isolate, safeInline } from '../../sanitise.ts'
import type { App } from '../app.ts'
import { groupOf } from '../chat-target.ts'
import { chatWord, isGroupName } from '../chat-words.ts'
import { transferNumber, what } from '../file-commands.ts'
import { userArgument } from '../parse.ts'
import { HEAD_BYTES } from './image-kind.ts'
import { dropRecording, newRecording } from './recordings.ts'
import { type Recording, type Sound, soundKind } from './sound.ts'

const MAX_SECONDS = 120
/** A WAV file without any sound. */
const EMPTY_BYTES = 44

/** In a chat the line of a file has the number of its message: that one does as well. */
async function offerOfLine(session: Session, number: number): Promise<number> {
  const view = await session.message(number)
  return view?.body.kind === 'file' ? view.body.offer : -1
}

/** The file of a transfer, as far as it is here. @throws E_NOT_FOUND, E_STATE */
async function fileOf(
  app: App,
  typed: string,
): Promise<{ readonly offer: Offer; readonly path: string }> {
  const session = app.requireSession()
  const typedNumber = transferNumber(typed)
  const files = await session.files()
  const find = (n: number): Offer | undefined => files.find((each) => each.number === n)
  const offer =
    find(typedNumber) ??
    find(await offerOfLine(session, typedNumber)) ??
    fail('E_NOT_FOUND', `There is no file ${String(typedNumber)}. !files lists them.`)
  const { number } = offer
  const isHere = offer.direction === 'out' || offer.state === 'done'
  if (offer.path === undefined || !isHere) {
    fail('E_STATE', `${what(offer)} is not here yet. !accept ${String(number)} takes it.`)
  }
  return { offer, path: offer.path }
}

export async function show(app: App, [typed = '']: readonly string[]): Promise<void> {
  const { offer, path } = await fileOf(app, typed)
  const pictures =
    app.front.pictures ??
    fail('E_USAGE', `No pictures can be shown here. The file: ${isolate(safeInline(path))}`)
  app.front.row('*', `[${String(offer.number)}] ${what(offer)}`)
  await pictures.show(path)
}

/** A transfer is over: a picture that has come is shown, if this is wanted; a recording that was sent is not kept. */
export function transferred(app: App, offer: Offer): void {
  const { pictures } = app.front
  const over =
    offer.direction === 'out'
      ? dropRecording(offer.path)
      : offer.state === 'done' && app.session?.life.choice('preview') === 'on'
        ? pictures?.show(offer.path ?? '')
        : undefined
  over?.catch((error: unknown) => {
    // most files are no pictures
    app.deps.log.debug('transferred', { code: codeOf(error) })
  })
}

function soundOf(app: App): Sound {
  return app.sound ?? fail('E_INTERNAL')
}

export async function play(app: App, [typed = '']: readonly string[]): Promise<void> {
  if (typed.toLowerCase() === 'stop') {
    const wasPlaying = soundOf(app).stopPlaying()
    app.front.row('*', wasPlaying ? 'Stopped.' : 'Nothing is playing.')
    return
  }
  const { offer, path } = await fileOf(app, typed)
  const file = await app.deps.files.openRead(path)
  const head = await file.read(0, Math.min(HEAD_BYTES, file.size)).finally(() => file.close())
  await soundOf(app).play(path, soundKind(Buffer.from(head)), (tool) => {
    app.front.row('*', `Playing ${what(offer)} with ${tool}. !play stop ends it.`)
  })
}

export async function voice(app: App, [typed = '', length]: readonly string[]): Promise<void> {
  const session = app.requireSession()
  const seconds = length === undefined ? null : /^\d{1,3}$/.test(length) ? Number(length) : 0
  if (seconds !== null && (seconds < 1 || seconds > MAX_SECONDS)) {
    fail('E_USAGE', `SECONDS is a whole number from 1 to ${MAX_SECONDS}.`)
  }
  const to = isGroupName(typed) ? groupOf(session, typed).chat : userArgument(typed)
  if (!isGroupName(to)) await session.whois(to)
  const path = await newRecording(app.deps.clock.now())
  let offer: Offer | null = null
  try {
    if (!(await recorded(app, path, to, seconds))) {
      app.front.row('*', 'Nothing was sent.')
      return
    }
    offer = await session.offerFile(to, path)
  } finally {
    if (offer === null) await dropRecording(path)
  }
  const n = String(offer.number)
  app.front.row(
    '*',
    `[${n}] Offered ${what(offer)} to ${chatWord(to)}. !cancel ${n} takes it back.`,
  )
}

/** False: the person does not want it sent. */
async function recorded(
  app: App,
  path: string,
  to: string,
  seconds: number | null,
): Promise<boolean> {
  const sound = soundOf(app)
  const end = async (recording: Recording): Promise<void> => {
    await recording.stop()
    const size = await stat(path).then(
      (file) => file.size,
      () => 0,
    )
    if (size <= EMPTY_BYTES) fail('E_FILE', `${recording.tool} has recorded nothing.`)
  }
  if (seconds !== null) {
    const recording = await sound.record(path, MAX_SECONDS * 1000)
    app.front.row('*', `Recording ${String(seconds)} s for ${chatWord(to)} with ${recording.tool}.`)
    await Promise.race([app.sleep(seconds * 1000), recording.failed])
    await end(recording)
    return true
  }
  return app.front.form(async () => {
    const forms =
      app.front.forms ??
      fail('E_USAGE', 'There is no terminal to stop it on. Say how long: !voice alice 10')
    const recording = await sound.record(path, MAX_SECONDS * 1000)
    try {
      const question = `Recording for ${chatWord(to)}, at most ${MAX_SECONDS} s. Send it?`
      const isWanted = await Promise.race([forms.confirm(question, true), recording.failed])
      if (isWanted) await end(recording)
      return isWanted
    } finally {
      await recording.stop()
    }
  })
}
