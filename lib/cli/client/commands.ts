// The command table: names, words of help, preconditions. What a command does is in *-commands.ts; help-command.ts makes
// !help of it.
import { fail } from '../../util/errors.ts'
import { login, logout, register, resetKeys, status, whoami } from './account-commands.ts'
import type { App } from './app.ts'
import { mute, newChat, requests } from './chat-commands.ts'
import { accept, cancel, decline, file, files, pause, resume } from './file-commands.ts'
import { DIRECT_COMMAND } from './direct-command.ts'
import type { Command } from './command.ts'
import { GROUP_COMMANDS } from './group-table.ts'
import { help } from './help-command.ts'
import { MEDIA_COMMANDS } from './media/media-table.ts'
import { OWN_COMMANDS } from './own-table.ts'
import { splitArguments, splitText } from './parse.ts'
import { lock } from './lock-command.ts'
import { block, blocked, trust, unblock, verify } from './people-commands.ts'
import { set } from './set-command.ts'
import { who } from './who-command.ts'
import { clear, exit, quit, wait } from './window-commands.ts'
import { WRITE_COMMANDS } from './write-table.ts'

export const COMMANDS: readonly Command[] = [
  ...WRITE_COMMANDS,
  {
    name: 'new',
    aliases: ['newchat'],
    group: 'People',
    usage: 'NAME [NOTE]',
    summary: 'Asks somebody for a chat; nothing else goes between you before they accept.',
    example: '!new alice it is Bob from work',
    needs: 'login',
    args: [1, 2],
    text: true,
    run: newChat,
  },
  {
    name: 'requests',
    group: 'People',
    usage: '',
    summary: 'Lists chat requests and invitations to groups that wait for your answer.',
    example: '!requests',
    needs: 'login',
    args: [0, 0],
    run: requests,
  },
  {
    name: 'mute',
    group: 'People',
    usage: 'CHAT [SPAN|off]',
    summary: 'Counts new messages of a chat without showing them.',
    example: '!mute alice 8h',
    needs: 'login',
    args: [1, 2],
    run: mute,
  },
  {
    name: 'who',
    aliases: ['search-user'],
    group: 'People',
    usage: '[PREFIX]',
    summary:
      'Lists contacts and who is online; with a prefix also other names, if the operator allows it.',
    example: '!who al',
    needs: 'login',
    args: [0, 1],
    run: who,
  },
  DIRECT_COMMAND,
  {
    name: 'block',
    group: 'People',
    usage: 'NAME',
    summary:
      'Drops everything from somebody. They cannot tell a block from silence. Without a name: the list.',
    example: '!block bob',
    needs: 'login',
    args: [0, 1],
    run: block,
  },
  {
    name: 'unblock',
    group: 'People',
    usage: 'NAME',
    summary: 'Takes a block back.',
    example: '!unblock bob',
    needs: 'login',
    args: [1, 1],
    run: unblock,
  },
  {
    name: 'blocked',
    group: 'People',
    usage: '',
    summary: 'Lists whom you have blocked.',
    example: '!blocked',
    needs: 'login',
    args: [0, 0],
    run: blocked,
  },
  ...GROUP_COMMANDS,
  {
    name: 'file',
    group: 'Files',
    usage: 'CHAT PATH',
    summary: 'Offers a file. Works while the other side is away; quotes keep blanks together.',
    example: '!file alice "./my doc.pdf"',
    needs: 'login',
    args: [2, 2],
    run: file,
  },
  {
    name: 'files',
    group: 'Files',
    usage: '',
    summary: 'Lists offers and transfers with their numbers.',
    example: '!files',
    needs: 'login',
    args: [0, 0],
    run: files,
  },
  {
    name: 'accept',
    group: 'Files',
    usage: '[NUMBER|NAME]',
    summary: 'Takes an offered file, a chat request, an invitation to a group, or a new contact.',
    example: '!accept 3',
    needs: 'login',
    args: [0, 1],
    run: accept,
  },
  {
    name: 'decline',
    aliases: ['reject'],
    group: 'Files',
    usage: '[NUMBER|NAME]',
    summary: 'Declines an offered file, a chat request, or an invitation to a group.',
    example: '!decline 3',
    needs: 'login',
    args: [0, 1],
    run: decline,
  },
  {
    name: 'cancel',
    group: 'Files',
    usage: 'NUMBER',
    summary: 'Stops a transfer and removes what is half done.',
    example: '!cancel 3',
    needs: 'login',
    args: [1, 1],
    run: cancel,
  },
  {
    name: 'pause',
    group: 'Files',
    usage: 'NUMBER',
    summary: 'Pauses a transfer; !resume goes on where it stopped.',
    example: '!pause 3',
    needs: 'login',
    args: [1, 1],
    run: pause,
  },
  {
    name: 'resume',
    group: 'Files',
    usage: 'NUMBER',
    summary: 'Goes on with a paused transfer.',
    example: '!resume 3',
    needs: 'login',
    args: [1, 1],
    run: resume,
  },
  ...MEDIA_COMMANDS,
  {
    name: 'verify',
    group: 'Safety',
    usage: 'NAME [ok]',
    summary: 'Shows the safety number to compare with somebody; "ok" marks it as compared.',
    example: '!verify alice ok',
    needs: 'login',
    args: [1, 2],
    run: verify,
  },
  {
    name: 'trust',
    group: 'Safety',
    usage: 'NAME',
    summary: 'Goes on writing to somebody whose keys have changed.',
    example: '!trust bob',
    needs: 'login',
    args: [1, 1],
    run: trust,
  },
  {
    name: 'resetkeys',
    group: 'Safety',
    usage: '',
    summary: 'Makes new launch keys at once. What was delivered stays readable.',
    example: '!resetkeys',
    needs: 'login',
    args: [0, 0],
    run: resetKeys,
  },
  {
    name: 'register',
    group: 'You',
    usage: '',
    summary: 'Makes an account on this server and logs in.',
    example: '!register',
    needs: 'nothing',
    args: [0, 1],
    run: register,
  },
  {
    name: 'login',
    group: 'You',
    usage: '[NAME|--key FILE]',
    summary: 'Logs in; the password is asked and not shown. A key file needs none.',
    example: '!login alice',
    needs: 'nothing',
    args: [0, 2],
    run: login,
  },
  {
    name: 'logout',
    group: 'You',
    usage: '',
    summary: 'Logs out. The next login on this device needs the password.',
    example: '!logout',
    needs: 'login',
    args: [0, 0],
    run: logout,
  },
  {
    name: 'whoami',
    group: 'You',
    usage: '',
    summary: 'Your name, your link for others, the server.',
    example: '!whoami',
    needs: 'login',
    args: [0, 0],
    run: whoami,
  },
  {
    name: 'set',
    group: 'You',
    usage: '[KEY] [VALUE]',
    summary:
      'Shows or changes choices: receipts, requests, presence, bell; time, notify, autoaccept, lock, preview.',
    example: '!set notify on',
    needs: 'login',
    args: [0, 2],
    run: set,
  },
  {
    name: 'status',
    group: 'You',
    usage: '',
    summary: 'Connection, waiting messages, transfers, keys.',
    example: '!status',
    needs: 'login',
    args: [0, 0],
    run: status,
  },
  ...OWN_COMMANDS,
  {
    name: 'help',
    group: 'This window',
    usage: '[COMMAND|TOPIC|all]',
    summary: 'Lists the commands on one page, those of a topic or all in tables, or explains one.',
    example: '!help file',
    needs: 'nothing',
    args: [0, 1],
    run: (app, args) => {
      help(app, args, COMMANDS)
    },
  },
  {
    name: 'lock',
    group: 'This window',
    usage: '',
    summary:
      'Closes everything, clears the screen and asks for the password. !set lock 10m does it by itself.',
    example: '!lock',
    needs: 'login',
    args: [0, 0],
    run: lock,
  },
  {
    name: 'clear',
    group: 'This window',
    usage: '',
    summary: 'Clears the screen and what can be scrolled back to.',
    example: '!clear',
    needs: 'nothing',
    args: [0, 0],
    run: clear,
  },
  {
    name: 'wait',
    group: 'This window',
    usage: 'SECONDS',
    summary: 'In a pipe: stays and prints what arrives, then goes on.',
    example: '!wait 10',
    needs: 'nothing',
    args: [1, 1],
    run: wait,
  },
  {
    name: 'exit',
    aliases: ['back'],
    group: 'This window',
    usage: '',
    summary: 'Leaves the open chat; without one, quits.',
    example: '!exit',
    needs: 'nothing',
    args: [0, 0],
    run: exit,
  },
  {
    name: 'quit',
    group: 'This window',
    usage: '',
    summary: 'Closes the connection properly and ends. You stay signed in.',
    example: '!quit',
    needs: 'nothing',
    args: [0, 0],
    run: quit,
  },
]

export function findCommand(name: string): Command | undefined {
  return COMMANDS.find((c) => c.name === name)
}

/** Checks the preconditions of the table, then runs the command. @throws E_USAGE, E_NOT_LOGGED_IN and what it throws */
export async function runCommand(app: App, name: string, rest: string): Promise<void> {
  const command = findCommand(name) ?? fail('E_INTERNAL')
  if (command.needs === 'login') app.requireSession()
  const [fewest, most] = command.args
  const args = command.text === true ? splitText(rest, most) : splitArguments(rest)
  if (args === null) fail('E_USAGE', 'A quote is not closed. Example: !file alice "./my doc.pdf"')
  if (args.length < fewest || args.length > most) {
    const usage = command.usage === '' ? '' : ` ${command.usage}`
    fail('E_USAGE', `Usage: !${name}${usage}   Example: ${command.example}`)
  }
  await command.run(app, args)
}
