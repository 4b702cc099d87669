// Opens a sender stream (PROTOCOL 5.5, 6.2, 14.2): the head names devices and inbox keys, and the directory says whether
// they are still the right ones. Wraps beyond 128 come in further parts.
import type { FrameOf } from '../../protocol/frames.ts'
import { type Caller, LATER, type RequestHandler } from '../handler.ts'
import { readHead } from '../head.ts'
import { refuse } from '../refusal.ts'
import { judgeRecipients, loadRecipients, peekRecipients } from '../recipients.ts'
import { Stream } from '../streams.ts'

/** Heads and wraps that one device may have here without a message that uses them. */
const PENDING_BYTES_MAX = 8 * 1024 * 1024

export const stOpen: RequestHandler<'st.open'> = (caller, frame) => {
  const known = caller.device.streams.get(frame.st)
  if (known === undefined) return open(caller, frame)
  known.addPart(frame.at, frame.head, frame.w)
  return answerWhenOpen(caller, known, frame.r)
}

function open(caller: Caller, { r, st, at, head: bytes, w }: FrameOf<'st.open'>): typeof LATER {
  const { services, device } = caller
  const { streams, acct, dev } = device
  if (at !== 0) refuse('E_UNKNOWN_STREAM')
  if (bytes === undefined) return refuse('E_FORMAT')
  if (streams.pendingBytes > PENDING_BYTES_MAX) refuse('E_BUSY', { after: 1000 })
  const head = readHead(bytes, { srv: services.srv, st, acct, dev })
  const cached = peekRecipients(services.directory, head)
  if (cached !== null) {
    const refusal = judgeRecipients(services, acct, cached)
    if (refusal !== null) throw refusal
  }
  const stream = new Stream(streams, st, bytes, head, services.clock.monotonic())
  stream.addPart(0, bytes, w)
  streams.add(stream)
  if (cached === null) {
    // messages may follow in the same record: they wait for this
    stream.beginOpening()
    loadRecipients(services.directory, head)
      .then((loaded) => judgeRecipients(services, acct, loaded))
      .then(
        (refusal) => {
          stream.endOpening(refusal)
        },
        (error: unknown) => {
          stream.endOpening(error)
        },
      )
  }
  return answerWhenOpen(caller, stream, r)
}

function answerWhenOpen(caller: Caller, stream: Stream, r: number): typeof LATER {
  const isOpen = stream.whenOpen((error) => {
    if (error === null) caller.succeed(r)
    else caller.refuse(r, error)
  })
  if (isOpen) caller.succeed(r)
  return LATER
}
