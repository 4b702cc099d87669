// Frames <-> bytes (PROTOCOL 14): the only place that parses what the network sent. Knows the frame table, not what frames mean.
import type { Bytes } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import { read } from './cbor-reader.ts'
import { write } from './cbor-writer.ts'
import {
  FRAMES,
  frameRow,
  type Frame,
  type FrameName,
  type OkFrame,
  type ReplyOf,
  type RequestName,
} from './frames.ts'
import { fieldsOf } from './notation.ts'
import { lit, map, u, type Shape } from './shape.ts'

const NAMES = Object.keys(FRAMES) as FrameName[]

const FRAME_SHAPES: ReadonlyMap<string, Shape<unknown>> = new Map(
  NAMES.map((name) => {
    const { push, fields } = frameRow(name)
    return [name, map({ t: lit(name), ...(push ? {} : { r: u }), ...fieldsOf(fields) })]
  }),
)

const REPLY_SHAPES: ReadonlyMap<FrameName, Shape<unknown>> = new Map(
  NAMES.map((name) => [name, map(fieldsOf(frameRow(name).reply))]),
)

/** The bytes of a frame for its place in a record. Fields the table does not name are left out; a wrong one is E_FORMAT. */
export function encodeFrame(frame: Frame): Buffer {
  const checked: unknown = shapeOfFrame(frame.t).parse(frame, frame.t)
  return write(frame.t === 'ok' ? frame : checked)
}

/**
 * The typed frame in these bytes, without the fields the table does not name (PROTOCOL 18); E_FORMAT for anything
 * else. Only an `ok` keeps all its fields, for `decodeReply`. Do not change the input afterwards: a long field may
 * be a view of it.
 */
export function decodeFrame(bytes: Bytes): Frame {
  const value = read(bytes)
  const t = frameType(value)
  const checked: unknown = shapeOfFrame(t).parse(value, t)
  return (t === 'ok' ? value : checked) as Frame
}

/** The fields of the reply column of `name`; E_FORMAT if the answer has others. */
export function decodeReply<N extends RequestName>(name: N, ok: OkFrame): ReplyOf<N> {
  const reply: unknown = REPLY_SHAPES.get(name)?.parse(ok, name)
  return reply as ReplyOf<N>
}

function shapeOfFrame(t: string): Shape<unknown> {
  return FRAME_SHAPES.get(t) ?? fail('E_FORMAT', 'unknown frame')
}

function frameType(value: unknown): string {
  return typeof value === 'object' && value !== null && 't' in value && typeof value.t === 'string'
    ? value.t
    : fail('E_FORMAT', 'not a frame')
}
