// Shapes: one value says both what bytes off the wire must look like and which TypeScript type comes out.
// Knows nothing of frames or of CBOR bytes. Every refusal is E_FORMAT.
//
//   interface Certificate { readonly k: 'server'; readonly rsa: Bytes; readonly nb: number }
//   const CERTIFICATE: Shape<Certificate> = exact({ k: lit('server'), rsa: bRange(1, 512), nb: u })
//   const certificate = check(CERTIFICATE, decodeCanonical(bytes))
//
// Exported shapes carry an explicit type, the compiler compares it with the inferred one.
import type { Bytes } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import { isUsername, type Username } from './names.ts'

export interface Shape<out T> {
  /**
   * The checked value: maps hold the known fields only, so nothing a peer invented travels further. A value with
   * nothing to leave out is returned as it is. `where` names the field in the message of E_FORMAT.
   */
  parse(value: unknown, where: string): T
}

/** A field that may be absent; only inside `map` and `exact`. */
export interface Optional<out T> {
  readonly optional: Shape<T>
}

export type Infer<S> = S extends Shape<infer T> ? T : never

type Field = Shape<unknown> | Optional<unknown>
type RequiredKey<F> = { [K in keyof F]: F[K] extends Optional<unknown> ? never : K }[keyof F]
type OptionalKey<F> = { [K in keyof F]: F[K] extends Optional<unknown> ? K : never }[keyof F]

/** The object type of a table of fields. */
export type InferMap<F> = {
  readonly [K in RequiredKey<F>]: Infer<F[K]>
} & {
  readonly [K in OptionalKey<F>]?: F[K] extends Optional<infer T> ? T : never
}

export function check<T>(shape: Shape<T>, value: unknown, where = 'value'): T {
  return shape.parse(value, where)
}

function shape<T>(what: string, accepts: (value: unknown) => value is T): Shape<T> {
  return {
    parse: (value, where) => (accepts(value) ? value : fail('E_FORMAT', `${where} is not ${what}`)),
  }
}

/** An unsigned integer up to 2^53-1. */
export const u: Shape<number> = shape(
  'an unsigned integer',
  (v): v is number => typeof v === 'number' && v >= 0 && Number.isSafeInteger(v),
)

/** True or absent: use as `opt(flag)`. */
export const flag: Shape<true> = shape('true', (v) => v === true)

/** A username in its folded form (PROTOCOL 5.1). */
export const username: Shape<Username> = shape(
  'a username',
  (v): v is Username => typeof v === 'string' && isUsername(v),
)

/** Exactly one of the given constants. */
export function lit<const V extends readonly (string | number)[]>(...values: V): Shape<V[number]> {
  const allowed: readonly unknown[] = values
  return shape(values.join(' or '), (v): v is V[number] => allowed.includes(v))
}

/** Bytes of exactly this length. */
export function b(length: number): Shape<Bytes> {
  return bRange(length, length)
}

/** Bytes of a length within these bounds, both inclusive. */
export function bRange(minBytes: number, maxBytes: number): Shape<Bytes> {
  return shape(
    minBytes === maxBytes ? `${minBytes} bytes` : `${minBytes} to ${maxBytes} bytes`,
    (v): v is Bytes => v instanceof Uint8Array && v.length >= minBytes && v.length <= maxBytes,
  )
}

/** Text of at most this many bytes of UTF-8. */
export function s(maxBytes: number): Shape<string> {
  return shape(
    `text of at most ${maxBytes} bytes`,
    // one code unit is at most 3 bytes: most texts need no counting
    (v): v is string =>
      typeof v === 'string' && (v.length * 3 <= maxBytes || Buffer.byteLength(v) <= maxBytes),
  )
}

/** Text of at most this many characters (code points). */
export function c(maxCharacters: number): Shape<string> {
  return shape(
    `text of at most ${maxCharacters} characters`,
    (v): v is string =>
      typeof v === 'string' &&
      (v.length <= maxCharacters ||
        (v.length <= 2 * maxCharacters && Array.from(v).length <= maxCharacters)),
  )
}

