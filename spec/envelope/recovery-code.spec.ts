// The recovery code on paper: read back by people, with their mistakes.
import test from 'ava'
import fc from 'fast-check'

import { repaired, withChecks } from '../../lib/envelope/gf32.ts'
import { RecoveryCode } from '../../lib/envelope/recovery-code.ts'
import { hex } from '../../lib/util/bytes.ts'
import { SRV } from '../helpers/people.ts'
import { outcome, runs } from '../helpers/refusals.ts'

const who = { srv: SRV, acct: Buffer.alloc(32, 1) }
const keyOf = (text: string) => hex(RecoveryCode.parse(text).slotKey(who))
const code = RecoveryCode.generate()
const shown = code.reveal()
const key = hex(code.slotKey(who))

const data = fc.array(fc.nat(31), { minLength: 26, maxLength: 26 })
const place = fc.nat(29)

test('six groups of five, no letter that looks like a digit', (t) => {
  t.regex(shown, /^([0-9A-HJKMNP-TV-Z]{5}-){5}[0-9A-HJKMNP-TV-Z]{5}$/)
  t.is(keyOf(shown), key)
  t.not(RecoveryCode.generate().reveal(), shown)
})

test('as people type it', (t) => {
  const looksAlike = shown.replaceAll('0', 'o').replaceAll('1', 'l')
  for (const typed of [
    shown.toLowerCase(),
    shown.replaceAll('-', ''),
    shown.replaceAll('-', ' '),
    ` ${shown} \n`,
    shown.replaceAll('-', '\u2013'),
    looksAlike,
    looksAlike.replaceAll('l', 'I'),
  ]) {
    t.is(keyOf(typed), key)
  }
})

test('a slot key belongs to one account on one server', (t) => {
  t.not(hex(code.slotKey({ ...who, acct: SRV })), key)
  t.not(hex(code.slotKey({ ...who, srv: who.acct })), key)
})

test('one wrong letter anywhere is repaired, also one that is no letter of a code', (t) => {
  const letters = shown.replaceAll('-', '')
  for (let at = 0; at < letters.length; at++) {
    for (const wrong of ['0', 'Z', 'U', '#', 'é']) {
      t.is(keyOf(letters.slice(0, at) + wrong + letters.slice(at + 1)), key)
    }
  }
})

test('two neighbours exchanged are repaired', (t) => {
  const letters = shown.replaceAll('-', '')
  for (let at = 0; at + 1 < letters.length; at++) {
    const pair = letters.charAt(at + 1) + letters.charAt(at)
    t.is(keyOf(letters.slice(0, at) + pair + letters.slice(at + 2)), key)
  }
})

test('a missing or additional letter, and nonsense, are E_FORMAT', (t) => {
  const letters = shown.replaceAll('-', '')
  for (const typed of [
    '',
    letters.slice(1),
    `${letters}0`,
    'hello',
    '#'.repeat(30).replace('#', 'Z'),
  ]) {
    t.is(
      outcome(() => RecoveryCode.parse(typed)),
      'E_FORMAT',
    )
  }
  t.notThrows(() => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (s) =>
        ['E_FORMAT', 'accepted'].includes(outcome(() => RecoveryCode.parse(s))),
      ),
      runs(200),
    )
  })
})

test('a repaired word is the word; two wrong letters never become another code', (t) => {
  t.notThrows(() => {
    fc.assert(
      fc.property(data, place, fc.integer({ min: 1, max: 31 }), (d, at, delta) => {
        const word = withChecks(d)
        const wrong = word.map((symbol, i) => (i === at ? symbol ^ delta : symbol))
        return String(repaired(wrong)) === String(word)
      }),
      runs(100),
    )
    const two = fc.uniqueArray(place, { minLength: 2, maxLength: 2 })
    const delta = fc.integer({ min: 1, max: 31 })
    fc.assert(
      fc.property(data, two, delta, delta, (d, places, x, y) => {
        const word = withChecks(d)
        const wrong = word.map(
          (symbol, i) => symbol ^ (i === places[0] ? x : i === places[1] ? y : 0),
        )
        const result = repaired(wrong)
        return result === null || String(result) === String(word)
      }),
      runs(100),
    )
  })
})

test('a code whose spare bits are set is none', (t) => {
  const letters = withChecks([...new Array<number>(25).fill(0), 1])
  const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
  t.is(
    outcome(() => RecoveryCode.parse(letters.map((s) => alphabet.charAt(s)).join(''))),
    'E_FORMAT',
  )
})
