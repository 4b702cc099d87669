// Usernames: folding, validity, reserved words (PROTOCOL 5.1). Who owns a name is not known here.
import { fail } from '../util/errors.ts'

/** A folded, valid, not reserved name; made by `parseUsername` and by the frame decoder only. */
export type Username = string & { readonly __brand: 'Username' }

export const RESERVED_NAMES: readonly string[] = (
  'abuse admin administrator all anonymous channel contact deleted everyone group groups help here ' +
  'host info me moderator nobody notes operator owner postmaster root security self server support ' +
  'system unknown webmaster you'
).split(' ')

const RESERVED: ReadonlySet<string> = new Set(RESERVED_NAMES)
/** Two characters at least: nobody pages through all names with one letter (PROTOCOL 14.2). */
const BEGINNING = /^[a-z][a-z0-9_.-]{1,31}$/
const SYNTAX = /^[a-z][a-z0-9_.-]{2,31}$/

/** A-Z to a-z and nothing else: every other letter stays and makes the name invalid. */
export function foldName(s: string): string {
  return s.replace(/[A-Z]/g, (c) => c.toLowerCase())
}

/** True for a name in its folded form, the only form that exists on the wire. */
export function isUsername(s: string): s is Username {
  return SYNTAX.test(s) && !RESERVED.has(s)
}

/** Whether names can be looked for by this beginning, which is folded. */
export function isNameBeginning(s: string): boolean {
  return BEGINNING.test(s)
}

/** What a person typed, folded; E_FORMAT with a sentence for that person. */
export function parseUsername(s: string): Username {
  const name = foldName(s)
  if (isUsername(name)) return name
  if (RESERVED.has(name)) return fail('E_FORMAT', `"${name}" is a reserved name: nobody has it.`)
  return fail('E_FORMAT', 'A username has 3 to 32 of a-z 0-9 . _ -, beginning with a letter.')
}
