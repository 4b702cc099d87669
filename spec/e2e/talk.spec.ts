// Two people, three processes, pipes for keyboards: what a script sees.
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import test from 'ava'

import { signIn, signInFriends, startStage } from '../helpers/cast.ts'
import {
  PASSWORD,
  scratch,
  signUp,
  startClient,
  startServer,
  writeScratchFile,
} from '../helpers/programs.ts'

test.serial(
  'alice and bob talk, send a file, block; the server keeps nothing readable',
  async (t) => {
    const root = await scratch(t)
    const server = await startServer(t, join(root, 'server'))
    const [alice, bob] = await Promise.all([
      signUp(t, server, root, 'alice', ['--name', 'Alice Liddell-Secret']),
      signUp(t, server, root, 'bob'),
    ])

    alice.line('@bob hello bob, a-message-to-look-for')
    await bob.waitFor(/^alice: hello bob, a-message-to-look-for$/m)
    bob.line('@alice hello alice')
    await alice.waitFor(/^bob: hello alice$/m)

    // ten lines pasted at once arrive as ten messages, in order
    alice.child.stdin?.write(
      Array.from({ length: 10 }, (_, i) => `@bob line ${String(i)}\n`).join(''),
    )
    await bob.waitFor(/^alice: line 9$/m)
    t.deepEqual(
      [...bob.stdout.matchAll(/^alice: line (\d)$/gm)].map((m) => m[1]),
      Array.from({ length: 10 }, (_, i) => String(i)),
    )

    const content = Buffer.from('file-content-to-look-for\n'.repeat(9000))
    const path = await writeScratchFile(root, 'secret-file-name.txt', content)
    alice.line(`!file bob ${path}`)
    const [, number = ''] = await bob.waitFor(/\[(\d+)\]|!accept (\d+)/)
    bob.line('!accept')
    await bob.waitFor(/complete and unaltered/)
    t.truthy(number !== '' || /!accept \d+/.test(bob.stdout))
    const saved = await readFile(join(root, 'bob', 'downloads', 'secret-file-name.txt'))
    t.deepEqual(sha(saved), sha(content))

    bob.line('!block alice')
    await bob.waitFor(/Blocked @alice/)
    alice.line('@bob you-should-not-see-this')
    bob.line('!wait 3') // it must arrive while the block stands
    bob.line('!unblock alice')
    await bob.waitFor(/@alice is not blocked any more/)
    alice.line('@bob you may see this')
    await bob.waitFor(/^alice: you may see this$/m)
    t.false(bob.stdout.includes('you-should-not-see-this'))

    alice.end()
    bob.end()
    t.deepEqual(await Promise.all([alice.exited, bob.exited]), [0, 0])
    t.is(await server.program.kill('SIGTERM'), 0)

    const kept = await everything(join(root, 'server'))
    t.true(kept.length > 1000)
    for (const secret of [
      PASSWORD,
      'a-message-to-look-for',
      'file-content-to-look-for',
      'secret-file-name',
      'Liddell-Secret',
      'you-should-not-see-this',
    ]) {
      t.false(kept.includes(secret), secret)
      t.false(kept.includes(Buffer.from(secret).toString('base64').slice(0, -4)), secret)
      t.false(kept.includes(Buffer.from(secret).toString('hex')), secret)
    }
  },
)

test.serial(
  'a message to somebody away waits, in order, once; a device comes back without a password',
  async (t) => {
    const root = await scratch(t)
    const server = await startStage(t, root)
    const [alice, bob] = await Promise.all([
      signIn(t, server, root, 'alice'),
      signIn(t, server, root, 'bob'),
    ])
    bob.end()
    t.is(await bob.exited, 0)
    for (let i = 0; i < 5; i++) alice.line(`@bob waiting ${String(i)}`)
    alice.end()
    t.is(await alice.exited, 0) // ends only when all five are accepted

    const again = startClient(t, server, join(root, 'bob'), ['--username', 'bob'])
    await again.waitFor(/^alice: waiting 4$/m)
    again.end()
    t.is(await again.exited, 0)
    t.deepEqual(
      [...again.stdout.matchAll(/^alice: waiting (\d)$/gm)].map((m) => m[1]),
      ['0', '1', '2', '3', '4'],
    )
  },
)

test.serial('wrong input: each gets a sentence and an exit code, nothing hangs', async (t) => {
  const root = await scratch(t)
  const server = await startStage(t, root)
  const alice = await signIn(t, server, root, 'alice')
  await signIn(t, server, root, 'bob')
  for (const [line, answer] of [
    ['hello', /Not sent: who is it for/],
    ['@nobody-here hi', /No user called @nobody-here/],
    ['!hlep', /Did you mean !help/],
    ['!file alice', /Usage: !file/],
    ['!file bob /no/such/file', /no such file|does not exist|No such file/i],
    [`!file bob ${root}`, /directory|folder/i],
    ['!accept 99', /99/],
  ] as const) {
    alice.line(line)
    await alice.waitFor(answer)
  }
  alice.end()
  t.is(await alice.exited, 2)

  const taken = startClient(t, server, join(root, 'other'), ['--register', '-u', 'alice'])
  await taken.waitFor(/That username is taken/)
  t.not(await taken.exited, 0)

  const wrong = startClient(t, server, join(root, 'third'), ['-u', 'nobody-here'])
  await wrong.waitFor(/Wrong username or password/)
  t.is(await wrong.exited, 77)
})

test.serial(
  'file names land only in the download folder, under safe and distinct names',
  async (t) => {
    const root = await scratch(t)
    const server = await startStage(t, root)
    // from a stranger one offer is the limit
    const { alice, bob } = await signInFriends(t, server, root)
    await mkdir(join(root, 'a'))
    await mkdir(join(root, 'b'))
    const first = await writeScratchFile(join(root, 'a'), 'doc.pdf', Buffer.from('one'))
    const second = await writeScratchFile(join(root, 'b'), 'doc.pdf', Buffer.from('two'))
    alice.line(`!file bob ${first}`)
    alice.line(`!file bob ${second}`)
    await bob.waitFor(/!accept (\d+)[\s\S]*!accept (\d+)/)
    const numbers = [...bob.stdout.matchAll(/!accept (\d+)/g)].map((m) => Number(m[1]))
    for (const n of numbers.reverse()) bob.line(`!accept ${String(n)}`)
    await bob.waitFor(/(complete and unaltered[\s\S]*){2}/)
    t.deepEqual((await readdir(join(root, 'bob', 'downloads'))).sort(), ['doc (1).pdf', 'doc.pdf'])
  },
)

function sha(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Every byte of a folder, as one latin1 string. */
async function everything(dir: string): Promise<string> {
  const files = await readdir(dir, { recursive: true, withFileTypes: true })
  const parts = files
    .filter((f) => f.isFile())
    .map(async (f) => f.name + (await readFile(join(f.parentPath, f.name))).toString('latin1'))
  return (await Promise.all(parts)).join('\n')
}
