import test from 'ava'
import fc from 'fast-check'
import { Editor, type Effect } from '../../../lib/cli/client/editor.ts'
import { KeyDecoder } from '../../../lib/cli/client/keys.ts'
import { graphemes } from '../../../lib/cli/client/width.ts'
import { KEY } from './fake-terminal.ts'

const numRuns = process.env['SLOW'] === undefined ? 200 : 10_000
const { ctrl, alt } = KEY

function press(editor: Editor, ...reads: string[]): Effect[] {
  const decoder = new KeyDecoder()
  return reads
    .flatMap((read) => [...decoder.feed(read), ...decoder.flush()])
    .map((key) => editor.handle(key))
}

function paste(text: string): string {
  return `\x1b[200~${text}\x1b[201~`
}

/** The line with `|` where the cursor is. */
function line(editor: Editor): string {
  const { graphemes: all, cursor } = editor.line
  return `${all.slice(0, cursor).join('')}|${all.slice(cursor).join('')}`
}

test('backspace removes a whole emoji, marks join their base', (t) => {
  const editor = new Editor()
  press(editor, 'a', '\u{1f468}', '\u200d', '\u{1f469}', 'b', KEY.left, KEY.backspace)
  t.is(line(editor), 'a|b')
  press(editor, 'e', '\u0301')
  t.is(editor.line.length, 3)
})

test('a paste in the middle of the line lands at the cursor', (t) => {
  const editor = new Editor()
  press(editor, 'send it to bob', KEY.home, paste('@alice please '))
  t.is(line(editor), '@alice please |send it to bob')
})

test('several characters in one read keep their order in mid-line', (t) => {
  const editor = new Editor()
  press(editor, 'world', `${KEY.home}hello `)
  t.is(line(editor), 'hello |world')
})

test('a pasted text is one submission and runs nothing', (t) => {
  const editor = new Editor()
  t.deepEqual(press(editor, paste('one\r!block bob\r')), [{ type: 'pasted', lines: 3 }])
  t.deepEqual(press(editor, KEY.enter), [{ type: 'submit', text: 'one\n!block bob\n' }])
  press(editor, paste('a single line\r'))
  t.is(editor.text, 'a single line', 'the line feed behind one copied line is not part of it')
})

test('moving and deleting by words and lines', (t) => {
  const editor = new Editor()
  press(editor, 'one two-three  four')
  press(editor, alt('b'), alt('b'))
  t.is(line(editor), 'one two-|three  four')
  press(editor, alt('f'))
  t.is(line(editor), 'one two-three|  four')
  press(editor, ctrl('w'))
  t.is(line(editor), 'one |  four')
  press(editor, ctrl('e'), ctrl('u'))
  t.is(line(editor), '|')
  t.deepEqual(press(editor, KEY.backspace, KEY.delete), [{ type: 'bell' }, { type: 'bell' }])
})

test('the kill ring: kills in a row are one piece, Alt-Y goes back', (t) => {
  const editor = new Editor()
  press(editor, 'a b c', ctrl('w'), ctrl('w'))
  t.is(line(editor), 'a |')
  press(editor, ctrl('y'))
  t.is(line(editor), 'a b c|')
  press(editor, KEY.home, ctrl('k'), 'x', ctrl('y'))
  t.is(line(editor), 'xa b c|')
  press(editor, alt('y'))
  t.is(line(editor), 'xb c|')
  t.deepEqual(press(editor, 'z', alt('y')).at(-1), { type: 'bell' })
})

test('transposing', (t) => {
  const editor = new Editor()
  press(editor, 'ab', ctrl('t'))
  t.is(line(editor), 'ba|')
  press(editor, KEY.home)
  t.deepEqual(press(editor, ctrl('t')), [{ type: 'bell' }])
})

