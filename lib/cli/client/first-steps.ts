// What somebody reads who has just made an account: the few things to type first, in the order in which they are needed. Once,
// and only where a person looks; a pipe gets one line.
import type { ServerInfo } from '../../client/api.ts'
import type { App } from './app.ts'

const LABEL_COLS = 18

export function firstSteps(app: App, { registration }: ServerInfo, user: string): void {
  if (!app.front.attended) return
  const friend = user === 'bob' ? 'carl' : 'bob'
  app.front.row('-', 'First steps')
  app.front.rows(
    '*',
    [
      ['Write', `@${friend} hello   (${friend} may be away: he gets it later)`],
      ['Invite others', '!whoami shows your link: "securechat LINK" leads to you'],
      ...(registration === 'invite'
        ? [['', 'To sign up they need an invitation code as well.']]
        : []),
      ['Be sure who it is', `!verify ${friend}, once, on the phone or face to face`],
      ['For yourself', '@me a note that only your devices can read'],
      ['Look around', '!chats, !help; Tab completes, Up brings lines back'],
      ['Leave', '!quit or Ctrl-D; you stay signed in here until you !logout'],
    ].map(([label = '', words = '']) => label.padEnd(LABEL_COLS) + words),
  )
}
