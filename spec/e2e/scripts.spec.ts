// The client as scripts, cron jobs and bots use it: real processes, no terminal, no question.
import { join } from 'node:path'

import test from 'ava'

import { startStage } from '../helpers/cast.ts'
import { Program, scratch, writeScratchFile } from '../helpers/programs.ts'

type Test = Parameters<typeof startStage>[0]
type Json = Readonly<Record<string, unknown>>

/** A device: where its files are, and which server it knows. */
interface Profile {
  readonly home: string
  readonly uri: string
}

/** alice and bob have signed up, and neither is running. */
async function people(t: Test): Promise<{ root: string; alice: Profile; bob: Profile }> {
  const root = await scratch(t)
  const { uri } = await startStage(t, root)
  return { root, alice: { home: join(root, 'alice'), uri }, bob: { home: join(root, 'bob'), uri } }
}

function environment({ home, uri }: Profile): Record<string, string> {
  return { SECURECHAT_HOME: home, SECURECHAT_SERVER: uri }
}

async function run(
  t: Test,
  who: Profile,
  args: readonly string[],
  input = '',
): Promise<{ code: number | string; out: string; err: string; json: Json[] }> {
  const program = new Program('securechat', args, environment(who))
  t.teardown(() => program.kill())
  program.child.stdin?.end(input)
  const code = await program.exited
  const { stdout: out, stderr: err } = program
  const isJson = args.includes('--json')
  const json = isJson
    ? out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Json)
    : []
  return { code, out, err, json }
}

test.serial('send, read, wait, chats and status, with words and as JSON', async (t) => {
  const { root, alice, bob } = await people(t)

  const sent = await run(t, alice, ['send', '@bob', 'from', 'a', 'script'])
  t.deepEqual([sent.code, sent.out, sent.err], [0, '', ''])
  const piped = await run(t, alice, ['send', 'bob', '-', '--json'], 'piped\nin\n')
  t.is(piped.code, 0)
  t.like(piped.json, [{ type: 'sent', message: { state: 'accepted', chat: 'bob' } }])

  const read = await run(t, bob, ['read', '--json'])
  t.deepEqual(
    read.json.map(({ message }) => (message as { body: { text: string } }).body.text),
    ['from a script', 'piped\nin'],
  )
  t.deepEqual(await run(t, bob, ['read']), { code: 0, out: '', err: '', json: [] })
  t.is((await run(t, bob, ['wait', 'alice', '--timeout', '1'])).code, 75)

  const report = await writeScratchFile(root, 'report.txt', Buffer.from('all is well'))
  const file = await run(t, bob, ['send', '@alice', '--file', report, '--json'])
  t.like(file.json, [{ type: 'sent', offer: { name: 'report.txt', state: 'done' } }])
  const waited = await run(t, alice, ['wait', '--timeout', '30'])
  t.is(waited.code, 0)
  t.regex(waited.out, /bob: \[file\] report\.txt/)

  const chats = await run(t, alice, ['chats', '--json'])
  t.like(chats.json, [{ type: 'chat', chat: { unread: 0, contact: { user: 'bob' } } }])
  t.regex((await run(t, alice, ['status'])).out, /as alice/)
})

test.serial('what goes wrong has a sentence and a code, and nothing is asked', async (t) => {
  const { root, alice } = await people(t)
  for (const [args, code, words] of [
    [['send', '@nobody-here', 'x'], 67, /No user called @nobody-here/],
    [['send', '@bob'], 2, /Give a TEXT/],
    [['send', '@bob', '--file', '/no/such/file'], 66, /no such file/],
    [['send', '@bob', 'x'.repeat(9000)], 65, /at most 8 KiB/],
    [['read', '#no-such-group'], 67, /No group called/],
    [['read', '--all'], 2, /Of which chat/],
  ] as const) {
    const { code: got, err, out } = await run(t, alice, args)
    t.is(got, code, args.join(' ').slice(0, 60) + err)
    t.regex(err, words)
    t.is(out, '')
  }
  const json = await run(t, alice, ['send', '@nobody-here', 'x', '--json'])
  t.like(json.json, [{ type: 'error', code: 'E_NOT_FOUND' }])
  t.is(json.err, '')
  const stranger = await run(t, { home: join(root, 'nobody'), uri: '' }, ['read'])
  t.is(stranger.code, 2)
  t.regex(stranger.err, /Which server/)
})

test.serial(
  'a bot: events and results as JSON, ids come back, the end waits for what was sent',
  async (t) => {
    const { alice, bob } = await people(t)
    const bot = new Program('securechat', ['--json', '-u', 'alice'], environment(alice))
    t.teardown(() => bot.kill())
    await bot.waitFor(/"type":"ready"/)
    const busy = await run(t, alice, ['read'])
    t.is(busy.code, 75)
    t.regex(busy.err, /SECURECHAT_HOME/)

    await run(t, bob, ['send', '@alice', 'hello \u001b[2J bot'])
    await bot.waitFor(/"type":"message","message":\{[^\n]*hello \\u001b\[2J bot/)
    bot.line('{"id":1,"line":"@bob hello to you"}')
    await bot.waitFor(/"type":"result","ok":true,"id":1/)
    bot.line('{"id":"two","line":"!hlep"}')
    await bot.waitFor(/"type":"result","ok":false,"code":"E_USAGE",[^\n]*"id":"two"/)
    bot.line('@bob and good bye')
    bot.end()
    t.is(await bot.exited, 2) // !hlep
    t.is(bot.stderr, '')
    const lines = bot.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Json)
    t.like(lines[0], { type: 'hello', version: 1 })
    t.like(lines.at(-1), { type: 'end', exit: 2 })
    t.false(bot.stdout.includes('\u001b'))
    const { out } = await run(t, bob, ['read'])
    t.regex(out, /hello to you[\s\S]*and good bye/)
  },
)
