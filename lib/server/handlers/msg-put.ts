// One message of a stream (PROTOCOL 9.2): the hot path. No storage is read, nothing is verified, no promise is made here.
import type { FrameOf } from '../../protocol/frames.ts'
import { type Caller, LATER, type RequestHandler } from '../handler.ts'
import { refuse, Refusal } from '../refusal.ts'
import type { Stream } from '../streams.ts'

const WHO_MAX = 100

/** By the mailboxes it goes to; never more than a rested device has. */
export function sendWeight({ device, services }: Caller, { st }: FrameOf<'msg.put'>): number {
  return Math.min(device.streams.get(st)?.cost ?? 1, services.config.sendBurst)
}

export const msgPut: RequestHandler<'msg.put'> = (caller, frame) => {
  const stream = caller.device.streams.get(frame.st) ?? refuse('E_UNKNOWN_STREAM')
  const isOpen = stream.whenOpen(() => {
    append(caller, stream, frame)
  })
  if (isOpen) append(caller, stream, frame)
  return LATER
}

function append(caller: Caller, stream: Stream, frame: FrameOf<'msg.put'>): void {
  const { r, i } = frame
  const done = (error: unknown): void => {
    if (error === null) caller.succeed(r)
    else caller.refuse(r, error)
  }
  if (stream.isDropped) done(new Refusal('E_UNKNOWN_STREAM'))
  else if (i < stream.next) {
    // (st, i) is one transmission: stored once, answered each time
    const waiting = stream.inFlight.get(i)
    if (waiting === undefined) done(null)
    else waiting.push(done)
  } else if (i > stream.next) done(new Refusal('E_GAP', { n: stream.next }))
  else if (!stream.isComplete) done(new Refusal('E_STATE'))
  else if (stream.changed !== null) {
    done(new Refusal('E_STALE_STREAM', { who: [...stream.changed.values()].slice(0, WHO_MAX) }))
  } else {
    stream.owner.touch(stream)
    caller.services.post.send(stream, frame, done)
  }
}
