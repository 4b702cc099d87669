// Reed-Solomon over GF(32), one symbol per letter of a recovery code. Four check letters make any two codes differ in at
// least five places, so one wrong letter or two exchanged neighbours are repaired, and two wrong letters anywhere are always
// noticed. Three may, very rarely, look like an exchange in another code: the vault then refuses it. Knows symbols 0..31 only.

/** x^5 + x^2 + 1, primitive: 2 generates all 31 non-zero elements. */
const POLYNOMIAL = 0b100101
const ORDER = 31
const GENERATOR = 2
export const CHECK_SYMBOLS = 4

function multiply(a: number, b: number): number {
  let product = 0
  for (let bit = 0; bit < 5; bit++) if (((b >> bit) & 1) === 1) product ^= a << bit
  for (let bit = 8; bit >= 5; bit--)
    if (((product >> bit) & 1) === 1) product ^= POLYNOMIAL << (bit - 5)
  return product
}

const POWERS: readonly number[] = Array.from({ length: ORDER }).reduce<number[]>(
  (powers) => [...powers, multiply(powers.at(-1) ?? 1, GENERATOR)],
  [],
)

/** GENERATOR^n */
function power(n: number): number {
  return POWERS[(n + ORDER - 1) % ORDER] ?? 1
}

/** (x - g)(x - g^2)(x - g^3)(x - g^4), highest power first, without the leading 1. */
const DIVISOR: readonly number[] = Array.from({ length: CHECK_SYMBOLS }, (_, j) => power(j + 1))
  .reduce<number[]>(
    (poly, root) =>
      [...poly, 0].map((c, i) => c ^ multiply(i === 0 ? 0 : (poly[i - 1] ?? 0), root)),
    [1],
  )
  .slice(1)

/** data followed by four check symbols; together at most 31. */
export function withChecks(data: readonly number[]): number[] {
  const remainder = new Array<number>(CHECK_SYMBOLS).fill(0)
  for (const symbol of data) {
    const lead = symbol ^ (remainder.shift() ?? 0)
    remainder.push(0)
    for (const [i, c] of DIVISOR.entries()) remainder[i] = (remainder[i] ?? 0) ^ multiply(lead, c)
  }
  return [...data, ...remainder]
}

/** The word as a polynomial at g^1..g^4: all zero for a correct one. */
function syndromes(word: readonly number[]): number[] {
  return Array.from({ length: CHECK_SYMBOLS }, (_, j) =>
    word.reduce((sum, symbol) => multiply(sum, power(j + 1)) ^ symbol, 0),
  )
}

/** What adding `delta` to the symbol at `at` does to syndrome j. */
function effect(word: readonly number[], at: number, delta: number, j: number): number {
  return multiply(delta, power((word.length - 1 - at) * (j + 1)))
}

/** The nearest correct word: the same, with one symbol changed, or with two neighbours exchanged; else null. */
export function repaired(word: readonly number[]): number[] | null {
  const found = syndromes(word)
  if (found.every((s) => s === 0)) return [...word]
  for (let at = 0; at < word.length; at++) {
    for (let delta = 1; delta <= ORDER; delta++) {
      if (found.every((s, j) => s === effect(word, at, delta, j))) {
        return word.map((symbol, i) => (i === at ? symbol ^ delta : symbol))
      }
    }
    const [a = 0, b = 0] = word.slice(at, at + 2)
    const swap = (s: number, j: number) =>
      s === (effect(word, at, a ^ b, j) ^ effect(word, at + 1, a ^ b, j))
    if (at + 1 < word.length && a !== b && found.every(swap)) {
      return word.map((symbol, i) => (i === at ? b : i === at + 1 ? a : symbol))
    }
  }
  return null
}
