// One-shot commands: their words, and what a shell completes.
import { execFile } from 'node:child_process'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'

import test from 'ava'

import { OPTION_WORDS, parseClientArgs, usageOf } from '../../../lib/cli/client/args.ts'
import { readText } from '../../../lib/cli/client/oneshot/read-text.ts'
import { shellCompletion } from '../../../lib/cli/client/oneshot/shell-completion.ts'

test('a one-shot command and its options', (t) => {
  const send = parseClientArgs(['send', '@alice', 'two', 'words', '--json', '-u', 'cibot'], {
    SECURECHAT_SERVER: 'chat.example.org',
  })
  t.like(send, { target: 'chat.example.org', json: true, username: 'cibot' })
  t.like(send.oneShot, { name: 'send', args: ['@alice', 'two', 'words'], file: undefined })
  t.like(parseClientArgs(['read', 'bob', '--all', '--count', '5'], {}).oneShot, {
    all: true,
    count: 5,
  })
  t.is(parseClientArgs(['chat.example.org'], {}).oneShot, null)
})

test('what does not belong to it is refused', (t) => {
  for (const argv of [
    ['send'],
    ['read', 'a', 'b'],
    ['chats', 'x'],
    ['read', '--file', 'x'],
    ['status', '--count', '3'],
    ['read', '--count', '0'],
    ['wait', '--timeout', 'soon'],
    ['send', '@a', 'x', '--register', '-u', 'alice'],
    ['tail', '--fil', 'x'],
  ]) {
    t.throws(() => parseClientArgs(argv, {}), { code: 'E_USAGE' }, argv.join(' '))
  }
})

test('help of each has its examples', (t) => {
  const text = usageOf(parseClientArgs(['send', '--help'], {}))
  t.regex(text, /Usage: securechat send CHAT/)
  t.regex(text, /uptime \| securechat send @alice -/)
  t.regex(usageOf(parseClientArgs(['--help'], {})), /securechat send --help/)
})

test('a text from standard input loses its last line end and nothing else', async (t) => {
  t.is(await readText(Readable.from([Buffer.from('a\n\nb\n')])), 'a\n\nb')
  const halves = [Buffer.from('caf\u00e9').subarray(0, 4), Buffer.from('caf\u00e9').subarray(4)]
  t.is(await readText(Readable.from(halves)), 'caf\u00e9')
  await t.throwsAsync(readText(Readable.from([Buffer.of(0xff, 0xfe)])), { code: 'E_FORMAT' })
  const long = [Buffer.alloc(1024 * 1024, 'x'), Buffer.from('x')]
  await t.throwsAsync(readText(Readable.from(long)), { code: 'E_TOO_BIG' })
})

async function completed(words: readonly string[]): Promise<string[]> {
  const script = `${shellCompletion('bash', OPTION_WORDS)}
    securechat() { [ "$1" = complete ] && printf '%s\\n' @alice @alina @bob '#team'; }
    COMP_WORDS=(securechat "$@"); COMP_CWORD=$#; COMP_LINE="securechat $*"; COMP_POINT=\${#COMP_LINE}
    _securechat; echo "\${COMPREPLY[*]}"`
  const { stdout } = await promisify(execFile)('bash', ['-c', script, 'bash', ...words])
  return stdout.trim().split(/\s+/)
}

test('bash completes commands, their options and the others', async (t) => {
  t.deepEqual(await completed(['s']), ['send', 'status'])
  t.deepEqual(await completed(['send', '--f']), ['--file'])
  t.deepEqual(await completed(['completion', '']), ['bash', 'zsh', 'fish'])
  t.deepEqual(await completed(['--password']), ['--password-file', '--password-fd'])
  t.false((await completed(['read', '--'])).includes('--file'))
})

test('bash completes people and groups where a chat is meant, however far they are typed', async (t) => {
  t.deepEqual(await completed(['send', '@al']), ['@alice', '@alina'])
  t.deepEqual(await completed(['send', '']), ['@alice', '@alina', '@bob', '\\#team'])
  t.deepEqual(await completed(['tail', "'#t"]), ['#team'])
  t.deepEqual(await completed(['read', '\\#te']), ['\\#team'])
  t.deepEqual(await completed(['wait', '@nobody']), [''])
  t.false((await completed(['send', '@alice', ''])).includes('bob'))
  t.deepEqual(await completed(['chats', '@a']), [''])
})

test('the other shells get a script, an unknown one a sentence', (t) => {
  t.regex(shellCompletion('zsh', OPTION_WORDS), /^#compdef securechat/)
  t.regex(shellCompletion('fish', OPTION_WORDS), /-a send/)
  t.throws(() => shellCompletion('tcsh', OPTION_WORDS), { code: 'E_USAGE' })
})