/** An array of at most (and at least) so many elements of one shape. */
export function list<T>(element: Shape<T>, max: number, min = 0): Shape<readonly T[]> {
  return {
    parse(value, where) {
      if (!Array.isArray(value) || value.length > max || value.length < min) {
        return fail('E_FORMAT', `${where} is not a list of ${min} to ${max} elements`)
      }
      return parseElements(value, () => element, where)
    },
  }
}

/** An array with exactly these elements. */
export function tuple<const S extends readonly Shape<unknown>[]>(
  ...elements: S
): Shape<{ readonly [I in keyof S]: Infer<S[I]> }> {
  return {
    parse(value, where) {
      if (!Array.isArray(value) || value.length !== elements.length) {
        return fail('E_FORMAT', `${where} is not a list of ${elements.length} elements`)
      }
      const out: unknown = parseElements(value, (i) => elements[i], where)
      return out as { readonly [I in keyof S]: Infer<S[I]> }
    },
  }
}

function parseElements<T>(
  value: readonly unknown[],
  shapeAt: (i: number) => Shape<T> | undefined,
  where: string,
): readonly T[] {
  let changed: unknown[] | undefined
  for (let i = 0; i < value.length; i++) {
    const element = value[i]
    const parsed = shapeAt(i)?.parse(element, where)
    if (parsed !== element) {
      changed ??= value.slice()
      changed[i] = parsed
    }
  }
  return (changed ?? value) as readonly T[]
}

/** Text to unsigned integer, at most so many entries; the result has no prototype. */
export function dictionary(maxEntries: number): Shape<Readonly<Record<string, number>>> {
  return {
    parse(value, where) {
      const entries = Object.entries(record(value, where))
      if (entries.length > maxEntries) return fail('E_FORMAT', `${where} has too many entries`)
      const out = Object.create(null) as Record<string, number>
      for (const [key, v] of entries) out[key] = u.parse(v, where)
      return out
    },
  }
}

/** Marks a field of a map as optional. */
export function opt<T>(optional: Shape<T>): Optional<T> {
  return { optional }
}

/** A map in which unknown fields are ignored: frames, payloads, gossip (PROTOCOL 18). */
export function map<F extends Readonly<Record<string, Field>>>(fields: F): Shape<InferMap<F>> {
  return mapShape(fields, false)
}

/** A map in which unknown fields are refused: everything else that is signed or hashed (PROTOCOL 18). */
export function exact<F extends Readonly<Record<string, Field>>>(fields: F): Shape<InferMap<F>> {
  return mapShape(fields, true)
}

function record(value: unknown, where: string): Readonly<Record<string, unknown>> {
  return typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array)
    ? (value as Readonly<Record<string, unknown>>)
    : fail('E_FORMAT', `${where} is not a map`)
}

function mapShape<F extends Readonly<Record<string, Field>>>(
  fields: F,
  refuseUnknown: boolean,
): Shape<InferMap<F>> {
  const rows = Object.entries(fields).map(([name, field]) => {
    // a field called like a method of every object would be found in every map
    if (name in Object.prototype) throw new TypeError(`${name} cannot be a field`)
    return 'optional' in field
      ? { name, shape: field.optional, optional: true }
      : { name, shape: field, optional: false }
  })
  return {
    parse(value, where) {
      const input = record(value, where)
      if (refuseUnknown) {
        for (const key of Object.keys(input)) {
          if (!Object.hasOwn(fields, key)) return fail('E_FORMAT', `${where} has an unknown field`)
        }
      }
      let known = 0
      let changed: Map<string, unknown> | undefined
      for (const { name, shape, optional } of rows) {
        const v = input[name]
        if (v === undefined) {
          if (!optional) return fail('E_FORMAT', `${where} lacks ${name}`)
          continue
        }
        known++
        const parsed = shape.parse(v, name)
        if (parsed !== v) changed = (changed ?? new Map<string, unknown>()).set(name, parsed)
      }
      if (changed === undefined && Object.keys(input).length === known) return input as InferMap<F>
      const out: Record<string, unknown> = {}
      for (const { name } of rows) {
        const v = changed?.get(name) ?? input[name]
        if (v !== undefined) out[name] = v
      }
      return out as InferMap<F>
    },
  }
}
