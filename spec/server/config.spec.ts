import test from 'ava'

import { parseServerConfig, SERVER_OPTIONS } from '../../lib/server/config.ts'
import { parseSpan, spanText } from '../../lib/util/span.ts'
import { outcome } from '../helpers/refusals.ts'

test('defaults are complete and within their own ranges', (t) => {
  const config: Record<string, unknown> = { ...parseServerConfig() }
  t.deepEqual(Object.keys(config), Object.keys(SERVER_OPTIONS))
  t.deepEqual(parseServerConfig(config), config)
})

test('numbers may be text, choices are words', (t) => {
  t.like(parseServerConfig({ maxClients: '25', registration: 'invite' }), {
    maxClients: 25,
    registration: 'invite',
  })
  t.is(parseServerConfig({ maxClients: undefined }).maxClients, 10_000)
})

test('times are ms, or spans as people write them', (t) => {
  const DAY = 86_400_000
  t.is(parseServerConfig({ mailboxLifeMs: '30d' }).mailboxLifeMs, 30 * DAY)
  t.is(parseServerConfig({ fileLifeMs: '2W' }).fileLifeMs, 14 * DAY)
  t.is(parseServerConfig({ idleMs: '90s' }).idleMs, 90_000)
  t.is(parseServerConfig({ mailboxLifeMs: String(DAY) }).mailboxLifeMs, DAY)
  const refused = {
    code: 'E_CONFIG',
    message: /from 3600000 to 2678400000, or a span from 1h to 31d/,
  }
  for (const bad of ['32d', '5m', '30 d', 'd', '1y', '']) {
    t.throws(() => parseServerConfig({ mailboxLifeMs: bad }), refused, bad)
  }
  t.throws(() => parseServerConfig({ maxClients: '30d' }), { code: 'E_CONFIG' }) // not a time
  for (const option of Object.values(SERVER_OPTIONS)) {
    if (option.kind !== 'number' || option.unit !== 'ms') continue
    for (const ms of [option.min, option.default, option.max]) {
      t.is((parseSpan(spanText(ms)) ?? 0) * 1000, ms)
    }
  }
})

test('what is not a setting, or not a value of it', (t) => {
  for (const wrong of [
    { colour: 'red' },
    { toString: 1 },
    { maxClients: 0 },
    { maxClients: -1 },
    { maxClients: 1.5 },
    { maxClients: 'many' },
    { maxClients: '' },
    { maxClients: null },
    { maxClients: 1e9 },
    { maxClients: Number.NaN },
    { registration: 'sometimes' },
    { registration: 1 },
  ]) {
    t.is(
      outcome(() => parseServerConfig(wrong)),
      'E_CONFIG',
      JSON.stringify(wrong),
    )
  }
})

for (const [name, option] of Object.entries(SERVER_OPTIONS)) {
  test(`${name} says what it is`, (t) => {
    t.true(option.about.length > 5 || option.kind === 'number')
    if (option.kind === 'choice') t.true(option.values.includes(option.default as never))
    else {
      t.true(option.unit.length > 0)
      t.true(option.min <= option.default && option.default <= option.max)
      t.is(
        outcome(() => parseServerConfig({ [name]: option.max + 1 })),
        'E_CONFIG',
      )
    }
  })
}
