import test from 'ava'

import { parseClientArgs, USAGE } from '../../../lib/cli/client/args.ts'

test('options and environment, the command line first', (t) => {
  const o = parseClientArgs(['chat.example.org:7700', '-u', 'alice', '--yes', '--port', '99'], {
    SECURECHAT_USERNAME: 'bob',
    SECURECHAT_HOME: '/h',
  })
  t.like(o, { target: 'chat.example.org:7700', username: 'alice', yes: true, port: 99, home: '/h' })
  t.is(parseClientArgs([], { SECURECHAT_USERNAME: 'bob' }).username, 'bob')
})

test('what does not belong there is refused with a code', (t) => {
  for (const argv of [
    ['--password', 'x'],
    ['--port', '0'],
    ['--port', '65536'],
    ['--port', 'http'],
    ['--password-fd', '-1'],
    ['one', 'two'],
    ['--register'],
    ['--username'],
  ]) {
    t.throws(() => parseClientArgs(argv, {}), { code: 'E_USAGE' }, argv.join(' '))
  }
})

test('the usage names every option', (t) => {
  for (const option of [
    '--host',
    '--username',
    '--register',
    '--password-file',
    '--yes',
    '--lock',
  ]) {
    t.true(USAGE.includes(option), option)
  }
})
