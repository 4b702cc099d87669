// What a conversation, a file and a verification look like in a window of eighty columns: one real run, captured as text.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import test from 'ava'

import { looksLike, picture } from '../helpers/capture.ts'
import { signIn, startStage } from '../helpers/cast.ts'
import { scratch } from '../helpers/programs.ts'
import { openScreen } from '../helpers/screen.ts'

test('a conversation, a file, a verification', async (t) => {
  const root = await scratch(t)
  const server = await startStage(t, root)
  const home = join(root, 'alice')
  const args = [server.uri, '-u', 'alice', '--download-dir', join(home, 'downloads')]
  const screen = openScreen(t, args, { SECURECHAT_HOME: home }, { cols: 80, rows: 24 })
  await screen.waitFor(/Signed in as alice/)
  const bob = await signIn(t, server, root, 'bob')

  screen.type('@bob hello, are you around?\r')
  await bob.waitFor(/^alice: hello/m)
  bob.line('@alice yes, two minutes')
  await screen.waitFor(/✓✓ 1 me[^]*bob: yes/)
  bob.line(
    '@alice the build is green, I tagged 1.4.0 and pushed it: can you run the smoke test before lunch?',
  )
  await screen.waitFor(/before lunch/)
  screen.type('!chat bob\r')
  await screen.waitFor(/not verified/)
  await screen.waitFor(/alice @bob >/)
  screen.type('on it\r')
  await screen.waitFor(/✓✓ 4 me @bob: on it/)
  screen.type('!react 3 :+1:\r')
  await screen.waitFor(/you reacted/)
  screen.type('and then we ce')
  await screen.waitFor(/we ce$/, () => screen.lastRow)
  await looksLike(t, 'conversation', screen)

  screen.type('\x15!clear\r')
  await screen.waitFor(/^alice @bob >$/u)
  await writeFile(join(root, 'report.pdf'), Buffer.alloc(2_100_000, 7))
  bob.line(`!file alice ${join(root, 'report.pdf')}`)
  await screen.waitFor(/\[y\/n\]/)
  screen.type('y')
  await screen.waitFor(/\[y\/n\] y$/, () => screen.lastRow)
  await looksLike(t, 'file-offer', screen)
  screen.type('\r')
  await screen.waitFor(/unaltered:[^]*report\.pdf/)
  await screen.waitFor(/alice @bob >$/, () => screen.lastRow)
  await looksLike(t, 'file-received', screen)

  screen.type('!clear\r')
  await screen.waitFor(/^alice @bob >$/u)
  screen.type('!verify bob\r')
  await screen.waitFor(/One differs/)
  await looksLike(t, 'verification', screen)
  screen.type('!verify bob ok\r')
  await screen.waitFor(/alice @bob✓ >/)
  screen.type('now I know it is you\r')
  await screen.waitFor(/✓✓ \d+ me @bob✓: now/)

  // all of it once more, for the README
  screen.type('!clear\r')
  await screen.waitFor(/^alice @bob✓ >$/u)
  screen.type('!chat bob\r')
  await screen.waitFor(/bob, verified[^]*now I know/)
  await writeFile(join(root, 'agenda.pdf'), Buffer.alloc(48_000, 7))
  bob.line(`!file alice ${join(root, 'agenda.pdf')}`)
  await screen.waitFor(/agenda\.pdf/)
  screen.type('see you at t')
  await screen.waitFor(/see you at t$/, () => screen.lastRow)
  const label =
    'A conversation in a terminal: alice and bob, whom she has verified; a file; a question.'
  picture('session', screen.cells, 80, label)
  t.regex(screen.view, /^\? \[\d+\] @bob \(verified\) wants to send you agenda\.pdf/m)
  t.regex(screen.view, /^1 question waiting/m)
})
