// The link of a person as the place to start: it names the server, and after login exactly this account is meant, whatever
// the server says about the name (PROTOCOL 4.1).
import { type ContactUri, isUri, parseContactUri } from '../../identity/uri.ts'
import { hex } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'
import type { App } from './app.ts'
import type { ClientOptions } from './args.ts'
import { chat } from './chat-commands.ts'

/** Null: no link, or that of a server. @throws E_FORMAT */
function personIn({ target }: ClientOptions): ContactUri | null {
  return target !== undefined && isUri(target) && target.includes('/@')
    ? parseContactUri(target)
    : null
}

/** Opens the chat with whom the link names. @throws E_NOT_FOUND; E_IDENTITY when somebody else has that name */
export async function openPerson(app: App, options: ClientOptions): Promise<void> {
  const person = personIn(options)
  const { session } = app
  if (person === null || session === null) return
  const { user, acct } = await session.whois(person.user)
  if (acct !== hex(person.acct)) {
    fail(
      'E_IDENTITY',
      `@${user} on this server is not the person of that link: another account has the name. Nothing was opened; ask for a new link.`,
    )
  }
  await chat(app, [user])
}
