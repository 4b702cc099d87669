// The unit that setup writes: it starts what was set up, may write there and nowhere else, and odd paths stay paths.
import test from 'ava'

import { type UnitFacts, unitText } from '../../../lib/cli/setup/unit.ts'
import { nodeFlags } from '../../helpers/programs.ts'

const HOME = '/var/lib/securechat'
const SETTINGS = {
  keys: `${HOME}/keys`,
  data: `${HOME}/data/server`,
  port: 7700,
  launchPasswordFile: null,
}
const FACTS: UnitFacts = {
  settings: SETTINGS,
  user: 'securechat',
  node: '/usr/bin/node',
  program: '/opt/securechat/bin/securechat-server',
  config: `${HOME}/keys/server.config.json`,
  hasLaunchPassword: true,
}

function rowsOf(facts: Partial<UnitFacts>, settings: Partial<UnitFacts['settings']> = {}) {
  const text = unitText({ ...FACTS, ...facts, settings: { ...SETTINGS, ...settings } })
  const pairs = text
    .split('\n')
    .filter((row) => row.includes('=') && !row.startsWith('#'))
    .map((row) => [row.slice(0, row.indexOf('=')), row.slice(row.indexOf('=') + 1)] as const)
  return new Map(pairs)
}

test('it starts the program with the settings, as the user, and shuts the rest of the machine away', (t) => {
  const rows = rowsOf({})
  t.is(
    rows.get('ExecStart'),
    `/usr/bin/node ${nodeFlags('securechat-server').join(' ')} ${FACTS.program} --config ${FACTS.config}`,
  )
  t.is(rows.get('User'), 'securechat')
  t.is(rows.get('ReadWritePaths'), HOME)
  t.is(rows.get('LoadCredential'), 'launch-password:/etc/securechat/launch-password')
  for (const name of ['NoNewPrivileges', 'ProtectHome', 'PrivateTmp', 'PrivateDevices']) {
    t.is(rows.get(name), 'yes', name)
  }
  t.is(rows.get('ProtectSystem'), 'strict')
  t.is(rows.get('CapabilityBoundingSet'), '')
  t.false(rows.has('MemoryDenyWriteExecute')) // Node.js could not compile
})

test('no launch password, no credential; a named file is where systemd finds it', (t) => {
  t.false(rowsOf({ hasLaunchPassword: false }).has('LoadCredential'))
  const rows = rowsOf({}, { launchPasswordFile: '/root/100% secret' })
  t.is(rows.get('LoadCredential'), 'launch-password:/root/100%% secret')
})

test('folders that are not side by side, homes, temporary folders and low ports get what they need and no more', (t) => {
  t.is(rowsOf({}, { data: '/srv/data' }).get('ReadWritePaths'), `${HOME}/keys /srv/data`)
  t.is(
    rowsOf({}, { keys: '/keys', data: '/data/server' }).get('ReadWritePaths'),
    '/keys /data/server',
  )
  t.is(rowsOf({ program: '/home/u/bin/securechat-server' }).get('ProtectHome'), 'read-only')
  t.is(rowsOf({}, { data: '/tmp/data' }).get('PrivateTmp'), 'no')
  const low = rowsOf({}, { port: 443 })
  t.is(low.get('CapabilityBoundingSet'), 'CAP_NET_BIND_SERVICE')
  t.is(low.get('AmbientCapabilities'), 'CAP_NET_BIND_SERVICE')
})

test('blanks, quotes, percent and dollar signs in paths stay what they are; control characters are refused', (t) => {
  const rows = rowsOf({ config: '/srv/a "b" $HOME 5%\\c' }, { data: '/srv/my data' })
  t.true(rows.get('ExecStart')?.endsWith(' --config "/srv/a \\"b\\" $$HOME 5%%\\\\c"'))
  t.is(rows.get('ReadWritePaths'), `${HOME}/keys "/srv/my data"`)
  t.throws(() => rowsOf({ config: '/srv/a\nExecStart=/bin/sh' }), { code: 'E_CONFIG' })
  t.throws(() => rowsOf({}, { data: '/srv/\u0007' }), { code: 'E_CONFIG' })
})
