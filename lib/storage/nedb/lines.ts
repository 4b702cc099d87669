// The two forms of one line of a collection's file. NeDB's reader breaks lines at more characters than its writer escapes
// (U+0085, U+2028, U+2029), which silently loses the record: so there is always a codec, never a bare JSON line.
import { type Bytes, NO_BYTES, utf8 } from '../../util/bytes.ts'
import { AtRest } from '../at-rest.ts'

/** Synchronous, because NeDB may die of a decoder that rejects while it is still busy with an earlier line. */
export interface LineCodec {
  encode(json: string): string
  /** Null when the line was not written by `encode`. */
  decode(line: string): string | null
}

const BREAKS = /[\u0085\u2028\u2029]/g

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

export const plainLines: LineCodec = {
  encode: (json) => json.replace(BREAKS, escape),
  decode: (line) => {
    try {
      const value: unknown = JSON.parse(line)
      return typeof value === 'object' && value !== null ? line : null
    } catch {
      return null
    }
  },
}

/** base64 of the sealed JSON; `name` keeps lines from being moved to another collection. */
export function sealedLines(master: Bytes, name: string): LineCodec {
  const cipher = new AtRest(master, name)
  return {
    encode: (json) => cipher.seal(NO_BYTES, utf8(json)).toString('base64'),
    decode: (line) => {
      // base64 without its padding decodes just as well, but nobody wrote it
      if (line.length % 4 !== 0) return null
      return cipher.open(NO_BYTES, Buffer.from(line, 'base64'))?.toString('utf8') ?? null
    },
  }
}
