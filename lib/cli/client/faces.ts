// How somebody is told apart at a glance: the colour of their account, and a mark behind the name of whoever's safety number
// was compared. A name is never in somebody else's colour, and the mark never comes from what others sent.
import type { ContactInfo } from '../../client/events.ts'
import { peerRole, type Role, type Theme } from '../theme.ts'
import { chatWord, isGroupName } from './chat-words.ts'
import type { Span } from './rows.ts'

/** Everybody who is known, as of now. */
export type Known = () => readonly ContactInfo[]

export class Faces {
  readonly #glyph: string
  #known: Known = () => []

  constructor(theme: Theme) {
    this.#glyph = theme.glyphs.verified
  }

  use(known: Known): void {
    this.#known = known
  }

  /** `alice`, with the mark if her keys are the compared ones. `acct`: hex. */
  person(user: string, acct: string): Span[] {
    const contact = this.#known().find((each) => each.acct === acct)
    return this.#marked({ text: user, role: peerRole(acct) }, contact)
  }

  /** `@alice` or `#team`, whom one writes to. */
  chat(chat: string): Span[] {
    if (isGroupName(chat)) return [{ text: chatWord(chat), role: 'chat' }]
    const contact = this.#known().find((each) => each.user === chat)
    const role: Role = contact === undefined ? 'chat' : peerRole(contact.acct)
    return this.#marked({ text: chatWord(chat), role }, contact)
  }

  #marked(name: Span, contact: ContactInfo | undefined): Span[] {
    return contact?.trust === 'verified' ? [name, { text: this.#glyph, role: 'ok' }] : [name]
  }
}
