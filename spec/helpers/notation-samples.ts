// Values for the type notation of PROTOCOL 14.1, written from the document and without the code under test:
// the smallest and the largest value that fits a type, and values that must be refused.
import { section, table } from './document.ts'

export interface Samples {
  readonly least: unknown
  readonly most: unknown
  readonly wrong: readonly unknown[]
}

export interface FieldSamples extends Samples {
  readonly name: string
  readonly optional: boolean
}

const composites = table(section('## 14.1'))

/** Of no type at all. */
const NEVER = [null, -1, 1.5, 2 ** 53, false]

const bytes = (n: number): Uint8Array => new Uint8Array(n).fill(7)

export function samplesOf(type: string): Samples {
  if (type === 'u')
    return { least: 0, most: Number.MAX_SAFE_INTEGER, wrong: [...NEVER, '1', true, [1], bytes(1)] }
  if (type === 'flag') return { least: true, most: true, wrong: [...NEVER, 1, 'true', {}] }
  if (type === 'name') {
    const wrong = [
      ...NEVER,
      'ab',
      '9ab',
      'Alice',
      'admin',
      'a'.repeat(33),
      'alic\u00e9',
      bytes(5),
      7,
    ]
    return { least: 'abc', most: 'a'.repeat(32), wrong }
  }
  if (type === 'map') {
    const entries = (n: number): unknown =>
      Object.fromEntries(Array.from({ length: n }, (_, i) => [`limit ${i}`, i]))
    return {
      least: {},
      most: entries(32),
      wrong: [...NEVER, [], entries(33), { a: 'b' }, bytes(1)],
    }
  }
  const composite = composites.get(type)?.[0]
  if (composite !== undefined) return samplesOf(composite)
  const array = /^\[(.+)\](\d+)$/.exec(type)
  if (array?.[1] !== undefined) return samplesOfArray(samplesOf(array[1]), Number(array[2]))
  if (type.startsWith('(')) return samplesOfTuple(type.slice(1, -1).split(' ').map(samplesOf))
  if (type.startsWith('{')) return samplesOfMap(fieldSamples(type.slice(1, -1)))
  return samplesOfString(type)
}

function samplesOfString(type: string): Samples {
  const [, kind, low, high = low] = /^([bsc])(\d+)(?:-(\d+))?$/.exec(type) ?? []
  const least = Number(low)
  const most = Number(high)
  if (kind === 'b') {
    const wrong = [...NEVER, bytes(most + 1), 'x'.repeat(most), Array.from(bytes(least)), {}]
    if (least > 0) wrong.push(bytes(least - 1))
    return { least: bytes(least), most: bytes(most), wrong }
  }
  if (kind === 's') {
    // bytes of UTF-8: the euro sign has three
    const euros = Math.floor(most / 3)
    const longest = '\u20ac'.repeat(euros) + 'x'.repeat(most % 3)
    const wrong = [...NEVER, 'x'.repeat(most + 1), '\u20ac'.repeat(euros + 1), bytes(1)]
    return { least: '', most: longest, wrong }
  }
  if (kind === 'c') {
    // characters: one outside the BMP counts once
    const longest = '\u{1f600}'.repeat(most)
    return {
      least: '',
      most: longest,
      wrong: [...NEVER, 'x'.repeat(most + 1), `${longest}x`, bytes(1)],
    }
  }
  throw new Error(`the document has an unknown type ${type}`)
}

function samplesOfArray(element: Samples, max: number): Samples {
  return {
    least: [],
    most: Array.from({ length: max }, () => element.most),
    wrong: [
      ...NEVER,
      ...['x', bytes(3), {}],
      Array.from({ length: max + 1 }, () => element.least),
      ...element.wrong.map((wrong) => [element.least, wrong].slice(-max)),
    ],
  }
}

function samplesOfTuple(elements: readonly Samples[]): Samples {
  const least = elements.map((e) => e.least)
  return {
    least,
    most: elements.map((e) => e.most),
    wrong: [
      ...NEVER,
      ...[[], 'x', {}, least.slice(1), [...least, least[0]]],
      ...elements.flatMap((e, i) => e.wrong.map((wrong) => least.with(i, wrong))),
    ],
  }
}

function samplesOfMap(fields: readonly FieldSamples[]): Samples {
  const least = leastOf(fields)
  return {
    least,
    most: mostOf(fields),
    wrong: [
      ...NEVER,
      ...[[], 'x', bytes(2)],
      ...fields.flatMap((f) => f.wrong.map((wrong) => ({ ...least, [f.name]: wrong }))),
      ...fields.filter((f) => !f.optional).map((f) => without(least, f.name)),
    ],
  }
}

/** The fields of a list like `m:b16 ?off:flag`; a space inside brackets does not separate. */
export function fieldSamples(notation: string): FieldSamples[] {
  return [...notation.matchAll(/(\??)(\w+):((?:\{[^}]*\}|\([^)]*\)|\S)+)/g)].map(
    ([, mark, name = '', type = '']) => ({ name, optional: mark === '?', ...samplesOf(type) }),
  )
}

/** A map of the smallest values, optional fields absent. */
export function leastOf(fields: readonly FieldSamples[]): Record<string, unknown> {
  return Object.fromEntries(fields.filter((f) => !f.optional).map((f) => [f.name, f.least]))
}

/** A map of the largest values, optional fields present. */
export function mostOf(fields: readonly FieldSamples[]): Record<string, unknown> {
  return Object.fromEntries(fields.map((f) => [f.name, f.most]))
}

export function without(value: object, name: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([key]) => key !== name))
}
