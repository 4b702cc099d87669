import test from 'ava'

import { parseServerConfig, SERVER_OPTIONS } from '../../lib/server/config.ts'
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
