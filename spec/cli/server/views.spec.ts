// What an operator reads: what could make a command do less than it seems to is said beside the result.
import test from 'ava'

import { views } from '../../../lib/cli/server/operator/views.ts'
import { inviteState } from '../../../lib/server/invites.ts'

const INVITE = { id: 'x', uses: 2, used: 0, expires: 1_770_000_000_000 }
const DOOR = { link: 'securechat://chat.example.org:7700/#x', host: 'chat.example.org' }

function created(registration: 'open' | 'invite' | 'closed', guessed: boolean): string {
  return views['invite.create']({ ...INVITE, ...DOOR, code: 'abcd', registration, guessed }).join(
    '\n',
  )
}

test('a new invitation says when it cannot work, or need not be', (t) => {
  t.false(/Registration|guess/.test(created('invite', false)))
  t.regex(created('closed', false), /Registration is closed: nobody can use the code/)
  t.regex(created('open', false), /Registration is open: everybody/)
  t.regex(created('invite', true), /chat\.example\.org in the link is a guess: set publicHost/)
})

test('invitations that let nobody in any more are marked', (t) => {
  const { expires } = INVITE
  t.is(inviteState(INVITE, expires - 1), 'valid')
  t.is(inviteState(INVITE, expires), 'expired')
  t.is(inviteState({ ...INVITE, used: 2 }, expires - 1), 'used up')
  const lines = views['invite.list']([
    { ...INVITE, state: 'valid' },
    { ...INVITE, state: 'expired' },
    { ...INVITE, used: 2, state: 'used up' },
  ])
  t.regex(lines[1] ?? '', /UTC$/)
  t.regex(lines[2] ?? '', /UTC {2}expired$/)
  t.regex(lines[3] ?? '', /^x {3}2\/2 .*used up$/)
})
