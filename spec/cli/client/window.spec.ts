// The life of the terminal: it is given back as it was on every way out, and nothing outlives it.
import test, { type ExecutionContext } from 'ava'
import { notice } from '../../../lib/cli/client/rows.ts'
import { TtyInput } from '../../../lib/cli/client/tty-input.ts'
import { codeOf } from '../../../lib/util/errors.ts'
import { FakeInput, FakeTerminal, KEY } from './fake-terminal.ts'

/** Modes of the terminal that must be as they were. */
function isRestored(t: ExecutionContext, x: FakeTerminal): void {
  t.false(x.term.modes.bracketedPasteMode)
  t.false(x.term.modes.sendFocusMode)
  t.true(x.term.modes.wraparoundMode)
  t.true(x.output.raw.lastIndexOf('\x1b[?25h') > x.output.raw.lastIndexOf('\x1b[?25l'), 'cursor')
  t.false(x.input.raw)
}

test('the end gives everything back and leaves the transcript', async (t) => {
  const x = new FakeTerminal({ quietMs: 0 })
  x.ui.setStatus('offline')
  x.ui.setProgress('a', { direction: 'up', name: 'a', peer: 'b', doneBytes: 1, totalBytes: 2 })
  const asked = x.ui.ask({ text: 'Accept?' })
  await x.type('half a line')
  x.ui.print(notice('*', 'last words'))
  x.ui.end()
  await x.settled()
  t.is(x.screen(), '? [1] Accept?\n* last words')
  t.deepEqual(x.cursor, [0, 2])
  isRestored(t, x)
  t.false(x.input.flowing)
  t.is(await asked.answer, undefined)
  t.is(x.clock.pending, 0)
  const { length } = x.output.raw
  x.ui.end()
  x.ui.setStatus('x')
  await x.type('typed after the end')
  t.is(x.output.raw.length, length)
})

test('what is printed before the start and after the end is cleaned all the same', async (t) => {
  const x = new FakeTerminal({ idle: true })
  x.ui.print(notice('*', 'before \x1b[2J'))
  x.ui.start()
  await x.settled()
  x.ui.end()
  x.ui.print(notice('*', 'after \x1b]0;x\x07'))
  await x.settled()
  t.is(x.screen(), '* before \ufffd[2J\n* after \ufffd]0;x\ufffd')
})

test('the end during a form, during a stop, and before the start', async (t) => {
  const form = new FakeTerminal()
  const modal = form.ui.modal(() => new Promise<void>(() => undefined))
  await form.settled()
  form.ui.print(notice('*', 'waited'))
  form.ui.end()
  await form.settled()
  isRestored(t, form)
  t.regex(form.screen(), /waited/u)
  void modal

  const stopped = new FakeTerminal()
  await stopped.type(KEY.ctrl('z'))
  stopped.ui.end()
  stopped.jobs.goOn()
  await stopped.advance(1000)
  isRestored(t, stopped)

  const idle = new FakeTerminal({ idle: true })
  idle.ui.end()
  t.is(idle.output.raw, '')
})

for (const event of ['end', 'close', 'error']) {
  test(`the keyboard is gone (${event}): told once, and later errors are nobody's crash`, (t) => {
    const x = new FakeTerminal()
    x.input.emit(event, new Error('EIO'))
    x.input.emit('error', new Error('EIO'))
    x.output.emit('error', new Error('EPIPE'))
    t.deepEqual(x.quits, ['hangup'])
    x.ui.end()
    x.input.emit('error', new Error('EIO'))
    x.output.emit('error', new Error('EIO'))
    t.deepEqual(x.quits, ['hangup'])
  })
}

test('the screen is gone: told once, nothing is written any more', async (t) => {
  const x = new FakeTerminal()
  await x.settled()
  x.output.emit('error', new Error('EPIPE'))
  const { length } = x.output.raw
  for (let i = 0; i < 100; i++) x.ui.print(notice('*', `row ${i}`))
  await x.type('hello')
  x.ui.end()
  await x.settled()
  t.is(x.output.raw.length, length)
  t.deepEqual(x.quits, ['hangup'])
  t.false(x.input.raw)
})

test('a keyboard that is gone before the start is told at the start', (t) => {
  const x = new FakeTerminal({ idle: true })
  x.input.emit('end')
  x.ui.start()
  t.deepEqual(x.quits, ['hangup'])
})

test('a terminal that refuses raw mode is gone', (t) => {
  const input = new FakeInput()
  input.setRawMode = () => {
    throw Object.assign(new Error('setRawMode EIO'), { code: 'EIO' })
  }
  const tty = new TtyInput(input)
  let told = 0
  tty.onHangup(() => told++)
  tty.attach(() => undefined)
  t.is(told, 1)
  t.true(tty.gone)
})

test('a terminal that does not keep up gets no more frames until it does', async (t) => {
  const x = new FakeTerminal()
  await x.settled()
  x.output.ready = false
  x.ui.print(notice('*', 'first'))
  await x.settled()
  const { length } = x.output.raw
  for (let i = 0; i < 100; i++) x.ui.print(notice('*', `row ${i}`))
  await x.settled()
  t.is(x.output.raw.length, length)
  x.output.ready = true
  x.output.emit('drain')
  await x.settled()
  t.regex(x.screen(), /\* row 99\nme >$/u)
})

