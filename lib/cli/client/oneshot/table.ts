// The one-shot commands of the command line: what they are called, take and print. One table for parsing, --help and
// shell completion.
export interface OneShotOption {
  readonly name: 'file' | 'count' | 'all' | 'timeout'
  /** What --help shows for the value; null: a switch. */
  readonly value: string | null
  readonly help: string
}

export interface OneShotRow {
  readonly name: string
  /** Behind the name. */
  readonly synopsis: string
  readonly summary: string
  readonly options: readonly OneShotOption[]
  readonly examples: readonly string[]
  /** The first argument is a chat: completed with names. */
  readonly chat: 'required' | 'optional' | 'none'
}

const COUNT: OneShotOption = { name: 'count', value: 'N', help: 'at most the last N messages' }

export const ONE_SHOTS = {
  send: {
    name: 'send',
    synopsis: 'CHAT TEXT...|-|--file PATH',
    summary: 'Sends a message or a file, and ends when the server has it.',
    options: [
      { name: 'file', value: 'PATH', help: 'offer this file in place of a text' },
      { name: 'timeout', value: 'SECONDS', help: 'give up waiting (60); it goes out later' },
    ],
    examples: [
      'securechat send @alice "build 812 is green"',
      'uptime | securechat send @alice -',
      "securechat send '#ops' --file ./report.pdf",
    ],
    chat: 'required',
  },
  read: {
    name: 'read',
    synopsis: '[CHAT]',
    summary: 'Prints what is unread and marks it as read.',
    options: [
      { ...COUNT, help: 'at most N messages, the rest stays unread; with --all the last N' },
      { name: 'all', value: null, help: 'also what was read before (needs a CHAT)' },
    ],
    examples: ['securechat read', 'securechat read @alice --all --count 100'],
    chat: 'optional',
  },
  wait: {
    name: 'wait',
    synopsis: '[CHAT]',
    summary: 'Waits for the next message, prints it and ends.',
    options: [{ name: 'timeout', value: 'SECONDS', help: 'end with 75 when none came' }],
    examples: ['securechat wait @alice --timeout 300 && make deploy'],
    chat: 'optional',
  },
  tail: {
    name: 'tail',
    synopsis: '[CHAT]',
    summary: 'Prints the last messages and every one that follows, until it is stopped.',
    options: [COUNT],
    examples: ["securechat tail '#ops'", 'securechat tail --json | jq .message.body.text'],
    chat: 'optional',
  },
  chats: {
    name: 'chats',
    synopsis: '',
    summary: 'Lists the chats with their unread counts.',
    options: [],
    examples: ['securechat chats --json'],
    chat: 'none',
  },
  status: {
    name: 'status',
    synopsis: '',
    summary: 'Says who is signed in where, and what waits to be sent.',
    options: [],
    examples: ['securechat status'],
    chat: 'none',
  },
} as const satisfies Readonly<Record<string, OneShotRow>>

export type OneShotName = keyof typeof ONE_SHOTS

export function isOneShot(word: string | undefined): word is OneShotName {
  return word !== undefined && Object.hasOwn(ONE_SHOTS, word)
}

export function oneShotUsage(name: OneShotName): string {
  const row: OneShotRow = ONE_SHOTS[name]
  const options = [
    ...row.options.map(({ name: option, value, help }) => [
      `--${option}${value === null ? '' : ` ${value}`}`,
      help,
    ]),
    ['--json', 'one JSON object a line'],
    ['-u, --username NAME', 'which account, if this device has several'],
    ['--host HOST', 'which server, or its invite link (default: the last one)'],
  ]
  return [
    `Usage: securechat ${[row.name, row.synopsis].filter((s) => s !== '').join(' ')} [options]`,
    '',
    row.summary,
    'Uses the key of this device and asks nothing; sign up or log in once with securechat.',
    '',
    ...options.map(([left = '', right = '']) => `  ${left.padEnd(24)}${right}`),
    '',
    'Examples:',
    ...row.examples.map((line) => `  ${line}`),
    '',
  ].join('\n')
}
