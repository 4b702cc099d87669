// The type notation of PROTOCOL 14.1, understood twice: by the compiler (`TypeOf`) and at run time (`shapeOf`).
// So the tables of frames and payloads in code are letter for letter those of the document, and no type is
// written a second time. A misspelt type is `never` to the compiler and a TypeError when the module loads.
import type { Bytes } from '../util/bytes.ts'
import type { Username } from './names.ts'
import {
  bRange,
  c,
  dictionary,
  flag,
  list,
  map,
  opt,
  s,
  tuple,
  u,
  username,
  type Optional,
  type Shape,
} from './shape.ts'

/** The composites of PROTOCOL 14.1. */
export const COMPOSITES = {
  from: '(b32 b8)',
  addr: '(s45 u)',
  wrap: '(b256 b1088 b48)',
  seen: '(b16 b16)',
  blobv: '(s16 u)',
  hhead: '(b8 u b16)',
  gone: '(b16 u u)',
  hrow: '(u u b80-131072)',
  hdev: '(b8 u u)',
  slot: '{t:s2 ?id:b16 d:b80-512}',
  vault: '{ver:u body:b80-32768 slots:[slot]8}',
  dl: '{b:b1-8192 s:b384 ik:[b422]5 ss:[b384]4}',
  bundle: '{dev:b8 b:b1-2048 s:b256}',
} as const

type Composites = typeof COMPOSITES

/** The TypeScript type of one notated type: `TypeOf<'[b16]64'>` is `readonly Bytes[]`. */
export type TypeOf<T extends string> = T extends 'u'
  ? number
  : T extends 'flag'
    ? true
    : T extends 'name'
      ? Username
      : T extends 'map'
        ? Readonly<Record<string, number>>
        : T extends keyof Composites
          ? TypeOf<Composites[T]>
          : T extends `[${infer Element}]${number}`
            ? readonly TypeOf<Element>[]
            : T extends `(${infer Elements})`
              ? TupleOf<Elements>
              : T extends `{${infer Fields}}`
                ? FieldsOf<Fields>
                : T extends `b${number}` | `b${number}-${number}`
                  ? Bytes
                  : T extends `s${number}` | `c${number}`
                    ? string
                    : never

type TupleOf<T extends string> = T extends `${infer Head} ${infer Rest}`
  ? readonly [TypeOf<Head>, ...TupleOf<Rest>]
  : readonly [TypeOf<T>]

type OneField<F extends string> = F extends `?${infer Name}:${infer T}`
  ? { readonly [K in Name]?: TypeOf<T> }
  : F extends `${infer Name}:${infer T}`
    ? { readonly [K in Name]: TypeOf<T> }
    : unknown

type AllFields<F extends string> = F extends `${infer Head} ${infer Rest}`
  ? OneField<Head> & AllFields<Rest>
  : OneField<F>

/** Shows an intersection as one object type. */
export type Flat<T> = { readonly [K in keyof T]: T[K] }

/** The object type of a list of fields: `FieldsOf<'m:b16 ?off:flag'>`. */
export type FieldsOf<F extends string> = Flat<AllFields<F>>

/** The run-time check of one notated type. */
export function shapeOf<const T extends string>(notation: T): Shape<TypeOf<T>> {
  return compile(notation) as Shape<TypeOf<T>>
}

/** The fields of a list like `m:b16 ?off:flag`, in that order. */
export function fieldsOf(
  notation: string,
): Readonly<Record<string, Shape<unknown> | Optional<unknown>>> {
  return Object.fromEntries(
    words(notation).map((word) => {
      const [, mark, name = '', type = ''] = /^(\??)(\w+):(.+)$/.exec(word) ?? unknown(word)
      return [name, mark === '?' ? opt(compile(type)) : compile(type)]
    }),
  )
}

function compile(type: string): Shape<unknown> {
  switch (type) {
    case 'u':
      return u
    case 'flag':
      return flag
    case 'name':
      return username
    case 'map':
      return dictionary(32)
  }
  if (isComposite(type)) return compile(COMPOSITES[type])
  const array = /^\[(.+)\](\d+)$/.exec(type)
  if (array?.[1] !== undefined) return list(compile(array[1]), Number(array[2]))
  if (/^\(.+\)$/.test(type)) return tuple(...words(type.slice(1, -1)).map(compile))
  if (/^\{.+\}$/.test(type)) return map(fieldsOf(type.slice(1, -1)))
  const [, kind, low, high] = /^([bsc])(\d+)(?:-(\d+))?$/.exec(type) ?? unknown(type)
  if (kind === 'b') return bRange(Number(low), Number(high ?? low))
  return kind === 's' ? s(Number(low)) : c(Number(low))
}

function isComposite(type: string): type is keyof Composites {
  return Object.hasOwn(COMPOSITES, type)
}

/** Nested lists of fields have names (composites), so a space always separates. */
function words(notation: string): string[] {
  return notation.split(' ').filter((word) => word !== '')
}

function unknown(type: string): never {
  throw new TypeError(`unknown type ${type}`)
}
