import test, { type ExecutionContext } from 'ava'
import { Prompts } from '../../lib/cli/prompts.ts'
import { notice } from '../../lib/cli/client/rows.ts'
import { codeOf } from '../../lib/util/errors.ts'
import { FakeTerminal, type FakeTerminalOptions, KEY } from './client/fake-terminal.ts'

function setUp(options: FakeTerminalOptions = { idle: true }): {
  x: FakeTerminal
  prompts: Prompts
} {
  const x = new FakeTerminal(options)
  return { x, prompts: new Prompts({ tty: x.tty, output: x.output, theme: x.theme }) }
}

/** Lets events pass until the screen shows it; the time limit of the suite ends a wait in vain. */
async function until(x: FakeTerminal, pattern: RegExp): Promise<void> {
  while (!pattern.test(x.screen())) await x.settled()
}

/** Lets events pass until it is so. */
async function untilTrue(x: FakeTerminal, test: () => boolean): Promise<void> {
  while (!test()) await x.settled()
}

async function isCancelled(
  t: ExecutionContext,
  asked: Promise<unknown>,
  why: string,
): Promise<void> {
  const error = await t.throwsAsync(asked)
  t.is(codeOf(error), 'E_CANCELLED')
  t.is(error?.cause, why)
}

test('a text question works before the window has started', async (t) => {
  const { x, prompts } = setUp()
  const asked = prompts.text({ message: 'Server:' })
  await until(x, /Server:/u)
  t.true(x.input.raw)
  await x.type(`chat.example.org${KEY.enter}`)
  t.is(await asked, 'chat.example.org')
  t.false(x.input.raw)
  t.false(x.input.flowing)
  t.regex(x.screen(), /^\? Server: chat\.example\.org$/mu)
})

test('a paste lands at the cursor and does not press Enter', async (t) => {
  const { x, prompts } = setUp()
  const asked = prompts.text({ message: 'URL:' })
  await until(x, /URL:/u)
  await x.type(`example.org${KEY.home}`)
  await x.type('\x1b[200~https://\r\n\x1b[201~')
  await until(x, /https:\/\/example/u)
  await x.type(KEY.enter)
  t.is(await asked, 'https://example.org')
})

test('a wrong value is refused with its reason, the next is taken', async (t) => {
  const { x, prompts } = setUp()
  const asked = prompts.text({
    message: 'Name:',
    validate: (v) => (v.length > 2 ? true : 'Too short\x1b[2J'),
  })
  await until(x, /Name:/u)
  await x.type(`al${KEY.enter}`)
  await until(x, /> Too short/u)
  t.false(x.output.raw.includes('short\x1b[2J'))
  await x.type(`ice${KEY.enter}`)
  t.is(await asked, 'alice')
})

test('Enter takes the initial value', async (t) => {
  const { x, prompts } = setUp()
  const asked = prompts.text({ message: 'Port:', initial: '7700' })
  await until(x, /\(7700\)/u)
  await x.type(KEY.enter)
  t.is(await asked, '7700')
})

test('nothing of a password stays on the screen', async (t) => {
  const { x, prompts } = setUp()
  const asked = prompts.password({ message: 'Password:' })
  await until(x, /Password:/u)
  await x.type('correct horse')
  await until(x, /\*{13}/u)
  await x.type(KEY.enter)
  t.is(await asked, 'correct horse')
  await x.settled()
  t.is(x.all(), '')
  t.false(x.output.raw.includes('correct'))
})

test('a password may hold what no terminal should be shown', async (t) => {
  const { x, prompts } = setUp()
  const asked = prompts.password({ message: 'Password:' })
  await until(x, /Password:/u)
  await x.type(`\u{1f468}\u200d\u{1f469}\ufe0f\u202e${KEY.enter}`)
  t.is(await asked, '\u{1f468}\u200d\u{1f469}\ufe0f\u202e')
})

test('choices and confirmations', async (t) => {
  const { x, prompts } = setUp()
  const chosen = prompts.choose('What?', [
    { value: 'new', name: 'Create an account' },
    { value: 'login', name: 'Log in' },
  ])
  await until(x, /Log in/u)
  await x.type(KEY.down + KEY.enter)
  t.is(await chosen, 'login')
  const sure = prompts.confirm('Sure?', false)
  await until(x, /Sure\?/u)
  await x.type(`y${KEY.enter}`)
  t.true(await sure)
  const initial = prompts.choose(
    'Again?',
    [
      { value: 1, name: 'one' },
      { value: 2, name: 'two' },
    ],
    2,
  )
  await until(x, /Again\?/u)
  await x.type(KEY.enter)
  t.is(await initial, 2)
})

