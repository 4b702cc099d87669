// Is this password long and unusual enough to protect a vault that the server's operator could try to guess?
// The estimator is loaded only where a password is chosen.

export const MIN_PASSWORD_LENGTH = 12
const MAX_PASSWORD_BYTES = 1024
const WORDS = ['very weak', 'weak', 'fair', 'good', 'strong'] as const

export type Strength =
  | { readonly ok: true; readonly word: (typeof WORDS)[number] }
  | { readonly ok: false; readonly reason: string }

/** `context` are words that an attacker would try first: username, name. */
export async function passwordStrength(
  password: string,
  context: readonly string[],
): Promise<Strength> {
  const length = Array.from(password).length
  if (length < MIN_PASSWORD_LENGTH) {
    const need = String(MIN_PASSWORD_LENGTH)
    return { ok: false, reason: `Too short: ${String(length)} of at least ${need} characters.` }
  }
  if (Buffer.byteLength(password) > MAX_PASSWORD_BYTES) {
    return { ok: false, reason: `Too long: at most ${String(MAX_PASSWORD_BYTES)} bytes.` }
  }
  const [{ ZxcvbnFactory }, { dictionary, adjacencyGraphs }] = await Promise.all([
    import('@zxcvbn-ts/core'),
    import('@zxcvbn-ts/language-common'),
  ])
  const estimator = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs })
  const { score } = estimator.check(password, [...context, 'securechat'])
  if (score === 0) {
    return { ok: false, reason: 'Too easy to guess. Four or five unrelated words are good.' }
  }
  return { ok: true, word: WORDS[score] }
}
