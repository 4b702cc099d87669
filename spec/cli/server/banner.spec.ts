import test from 'ava'

import { banner, inviteOf, publicAddress, type Standing } from '../../../lib/cli/server/banner.ts'
import { defaultSettings, type ServerSettings } from '../../../lib/cli/server/settings.ts'
import { parseServerUri } from '../../../lib/identity/uri.ts'

const LAN = { address: '192.168.1.5', family: 'IPv4', internal: false }
const LOOPBACK = { address: '127.0.0.1', family: 'IPv4', internal: true }
const V6 = { address: '2001:db8::5', family: 'IPv6', internal: false }
const LINK_LOCAL = { address: 'fe80::1', family: 'IPv6', internal: false }
const ZEROCONF = { address: '169.254.3.4', family: 'IPv4', internal: false }

function standing(settings: Partial<ServerSettings>, rest: Partial<Standing> = {}): Standing {
  return {
    settings: { ...defaultSettings({ keys: '/k', data: '/d' }), ...settings },
    srv: Buffer.alloc(32, 7),
    port: 7701,
    version: '1.2.3',
    pid: 42,
    nodeVersion: '20.20.2',
    startMs: 321,
    addresses: [LOOPBACK, LINK_LOCAL, ZEROCONF, V6, LAN],
    ...rest,
  }
}

test('the invite names what clients can reach, and says when that is a guess', (t) => {
  t.deepEqual(publicAddress(standing({})), { host: '192.168.1.5', guessed: true })
  t.deepEqual(publicAddress(standing({ host: '127.0.0.1' })), { host: '127.0.0.1', guessed: false })
  t.deepEqual(publicAddress(standing({ publicHost: 'x.example' })), {
    host: 'x.example',
    guessed: false,
  })
  const onlyV6 = { addresses: [LOOPBACK, LINK_LOCAL, V6] }
  t.is(publicAddress(standing({ host: '::' }, onlyV6)).host, '2001:db8::5')
  t.is(publicAddress(standing({ host: '0.0.0.0' }, onlyV6)).host, 'localhost')
  t.is(publicAddress(standing({}, { addresses: [LOOPBACK] })).host, 'localhost')
})

test('the invite is a link that clients understand, with the port in use', (t) => {
  const uri = parseServerUri(inviteOf(standing({ publicHost: '2001:db8::7', port: 0 })))
  t.is(uri.host, '2001:db8::7')
  t.is(uri.port, 7701)
  t.deepEqual(Buffer.from(uri.srv), Buffer.alloc(32, 7))
})

test('the banner says where, who, how to join and what to keep', (t) => {
  const lines = banner(standing({ registration: 'invite' }), ['##', '##'])
  const text = lines.join('\n')
  for (const wanted of [
    '0.0.0.0:7701',
    '/d/server',
    '/k',
    inviteOf(standing({})),
    'invite only',
    '    ##',
    '--public-host',
  ]) {
    t.true(text.includes(wanted), wanted)
  }
  t.true(
    banner(standing({ host: '::1' }), null)
      .join('\n')
      .includes('[::1]:7701'),
  )
  t.false(
    banner(standing({ publicHost: 'x.example' }), null)
      .join('\n')
      .includes('--public-host'),
  )
})