for (const [name, key, why] of [
  ['Ctrl-C', KEY.ctrl('c'), 'interrupt'],
  ['Ctrl-D', KEY.ctrl('d'), 'eof'],
] as const) {
  test(`${name} cancels every kind of question`, async (t) => {
    const kinds: ((p: Prompts) => Promise<unknown>)[] = [
      (p) => p.text({ message: 'Q:' }),
      (p) => p.password({ message: 'Q:' }),
      (p) => p.confirm('Q:', true),
      (p) => p.choose('Q:', [{ value: 1, name: 'one' }]),
    ]
    for (const kind of kinds) {
      const { x, prompts } = setUp()
      const asked = kind(prompts)
      await until(x, /Q:/u)
      await x.type(`x${key}`)
      await isCancelled(t, asked, why)
      t.false(x.input.raw)
    }
  })
}

test('a terminal that goes away cancels, before and during a question', async (t) => {
  for (const event of ['end', 'close', 'error']) {
    const { x, prompts } = setUp()
    const asked = prompts.text({ message: 'Q:' })
    await until(x, /Q:/u)
    x.input.emit(event, new Error('EIO'))
    await isCancelled(t, asked, 'hangup')
    await isCancelled(t, prompts.text({ message: 'Q:' }), 'hangup')
  }
})

test('the program can give up', async (t) => {
  const { x, prompts } = setUp()
  const abort = new AbortController()
  const asked = prompts.form((form) => form.text({ message: 'Q:' }), abort.signal)
  await until(x, /Q:/u)
  abort.abort()
  await isCancelled(t, asked, 'aborted')
  await isCancelled(
    t,
    prompts.form((form) => form.text({ message: 'Q:' }), abort.signal),
    'aborted',
  )
})

test('questions come one at a time, and one Enter answers one of them', async (t) => {
  const { x, prompts } = setUp()
  const first = prompts.confirm('First?', false)
  const second = prompts.confirm('Second?', false)
  await until(x, /First\?/u)
  t.notRegex(x.screen(), /Second/u)
  await x.type(`y${KEY.enter}`)
  t.true(await first)
  await until(x, /Second\?/u)
  await x.type(KEY.enter)
  t.false(await second)
})

test('what is typed ahead in a form waits for its next question', async (t) => {
  const { x, prompts } = setUp()
  let go: () => void = () => undefined
  const work = new Promise<void>((resolve) => (go = resolve))
  const asked = prompts.form(async (form) => {
    const name = await form.text({ message: 'Name:' })
    await work
    return [name, await form.password({ message: 'Password:' })]
  })
  await until(x, /Name:/u)
  await x.type(`alice${KEY.enter}sec`)
  await x.type('ret')
  t.true(x.input.raw, 'nothing typed meanwhile is echoed')
  go()
  await until(x, /Password:/u)
  await x.type(KEY.enter)
  t.deepEqual(await asked, ['alice', 'secret'])
  t.false(x.output.raw.includes('sec'))
})

test('keys wait while an answer is being checked', async (t) => {
  const { x, prompts } = setUp()
  let check: (verdict: true) => void = () => undefined
  const asked = prompts.form(async (form) => [
    await form.text({
      message: 'Name:',
      validate: () => new Promise<true>((resolve) => (check = resolve)),
    }),
    await form.text({ message: 'Port:' }),
  ])
  await until(x, /Name:/u)
  await x.type(`alice${KEY.enter}`)
  await untilTrue(x, () => check.length === 1 || x.screen().includes('alice'))
  await x.type(`77${KEY.enter}`)
  check(true)
  t.deepEqual(await asked, ['alice', '77'])
})

test('Ctrl-C between two questions ends the form whatever it waits for', async (t) => {
  const { x, prompts } = setUp()
  let told = false
  const asked = prompts.form(async (form, signal) => {
    await form.text({ message: 'Name:' })
    signal.addEventListener('abort', () => (told = true))
    await new Promise(() => undefined)
  })
  await until(x, /Name:/u)
  await x.type(`alice${KEY.enter}`)
  await x.settled()
  await x.type(KEY.ctrl('c'))
  await isCancelled(t, asked, 'interrupt')
  t.true(told)
  t.false(x.input.raw)
})

