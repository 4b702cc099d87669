// Every question of setup is an option, a variable and a name in the config file too: the answer is the same by each of the
// four ways, what one of the three says is the default of the question, and a wrong answer is refused with words.
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import test from 'ava'

import { listen } from '../../../lib/channel/tcp.ts'

import type { Choice, Form, TextQuestion } from '../../../lib/cli/prompts.ts'
import { parseServerArgs } from '../../../lib/cli/server/args.ts'
import { newLaunchPassword } from '../../../lib/cli/server/launch-password.ts'
import { defaultSettings, type ServerSettings, SETTINGS } from '../../../lib/cli/server/settings.ts'
import { variableOf } from '../../../lib/cli/server/sources.ts'
import { type Ground, thisMachine } from '../../../lib/cli/setup/ground.ts'
import { ask, QUESTIONS } from '../../../lib/cli/setup/questions.ts'
import { sizeOf, sizeText } from '../../../lib/cli/setup/sizes.ts'

const GIB = 2 ** 30
const defaults = defaultSettings({ keys: '/home/op/keys', data: '/home/op/data' })

/** Has nothing against anything. */
const OPEN: Ground = {
  homeDir: '/home/op',
  folders: () => Promise.resolve(null),
  address: () => Promise.resolve(null),
  isForUnit: () => Promise.resolve(false),
}

interface Sample {
  /** What a person types or chooses. */
  readonly typed: string
  /** The same as an option has it. */
  readonly text: string
  /** Refused by the question and by the option alike; absent: nothing can be wrong. */
  readonly wrong?: string
}

/** By what a question decides. */
const SAMPLES: Readonly<Record<string, Sample>> = {
  keys: { typed: '/srv/chat', text: '/srv/chat/keys' },
  data: { typed: '/srv/chat', text: '/srv/chat/data/server' },
  host: { typed: ' 192.0.2.5 ', text: '192.0.2.5', wrong: 'a b' },
  port: { typed: '7801', text: '7801', wrong: '70000' },
  publicHost: { typed: 'chat.example.org', text: 'chat.example.org', wrong: 'a/b' },
  registration: { typed: 'invite', text: 'invite' },
  directory: { typed: 'yes', text: 'yes' },
  presence: { typed: 'yes', text: 'yes' },
  storage: { typed: 'embedded', text: 'embedded' },
  maxClients: { typed: '50', text: '50', wrong: '0' },
  fileQuotaBytes: { typed: '1.5 GiB', text: String(1.5 * GIB), wrong: 'much' },
  fileTotalBytes: { typed: '2TB', text: String(2048 * GIB), wrong: '-1 GiB' },
  mailboxQuotaBytes: { typed: '16 MiB', text: String(GIB / 64), wrong: '1 KiB' },
  mailTotalBytes: { typed: '128m', text: String(GIB / 8), wrong: '7' },
  historyBytes: { typed: '100 MiB', text: String(100 * 2 ** 20), wrong: '1 TiB' },
  historyTotalBytes: { typed: '9 GiB', text: String(9 * GIB), wrong: 'nine' },
  systemd: { typed: 'yes', text: 'yes' },
}

interface Asked {
  readonly message: string
  readonly initial: string | undefined
  readonly validate: TextQuestion['validate']
}

/** Answers every text with `answer`, or takes the default; the same for choices. */
function scripted(answer: string | null): { readonly form: Form; readonly asked: Asked[] } {
  const asked: Asked[] = []
  const form: Form = {
    text: ({ message, initial, validate }) => {
      asked.push({ message, initial, validate })
      return Promise.resolve(answer ?? initial ?? '')
    },
    password: () => Promise.reject(new Error('no password is wanted here')),
    confirm: (message, initial) => {
      asked.push({ message, initial: String(initial), validate: undefined })
      return Promise.resolve(answer === null ? initial : answer === 'yes')
    },
    choose: <T>(message: string, choices: readonly Choice<T>[], initial?: T): Promise<T> => {
      asked.push({ message, initial: String(initial), validate: undefined })
      const found = choices.find(({ value }) => value === (answer ?? initial))
      return found === undefined
        ? Promise.reject(new Error(`${String(answer)} is not offered`))
        : Promise.resolve(found.value)
    },
  }
  return { form, asked }
}

