// The combinators with which every room describes what it decodes.
import test from 'ava'
import { shapeOf, fieldsOf } from '../../lib/protocol/notation.ts'
import {
  b,
  bRange,
  c,
  check,
  dictionary,
  exact,
  flag,
  list,
  lit,
  map,
  opt,
  s,
  tuple,
  u,
  username,
  type Shape,
} from '../../lib/protocol/shape.ts'
import { outcome } from '../helpers/refusals.ts'

const bytes = (n: number): Uint8Array => new Uint8Array(n)

const accepts = test.macro((t, shape: Shape<unknown>, ...values: unknown[]) => {
  for (const value of values) t.is(check(shape, value), value)
})

const refuses = test.macro((t, shape: Shape<unknown>, ...values: unknown[]) => {
  for (const value of values)
    t.is(
      outcome(() => check(shape, value)),
      'E_FORMAT',
    )
})

test('u accepts', accepts, u, 0, 1, 2 ** 53 - 1)
test('u refuses', refuses, u, -1, 0.5, 2 ** 53, NaN, Infinity, '1', null, undefined, 1n, [1])
test('flag accepts', accepts, flag, true)
test('flag refuses', refuses, flag, false, 1, 'true', null, undefined)
test('username accepts', accepts, username, 'alice')
test('username refuses', refuses, username, 'Alice', 'me', 5, null)
test('lit accepts', accepts, lit('a', 1), 'a', 1)
test('lit refuses', refuses, lit('a', 1), 'b', '1', 2, null, undefined)
test('b accepts', accepts, b(2), bytes(2), Buffer.alloc(2))
test('b refuses', refuses, b(2), bytes(1), bytes(3), [0, 0], 'ab', new Uint16Array(2), null)
test('bRange accepts', accepts, bRange(1, 3), bytes(1), bytes(3))
test('bRange refuses', refuses, bRange(1, 3), bytes(0), bytes(4))
test('s accepts', accepts, s(6), '', 'abcdef', '\u20ac\u20ac', '\ud83d\ude00ab')
test('s refuses', refuses, s(6), 'abcdefg', '\u20ac\u20aca', 6, bytes(1), null)
test('c accepts', accepts, c(2), '', 'ab', '\u{1f600}\u{1f600}')
test('c refuses', refuses, c(2), 'abc', '\u{1f600}ab', 2)
test('list accepts', accepts, list(u, 2, 1), [1], [1, 2])
test('list refuses', refuses, list(u, 2, 1), [], [1, 2, 3], [1, 'x'], { 0: 1, length: 1 }, bytes(1))
test('tuple accepts', accepts, tuple(u, s(1)), [1, 'x'])
test('tuple refuses', refuses, tuple(u, s(1)), [1], [1, 'x', 2], ['x', 1], 'ab')
test('map accepts', accepts, map({ a: u, b: opt(u) }), { a: 1 }, { a: 1, b: 2 })
test('map refuses', refuses, map({ a: u, b: opt(u) }), {}, { b: 1 }, { a: 1, b: 'x' }, [], bytes(1))
test('exact accepts', accepts, exact({ a: u, b: opt(u) }), { a: 1 }, { a: 1, b: 2 })
test('exact refuses', refuses, exact({ a: u }), {}, { a: 1, b: 2 }, { ['__proto__']: 1, a: 1 })
test('dictionary refuses', refuses, dictionary(1), { a: 1, b: 2 }, { a: -1 }, { a: 'x' }, [], null)

test('map leaves unknown fields out, at every depth', (t) => {
  const shape = map({ a: list(map({ x: u }), 2), b: opt(tuple(map({ x: u }))) })
  const value = { a: [{ x: 1 }, { x: 2, y: 3 }], b: [{ x: 4, z: 5 }], zz: 1 }
  t.deepEqual(check(shape, value), { a: [{ x: 1 }, { x: 2 }], b: [{ x: 4 }] })
  t.deepEqual(value, { a: [{ x: 1 }, { x: 2, y: 3 }], b: [{ x: 4, z: 5 }], zz: 1 })
})

test('a key named __proto__ is a field like any other', (t) => {
  const hostile: unknown = JSON.parse('{"a": 1, "__proto__": {"admin": 1}}')
  const out = check(map({ a: u }), hostile)
  t.deepEqual(Object.keys(out), ['a'])
  t.is(Object.getPrototypeOf(out), Object.prototype)
  const entries = check(dictionary(2), JSON.parse('{"__proto__": 5, "constructor": 6}'))
  t.is(Object.getPrototypeOf(entries), null)
  t.deepEqual(Object.entries(entries), [
    ['__proto__', 5],
    ['constructor', 6],
  ])
})

test('what every object inherits is not taken for a field', (t) => {
  t.throws(() => map({ toString: u }), { instanceOf: TypeError })
})

test('the message names the field', (t) => {
  t.throws(() => check(map({ size: u }), { size: 'big' }), { message: /size is not/ })
  t.throws(() => check(map({ size: u }), {}, 'offer'), { message: /offer lacks size/ })
})

test('a misspelt notation fails when it is compiled', (t) => {
  for (const bad of ['x', 'b', 'bx', '[u]', '(u', 'u8 ', '{a}', 'b1-', 'toString']) {
    t.throws(() => shapeOf(bad), { instanceOf: TypeError })
  }
  t.throws(() => fieldsOf('a b:u'), { instanceOf: TypeError })
})