test('Alt-Enter and Ctrl-J break the line; the arrows move inside it', (t) => {
  const editor = new Editor(['older'])
  press(editor, 'first', alt('\r'), 'second', '\n', 'x')
  t.is(editor.text, 'first\nsecond\nx')
  press(editor, KEY.up)
  t.is(line(editor), 'first\ns|econd\nx')
  press(editor, KEY.end, KEY.up)
  t.is(line(editor), 'first|\nsecond\nx')
  press(editor, KEY.up)
  t.is(editor.text, 'older')
  press(editor, KEY.down)
  t.is(editor.text, 'first\nsecond\nx')
})

test('the history gives the draft and edited lines back', (t) => {
  const editor = new Editor(['one', 'two'])
  press(editor, 'draft', KEY.up, '!', KEY.up)
  t.is(editor.text, 'one')
  t.deepEqual(press(editor, KEY.up), [{ type: 'bell' }])
  press(editor, KEY.down)
  t.is(editor.text, 'two!')
  press(editor, KEY.down)
  t.is(editor.text, 'draft')
  press(editor, KEY.up, KEY.enter)
  t.deepEqual(editor.history.lines, ['one', 'two'], 'only the caller adds lines')
  editor.history.add('two')
  editor.history.add('  ')
  t.deepEqual(editor.history.lines, ['one', 'two'], 'no repetitions, no blanks')
})

test('Ctrl-R finds older lines, Enter takes one without sending it', (t) => {
  const editor = new Editor(['@alice hi', '@bob hi', '@alice bye'])
  press(editor, 'draft', ctrl('r'), 'alice')
  t.is(editor.text, '@alice bye')
  press(editor, ctrl('r'))
  t.is(editor.text, '@alice hi')
  t.deepEqual(press(editor, ctrl('r')), [{ type: 'bell' }])
  t.true(editor.search?.missed)
  t.deepEqual(press(editor, KEY.enter), [{ type: 'change' }])
  t.is(editor.text, '@alice hi')
  press(editor, KEY.end, ctrl('u'), 'draft', ctrl('r'), 'zzz', KEY.backspace, ctrl('c'))
  t.is(editor.text, 'draft')
  t.is(editor.search, null)
})

test('what is not for the line is told', (t) => {
  const editor = new Editor()
  const types = press(editor, ctrl('c'), ctrl('d'), ctrl('z'), ctrl('l'), KEY.tab, KEY.escape)
  t.deepEqual(
    types.map((effect) => effect.type),
    ['interrupt', 'eof', 'suspend', 'redraw', 'complete', 'escape'],
  )
  press(editor, 'x')
  t.deepEqual(press(editor, ctrl('d')), [{ type: 'bell' }], 'Ctrl-D deletes when there is text')
})

test('a line has an end', (t) => {
  const editor = new Editor()
  t.deepEqual(press(editor, paste('x'.repeat(20_000))), [{ type: 'bell' }])
  t.is(editor.text, '')
})

test('whatever is pressed, the cursor is on the line and nothing is split', (t) => {
  const key = fc.oneof(
    fc.constantFrom(...'abcdefhklnprtuwy'.split('').map(ctrl), ...'bdfy'.split('').map(alt)),
    fc.constantFrom(
      KEY.up,
      KEY.down,
      KEY.left,
      KEY.right,
      KEY.home,
      KEY.end,
      KEY.backspace,
      KEY.delete,
      '\n',
    ),
    fc.constantFrom('a', 'word ', '\u4f60', '\u{1f600}', '\u0301', '\u200d', paste('x\ry')),
  )
  fc.assert(
    fc.property(fc.array(key, { maxLength: 60 }), (keys) => {
      const editor = new Editor(['one', 'two\nlines'])
      press(editor, ...keys)
      const { graphemes: all, cursor, offset } = editor.line
      t.true(cursor >= 0 && cursor <= all.length)
      t.is(all.slice(0, cursor).join('').length, offset)
      t.true(all.every((cluster) => cluster !== '' && !/\p{Cs}/u.test(cluster)))
      t.true(graphemes(editor.text).length <= all.length)
    }),
    { numRuns },
  )
})