function parse(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  file: string | null = null,
): ServerSettings {
  const readFile = (): string => {
    if (file !== null) return file
    throw Object.assign(new Error('none'), { code: 'ENOENT' })
  }
  return parseServerArgs(argv, { env, cwd: '/', defaults, readFile }).settings
}

function valueOf(settings: Partial<ServerSettings>, name: string): unknown {
  return new Map<string, unknown>(Object.entries(settings)).get(name)
}

test('setup asks for everything that an operator must decide, and for each once', (t) => {
  const decided = QUESTIONS.flatMap(({ decides }) => decides)
  t.deepEqual([...decided].sort(), Object.keys(SAMPLES).sort())
  t.is(new Set(decided).size, decided.length)
})

for (const question of QUESTIONS) {
  for (const name of question.decides) {
    const { typed, text, wrong } = SAMPLES[name] ?? { typed: '', text: '' }
    test(`${name}: typed, as an option, a variable and in the file it is the same`, async (t) => {
      const flag = SETTINGS.get(name)?.flag ?? ''
      const expected = SETTINGS.get(name)?.read(text, '/')
      t.not(expected, undefined)
      const given = [
        parse([`--${flag}`, text]),
        parse([], { [variableOf(flag)]: text }),
        parse(['--config', '/c.json'], {}, JSON.stringify({ [name]: text })),
      ]
      for (const settings of given) t.deepEqual(valueOf(settings, name), expected)
      const { form } = scripted(typed)
      t.deepEqual(valueOf(await question.ask(form, defaults, OPEN), name), expected)
      // Enter takes what was given, to the last byte
      const [before = defaults] = given
      const enter = scripted(null)
      const after = { ...before, ...(await question.ask(enter.form, before, OPEN)) }
      t.deepEqual(after, before)
    })

    if (wrong !== undefined) {
      test(`${name}: "${wrong}" is refused with a sentence, typed and given`, async (t) => {
        const { form, asked } = scripted(null)
        await question.ask(form, defaults, OPEN)
        const verdict = await asked[0]?.validate?.(wrong)
        t.is(typeof verdict, 'string')
        const flag = SETTINGS.get(name)?.flag ?? ''
        t.throws(() => parse([`--${flag}=${wrong}`]), { code: 'E_USAGE' })
        t.throws(() => parse([], { [variableOf(flag)]: wrong }), { code: 'E_CONFIG' })
        const file = JSON.stringify({ [name]: wrong })
        t.throws(() => parse(['--config', '/c.json'], {}, file), { code: 'E_CONFIG' })
      })
    }
  }
}

test('a size out of its range is refused as a size', async (t) => {
  const { form, asked } = scripted(null)
  for (const question of QUESTIONS) await question.ask(form, defaults, OPEN)
  const waiting = asked.find(({ message }) => message.startsWith('Messages that wait, for one'))
  t.is(await waiting?.validate?.('1 KiB'), 'That is not a size from 4 MiB to 16 GiB.')
})

test('a port that changes, or is that of the metrics, is refused with the question', async (t) => {
  const { form, asked } = scripted(null)
  const port = QUESTIONS.find(({ decides }) => decides.includes('port'))
  await port?.ask(form, { ...defaults, metricsPort: 7790 }, OPEN)
  t.regex(String(await asked[0]?.validate?.('0')), /has to stay the same/)
  t.regex(String(await asked[0]?.validate?.('7790')), /metrics/)
  t.true(await asked[0]?.validate?.('7791'))
})

test('~ is the home of who types it; that of others is not guessed', async (t) => {
  const [folder] = QUESTIONS
  for (const [typed, home] of [
    ['~/chat', '/home/op/chat'],
    [' ~ ', '/home/op'],
    ['/srv/~/x', '/srv/~/x'],
  ] as const) {
    const answer = await folder?.ask(scripted(typed).form, defaults, OPEN)
    t.deepEqual(answer, { keys: `${home}/keys`, data: join(home, 'data', 'server') }, typed)
  }
  const { form, asked } = scripted(null)
  await folder?.ask(form, { ...defaults, keys: '/srv/keys' }, OPEN)
  t.regex(String(await asked[0]?.validate?.('~root/x')), /Write the path whole/)
})

