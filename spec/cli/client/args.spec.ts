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

test('the server of the environment gives way to every option that names one, and to the argument', (t) => {
  const env = { SECURECHAT_SERVER: 'env.example.org' }
  t.like(parseClientArgs([], env), { target: 'env.example.org', host: undefined })
  t.is(parseClientArgs([], { SECURECHAT_SERVER: '' }).target, undefined)
  t.is(parseClientArgs(['chat.example.org'], env).target, 'chat.example.org')
  t.like(parseClientArgs(['--port', '99'], env), { target: 'env.example.org', port: 99 })
  for (const argv of [[], ['send', '@bob', 'hi']]) {
    const byHost = parseClientArgs([...argv, '--host', 'h', '--port', '99'], env)
    t.like(byHost, { target: undefined, host: 'h', port: 99 })
    t.is(parseClientArgs([...argv, '--key', 'alice.key'], env).target, undefined)
  }
  const alone = ['--key', 'alice.key', '--port', '99']
  t.throws(() => parseClientArgs(alone, env), { code: 'E_USAGE' })
})

test('the full screen is asked for by hand', (t) => {
  t.false(parseClientArgs([], {}).full)
  t.true(parseClientArgs(['--full'], {}).full)
})

test('where a direct connection finds this machine', (t) => {
  t.like(parseClientArgs([], {}), { directPort: 0, directHost: undefined, directLan: false })
  const argv = ['--direct-port', '1024', '--direct-lan', '--direct-host']
  for (const host of ['example.org', '192.0.2.1', '2001:db8::1', 'my_host', 'münchen.example']) {
    const o = parseClientArgs([...argv, host], {})
    t.like(o, { directPort: 1024, directHost: host, directLan: true })
  }
})

test('what does not belong there is refused with a code', (t) => {
  for (const argv of [
    ['--password', 'x'],
    ['--port', '0'],
    ['--port', '65536'],
    ['--port', 'http'],
    ['--password-fd', '-1'],
    ['one', 'two'],
    ['one', '--host', 'one'],
    ['securechat://one:1/', '--host', 'two', '--port', '1'],
    ['--register'],
    ['--username'],
    ['--username', 'ci'],
    ['--register', '--username', 'a b'],
    ['--port', '7700'],
    ['--direct-port', '80'],
    ['--direct-port', '1023'],
    ['--direct-port', '65536'],
    ['--direct-port', 'any'],
    ['--direct-host', ''],
    ['--direct-host', 'host:7700'],
    ['--direct-host', 'https://host'],
    ['--direct-host', 'two words'],
    ['--direct-lan=yes'],
  ]) {
    t.throws(() => parseClientArgs(argv, {}), { code: 'E_USAGE' }, argv.join(' '))
  }
})

test('a wrong option is named in one line, with the one that was meant', (t) => {
  t.throws(() => parseClientArgs(['--usrname', 'alice'], {}), {
    message: 'There is no option --usrname. Did you mean --username?',
  })
  t.throws(() => parseClientArgs(['-x'], {}), { message: 'There is no option -x.' })
})

test('a username of the environment is judged like one of the command line', (t) => {
  t.throws(() => parseClientArgs([], { SECURECHAT_USERNAME: 'x' }), { code: 'E_USAGE' })
  t.is(parseClientArgs(['-u', 'Alice'], {}).username, 'Alice')
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
