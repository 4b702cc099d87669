// The words and questions around the own account: what is asked before anything happens, and what is said afterwards.
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import test from 'ava'

import type { AccountActions } from '../../../lib/client/account-api.ts'
import type { Forms } from '../../../lib/cli/client/front.ts'
import { runLine } from '../../../lib/cli/client/dispatch.ts'
import { fail } from '../../../lib/util/errors.ts'
import { ALICE, type FakeApp, fakeApp } from '../../helpers/fake-front.ts'

const DEVICES = [
  { number: 1, dev: '0011223344556677', addedAt: 0, isThis: true },
  { number: 2, dev: '8899aabbccddeeff', addedAt: 0, isThis: false },
]

/** Answers in the order in which they are asked for. */
function answering(...answers: readonly (string | boolean)[]): { forms: Forms; asked: string[] } {
  const asked: string[] = []
  const left = [...answers]
  const next = (message: string): string | boolean => {
    asked.push(message)
    return left.shift() ?? fail('E_CANCELLED')
  }
  const text = (options: {
    message: string
    validate?: (value: string) => true | string | Promise<true | string>
  }): Promise<string> =>
    Promise.resolve().then(async () => {
      const answer = String(next(options.message))
      const verdict = await options.validate?.(answer)
      return typeof verdict === 'string' ? fail('E_USAGE', verdict) : answer
    })
  return {
    asked,
    forms: {
      text,
      password: text,
      confirm: (message) => Promise.resolve().then(() => next(message) === true),
      choose: () => fail('E_INTERNAL'),
    },
  }
}

function appWith(
  account: Partial<AccountActions>,
  forms: Forms | null = null,
): FakeApp & { readonly did: unknown[][] } {
  const did: unknown[][] = []
  const traced = Object.fromEntries(
    Object.entries(account).map(([name, work]) => [
      name,
      (...args: unknown[]) => {
        did.push([name, ...args])
        return (work as (...given: unknown[]) => unknown)(...args)
      },
    ]),
  )
  const fake = fakeApp({ account: traced as unknown as AccountActions, contacts: () => [ALICE] })
  fake.front.forms = forms
  return { ...fake, did }
}

test('devices are listed with this one marked; removing one takes the password', async (t) => {
  const { forms } = answering('secret')
  const { app, front, did } = appWith(
    {
      devices: () => DEVICES,
      revokeDevice: (number) => Promise.resolve(DEVICES[number - 1] ?? fail('E_NOT_FOUND')),
    },
    forms,
  )
  t.is(await runLine(app, '!devices'), null)
  t.true(front.said.some((row) => row.includes('[1] 00112233') && row.includes('(this one)')))
  t.true(front.said.some((row) => row.includes('[2] 8899aabb') && !row.includes('this one')))
  for (const line of [
    '!devices revoke',
    '!devices revoke x',
    '!devices drop 2',
    '!devices revoke 1',
  ]) {
    t.is((await runLine(app, line))?.code, 'E_USAGE', line)
  }
  t.is((await runLine(app, '!devices revoke 7'))?.code, 'E_NOT_FOUND')
  t.false(did.some(([name]) => name === 'revokeDevice'))
  t.is(await runLine(app, '!devices revoke 2'), null)
  t.deepEqual(did.at(-1), ['revokeDevice', 2, 'secret'])
})

test('without a terminal and without a given password it says what to do', async (t) => {
  const { app, did } = appWith({ devices: () => DEVICES, rename: () => Promise.resolve() })
  for (const line of ['!devices revoke 2', '!rename alicia', '!passwd', '!deleteaccount']) {
    t.is((await runLine(app, line))?.code, 'E_USAGE', line)
  }
  t.false(did.some(([name]) => name !== 'devices'))
})

test('a new password is typed twice and must be good', async (t) => {
  const good = 'tomato-window-14-ladder'
  const { forms, asked } = answering('old one', good, good)
  const account = {
    checkPassword: () => Promise.resolve(),
    changePassword: () => Promise.resolve(),
  }
  const { app, did } = appWith(account, forms)
  t.is(await runLine(app, '!passwd'), null)
  t.deepEqual(did, [
    ['checkPassword', 'old one'],
    ['changePassword', 'old one', good],
  ])
  t.is(asked.length, 3)
  const weak = appWith(account, answering('old', '1234').forms)
  t.is((await runLine(weak.app, '!passwd'))?.code, 'E_USAGE')
  t.deepEqual(weak.did, [['checkPassword', 'old']])
})