test('Ctrl-Z: the shell gets the terminal, fg brings the line back', async (t) => {
  let continued = 0
  const x = new FakeTerminal({ onContinue: () => continued++ })
  await x.type('half a line')
  await x.type(KEY.ctrl('z'))
  t.is(x.jobs.stops, 1)
  isRestored(t, x)
  t.true(x.input.flowing, 'paused, nothing would keep the process alive')
  t.is(x.screen(), '')
  x.ui.print(notice('*', 'meanwhile'))
  await x.settled()
  t.is(x.screen(), '')
  x.jobs.goOn()
  await x.settled()
  t.is(x.screen(), '* meanwhile\nme > half a line')
  t.true(x.input.raw)
  t.true(x.term.modes.bracketedPasteMode)
  t.is(continued, 1)
  await x.advance(1000)
  t.is(continued, 1, 'the timer is gone')
  await x.type(` more${KEY.enter}`)
  t.deepEqual(x.lines, ['half a line more'])
})

test('where nobody can stop us the line comes back by itself', async (t) => {
  const x = new FakeTerminal()
  await x.type(`abc${KEY.ctrl('z')}`)
  await x.advance(300)
  t.is(x.screen(), 'me > abc')
  t.true(x.input.raw)
})

test('kill -TSTP does the same as Ctrl-Z; a plain SIGCONT draws anew', async (t) => {
  const x = new FakeTerminal()
  await x.type('abc')
  x.jobs.askToStop()
  await x.settled()
  isRestored(t, x)
  x.jobs.goOn()
  await x.settled()
  t.is(x.screen(), 'me > abc')
  x.term.write('$ fg\r\n') // stopped with SIGSTOP: the shell wrote something
  x.input.raw = false
  x.jobs.goOn()
  await x.settled()
  t.true(x.input.raw)
  t.regex(x.screen(), /\nme > abc$/u)
})

test('without job control Ctrl-Z rings', async (t) => {
  const x = new FakeTerminal({ jobs: undefined as never })
  await x.type(`abc${KEY.ctrl('z')}`)
  t.regex(x.screen(), /me > abc$/u)
  t.true(x.input.raw)
})

test('lending the terminal: one at a time, what is printed waits, nothing typed gets through', async (t) => {
  const x = new FakeTerminal()
  const order: string[] = []
  const gates: (() => void)[] = []
  const lend = (name: string): Promise<string> =>
    x.ui.modal(async () => {
      order.push(name)
      await new Promise<void>((resolve) => gates.push(resolve))
      return name
    })
  await x.type('draft')
  const both = Promise.all([lend('a'), lend('b')])
  await x.settled()
  t.deepEqual(order, ['a'])
  t.is(x.screen(), '')
  x.ui.print(notice('*', 'later'))
  x.ui.printNow(notice('*', 'now'))
  await x.type(`secret${KEY.enter}`)
  t.is(x.screen(), '* now')
  t.false(x.ui.setTick('a', 'read'))
  gates[0]?.()
  await x.settled()
  t.deepEqual(order, ['a', 'b'])
  gates[1]?.()
  t.deepEqual(await both, ['a', 'b'])
  await x.settled()
  t.is(x.screen(), '* now\n* later\nme > draft')
  t.deepEqual(x.lines, [])
})

test('a form that fails gives the terminal back, and a SIGCONT during a form does not take it', async (t) => {
  const x = new FakeTerminal()
  let fail: (error: Error) => void = () => undefined
  const modal = x.ui.modal(() => new Promise((_, reject) => (fail = reject)))
  await x.settled()
  x.jobs.goOn()
  await x.settled()
  t.notRegex(x.screen(), /me >/u)
  fail(new Error('no'))
  await t.throwsAsync(modal, { message: 'no' })
  await x.settled()
  t.regex(x.screen(), /me >$/u)
  t.is(await x.ui.modal(() => Promise.resolve(1)), 1)
})

test('nobody gets the terminal after the end', async (t) => {
  const x = new FakeTerminal()
  x.ui.end()
  const error: unknown = await t.throwsAsync(x.ui.modal(() => Promise.resolve()))
  t.is(codeOf(error), 'E_CANCELLED')
})

test('the keyboard: whoever attached last gets the keys, raw exactly while somebody is attached', (t) => {
  const input = new FakeInput()
  const tty = new TtyInput(input)
  const got: string[] = []
  const key = (text: string): void => {
    input.emit('data', Buffer.from(text))
  }
  key('0')
  const offA = tty.attach((text) => got.push(`a${text}`))
  key('1')
  const offB = tty.attach((text) => got.push(`b${text}`))
  key('2')
  offA()
  key('3')
  offB()
  offB()
  key('4')
  t.deepEqual(got, ['a1', 'b2', 'b3'])
  t.deepEqual(input.modes, [true, false])
  t.is(input.listenerCount('data'), 0)
})

test('a character that comes in two reads is one character', (t) => {
  const input = new FakeInput()
  const got: string[] = []
  new TtyInput(input).attach((text) => got.push(text))
  const bytes = Buffer.from('\u{1f600}')
  input.emit('data', bytes.subarray(0, 2))
  input.emit('data', bytes.subarray(2))
  t.deepEqual(got, ['\u{1f600}'])
})
