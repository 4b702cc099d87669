// Where one key ends and the next begins in what a terminal sends. Pure; does not know what the keys mean.

export const ESC = '\x1b'
const MAX_CSI_CHARS = 64
const MAX_STRING_CHARS = 4096

/** Cuts input into single keys (a character or a whole escape sequence); `rest` is an unfinished sequence. */
export function splitKeys(input: string): { keys: string[]; rest: string } {
  const keys: string[] = []
  let at = 0
  while (at < input.length) {
    const length = input[at] === ESC ? escapeLength(input, at) : characterLength(input, at)
    if (length === 0) break
    keys.push(input.slice(at, at + length))
    at += length
  }
  return { keys, rest: input.slice(at) }
}

function characterLength(input: string, at: number): number {
  return (input.codePointAt(at) ?? 0) > 0xffff ? 2 : 1
}

/** Length of the escape sequence at `at`; 0: it may go on in the next read. */
function escapeLength(input: string, at: number): number {
  const next = input[at + 1]
  if (next === undefined) return 0
  switch (next) {
    case '[':
      return csiLength(input, at)
    case 'O':
      return input[at + 2] === undefined ? 0 : 3
    case ']':
    case 'P':
    case '_':
    case '^':
    case 'X':
      return stringLength(input, at)
    case ESC: {
      const third = input[at + 2]
      if (third === undefined) return 0
      if (third !== '[' && third !== 'O') return 1
      const inner = escapeLength(input, at + 1) // Alt before a whole sequence
      return inner === 0 ? 0 : inner + 1
    }
    default:
      return 1 + characterLength(input, at + 1)
  }
}

function csiLength(input: string, at: number): number {
  if (input[at + 2] === '[') return input[at + 3] === undefined ? 0 : 4 // function keys of the Linux console
  for (let i = at + 2; i < input.length; i++) {
    const c = input.charCodeAt(i)
    if (c >= 0x40 && c <= 0x7e) return i + 1 - at
    if (c < 0x20 || c > 0x7e || i - at > MAX_CSI_CHARS) return i - at
  }
  return 0
}

/** OSC, DCS, APC, PM, SOS: only ever answers of the terminal. They end in BEL or ST. */
function stringLength(input: string, at: number): number {
  for (let i = at + 2; i < input.length; i++) {
    if (input[i] === '\x07') return i + 1 - at
    if (input[i] === ESC)
      return input[i + 1] === undefined ? 0 : i - at + (input[i + 1] === '\\' ? 2 : 0)
  }
  return input.length - at > MAX_STRING_CHARS ? input.length - at : 0
}