test('a question asked by a form that is over finds nobody', async (t) => {
  const { prompts } = setUp()
  let late: Promise<unknown> = Promise.resolve()
  await prompts.form((form) => {
    late = new Promise((resolve, reject) => {
      setImmediate(() => {
        form.text({ message: 'Late:' }).then(resolve, reject)
      })
    })
    return Promise.resolve()
  })
  await isCancelled(t, late, 'aborted')
})

test('what others wrote is cleaned in messages and choices', async (t) => {
  const { x, prompts } = setUp()
  const asked = prompts.choose('Who\x1b]0;pwned\x07\u202e?', [{ value: 1, name: 'a\x1b[2Jb\nc' }])
  await until(x, /b c/u)
  await x.type(KEY.enter)
  t.is(await asked, 1)
  t.false(x.output.raw.includes('\x1b]0'))
  t.false(x.output.raw.includes('a\x1b[2J'))
  t.false(x.output.raw.includes('\u202e'))
})

test('without colour a form has none', async (t) => {
  const { x, prompts } = setUp({ idle: true, env: { TERM: 'xterm', LANG: 'C', NO_COLOR: '1' } })
  const asked = prompts.form(async (form) => {
    await form.text({ message: 'Name:', initial: 'x', validate: (v) => v === 'y' || 'no' })
    await form.password({ message: 'Password:' })
    await form.confirm('Sure?', true)
    return form.choose('What?', [{ value: 1, name: 'one' }])
  })
  await until(x, /Name:/u)
  await x.type(KEY.enter)
  await until(x, /> no/u)
  await x.type(`${KEY.backspace}y${KEY.enter}`)
  await until(x, /Password:/u)
  await x.type(`pw${KEY.enter}`)
  await until(x, /Sure\?/u)
  await x.type(KEY.enter)
  await until(x, /one/u)
  await x.type(KEY.enter)
  t.is(await asked, 1)
  const sgr = x.output.raw.split('\x1b').filter((part) => /^\[[\d;]*m/u.test(part))
  t.deepEqual(sgr, [])
  t.notRegex(x.all(), /[^ -~\n]/u, 'ASCII glyphs only')
})

test('messages that arrive during a form wait, and the line being typed comes back', async (t) => {
  const { x, prompts } = setUp({})
  await x.type('@bob half a')
  const asked = x.ui.modal(() => prompts.form((form) => form.text({ message: 'Really?' })))
  await until(x, /Really\?/u)
  t.notRegex(x.screen(), /half a/u)
  for (let i = 0; i < 20; i++) x.ui.print(notice('*', `message ${i}`))
  await x.type(`yes${KEY.enter}`)
  t.is(await asked, 'yes')
  await until(x, /half a/u)
  t.is(x.all().match(/^\* message \d+$/gmu)?.length, 20)
  t.true(x.input.raw, 'the window still has the keyboard')
  await x.type(` line${KEY.enter}`)
  t.deepEqual(x.lines, ['@bob half a line'])
})

test('a password typed too early never reaches the line of the messenger', async (t) => {
  const { x, prompts } = setUp({})
  const asked = x.ui.modal(async () => {
    const name = await prompts.text({ message: 'Name:' })
    await x.type(`secret${KEY.enter}`) // nobody asks at this moment
    return name
  })
  await until(x, /Name:/u)
  await x.type(`alice${KEY.enter}`)
  t.is(await asked, 'alice')
  await x.settled()
  t.deepEqual(x.lines, [])
  t.notRegex(x.screen(), /secret/u)
})

test('ending the window cancels the form on top of it', async (t) => {
  const { x, prompts } = setUp({})
  const asked = x.ui.modal(() => prompts.text({ message: 'Q:' }))
  await until(x, /Q:/u)
  x.ui.end()
  await isCancelled(t, asked, 'hangup')
  t.false(x.input.raw)
})

test('what is typed while a form asks nothing is handed on; after a question it is for nobody', async (t) => {
  const { x, prompts } = setUp()
  const given: string[] = []
  const take = (typed: string): void => {
    given.push(typed)
  }
  await prompts.form(() => x.type('@bob hi\r'), undefined, take)
  t.deepEqual(given, ['@bob hi\r'])

  const asked = prompts.form(
    async (form) => {
      await form.password({ message: 'Password:' })
      await x.type('typed too late')
    },
    undefined,
    take,
  )
  await until(x, /Password:/u)
  await x.type(`secret${KEY.enter}`)
  await asked
  await t.throwsAsync(
    prompts.form(
      async () => {
        await x.type('lost')
        throw new Error('failed')
      },
      undefined,
      take,
    ),
  )
  t.is(given.length, 1)
})