test('a wrong password is said before anybody thinks of a new one', async (t) => {
  const { forms, asked } = answering('wrong', 'tomato-window-14-ladder')
  const { app } = appWith(
    { checkPassword: () => Promise.resolve().then(() => fail('E_AUTH')) },
    forms,
  )
  t.is((await runLine(app, '!passwd'))?.code, 'E_AUTH')
  t.is(asked.length, 1)
})

test('the way back in: a name that is none and a code that cannot be one are refused at once', async (t) => {
  for (const [answers, count] of [
    [['A B'], 1],
    [['alice', 'AAAAA-BBBBB'], 2],
  ] as const) {
    const { forms, asked } = answering(...answers)
    const { app, front } = fakeApp(null)
    front.forms = forms
    Object.assign(app, { lobby: () => Promise.resolve({}) })
    t.is((await runLine(app, '!recover'))?.code, 'E_USAGE')
    t.is(asked.length, count)
  }
})

test('deleting asks twice and then for the password; any other answer keeps the account', async (t) => {
  const account = { delete: () => Promise.resolve() }
  for (const answers of [[false], [true], [true, 'alice'], [true, 'bob']] as const) {
    const { app, did } = appWith(account, answering(...answers).forms)
    t.not(await runLine(app, '!deleteaccount'), null)
    t.deepEqual(did, [])
  }
  const { app, did } = appWith(account, answering(true, 'bob', 'secret').forms)
  t.is(await runLine(app, '!deleteaccount'), null)
  t.deepEqual(did, [['delete', 'secret']])
  t.is(app.session, null)
})

test('what the server stores is shown, with what can be taken back', async (t) => {
  const { app, front, did } = appWith({
    stored: () =>
      Promise.resolve([
        { what: 'names', how: 'open', detail: '@bob' },
        { what: 'your e-mail address', how: 'sealed', detail: '1 KB', purge: 'email' },
      ] as const),
    purge: () => Promise.resolve(1),
  })
  t.is(await runLine(app, '!privacy'), null)
  t.true(front.said.some((row) => row.includes('!privacy purge email')))
  t.is(await runLine(app, '!privacy purge email'), null)
  t.deepEqual(did.at(-1), ['purge', 'email'])
  t.is((await runLine(app, '!privacy purge everything'))?.code, 'E_USAGE')
})

test('a key file is private, never written over anything, and gone when the key was not made', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'securechat-spec-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const path = join(dir, 'my key')
  const made = appWith(
    { makeLoginKey: () => Promise.resolve(Buffer.from('the key')), loginKeys: () => [] },
    answering('secret', 'secret').forms,
  )
  t.is(await runLine(made.app, `!loginkey "${path}"`), null)
  t.is((await readFile(path)).toString(), 'the key')
  t.is((await stat(path)).mode & 0o777, 0o600)
  t.is((await runLine(made.app, `!loginkey "${path}"`))?.code, 'E_FILE')
  t.is(made.did.length, 1)
  const failing = appWith(
    { makeLoginKey: () => Promise.reject(new Error('no')) },
    answering('secret').forms,
  )
  const other = join(dir, 'other')
  t.not(await runLine(failing.app, `!loginkey ${other}`), null)
  await t.throwsAsync(stat(other))
  t.is(await runLine(made.app, '!loginkey'), null)
})

test('names: a full name may have blanks', async (t) => {
  const { app, did } = appWith({ setDisplayName: () => Promise.resolve() })
  t.is(await runLine(app, '!nick Robert Paulson'), null)
  t.deepEqual(did, [['setDisplayName', 'Robert Paulson']])
})

test('names: asking for the full name does not delete it', async (t) => {
  const { app, front, did } = appWith({ setDisplayName: () => Promise.resolve() })
  t.is(await runLine(app, '!nick'), null)
  t.deepEqual(did, [])
  t.regex(front.said.join(), /no full name/u)
  t.is(await runLine(app, '!nick OFF'), null)
  t.deepEqual(did, [['setDisplayName', '']])
})