test('what this machine has against an answer is said at its question', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'securechat-questions-'))
  t.teardown(() => rm(home, { recursive: true, force: true }))
  await mkdir(join(home, 'old', 'keys'), { recursive: true })
  await writeFile(join(home, 'old', 'keys', 'server.identity'), '')
  await writeFile(join(home, 'file'), '')
  const taken = await listen({ host: '127.0.0.1', port: 0, onConnection: () => undefined })
  t.teardown(() => taken.close())
  const given = { ...defaults, host: '127.0.0.1' }
  const verdict = async (name: keyof ServerSettings, typed: string): Promise<unknown> => {
    const { form, asked } = scripted(null)
    const question = QUESTIONS.find(({ decides }) => decides.includes(name))
    await question?.ask(form, given, thisMachine)
    return asked[0]?.validate?.(typed)
  }
  t.regex(String(await verdict('keys', join(home, 'old'))), /There is a SecureChat server in/)
  t.regex(String(await verdict('keys', join(home, 'file', 'x'))), /it is a file/)
  t.true(await verdict('keys', join(home, 'new', 'er')))
  t.regex(String(await verdict('host', '203.0.113.9')), /not an address of this computer/)
  t.true(await verdict('host', '127.0.0.1'))
  t.regex(String(await verdict('port', String(taken.port))), /is in use/)
  t.deepEqual((await readdir(home)).sort(), ['file', 'old'])
})

test('whoever mistypes one of two launch passwords is asked for both again', async (t) => {
  const typed = ['a launch pasword', 'a launch password', 'a launch password', 'a launch password']
  const asked: string[] = []
  const form: Form = {
    ...scripted(null).form,
    password: ({ message }) => {
      asked.push(message)
      return Promise.resolve(typed[asked.length - 1] ?? '')
    },
  }
  t.is(await newLaunchPassword(form, 'Launch password:'), 'a launch password')
  t.is(asked[2], 'They were not the same. Launch password:')
  t.is(asked.length, typed.length)
})

test('a port that only a unit gives to the server is taken, and so is the unit', async (t) => {
  const { form, asked } = scripted(null)
  const low: Ground = {
    ...OPEN,
    address: () => Promise.resolve('This user may not.'),
    isForUnit: ({ port }) => Promise.resolve(port === 443),
  }
  const answers = await ask(form, { ...defaults, port: 443 }, null, low)
  t.like(answers.settings, { port: 443, systemd: 'yes' })
  const port = asked.find(({ message }) => message === 'Port:')
  t.true(await port?.validate?.('443'))
  t.is(await port?.validate?.('444'), 'This user may not.')
})

test('an engine that there is not is refused by name, with what there is', (t) => {
  const words = ['--storage', 'postgres']
  const error = t.throws(() => parse(words), { code: 'E_USAGE' })
  t.is(error.message, '--storage takes embedded, the one engine there is, not "postgres".')
})

test('Enter at every question: nothing but the defaults, and no launch password', async (t) => {
  const { form, asked } = scripted(null)
  const answers = await ask(form, defaults, null, OPEN)
  t.deepEqual(answers, { settings: defaults, launchPassword: null })
  t.is(asked.length, QUESTIONS.length + 1) // whether a launch password is wanted
  t.is((await ask(form, defaults, 'given elsewhere', OPEN)).launchPassword, 'given elsewhere')
})

test('a size is read as it is shown', (t) => {
  for (const [text, bytes] of [
    ['0', 0],
    ['64 MiB', 64 * 2 ** 20],
    ['4 GiB', 4 * GIB],
    ['1.5 TiB', 1536 * GIB],
    ['20 KiB', 20480],
  ] as const) {
    t.is(sizeText(bytes), text)
    t.is(sizeOf(text), bytes)
  }
  t.is(sizeText(1_500_000_000), '1.4 GiB')
  for (const text of [
    '',
    '5',
    '5 bytes',
    'GiB',
    '1e3 MiB',
    '-1 MiB',
    '1,5 GiB',
    '4 GiB and more',
  ]) {
    t.is(sizeOf(text), undefined, text)
  }
})
