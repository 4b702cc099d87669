// `npm run demo`: a throw-away server and two people in one terminal, and what each of the three saw.
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { serverFingerprint } from '../../identity/fingerprint.ts'
import { boxOf, accountId } from '../../server/ids.ts'
import { fromHex, hex } from '../../util/bytes.ts'
import { silentLog } from '../../util/log.ts'
import { EXIT } from '../exit-codes.ts'
import { defaultSettings } from '../server/settings.ts'
import { type RunningServer, startServer } from '../server/start.ts'
import { systemClock } from '../system-clock.ts'
import { Person } from './cast.ts'

const FILE_NAME = 'holiday plans.txt'
const FILE_TEXT = 'Tuesday: nobody but us two knows where we are going.\n'.repeat(4000)
const SECRET = 'meet me at the old lighthouse at nine'
const SHOWN_BYTES = 192
const BYTES_PER_ROW = 32

function say(line = ''): void {
  process.stdout.write(`${line}\n`)
}

function scene(title: string): void {
  say()
  say(`== ${title}`)
}

async function play(folder: string): Promise<void> {
  const started = performance.now()
  scene('A server starts: 2048-bit launch keys, a 3072-bit identity, an empty store')
  const server = await startServer(
    {
      ...defaultSettings({ keys: join(folder, 'server', 'keys'), data: join(folder, 'server') }),
      host: '127.0.0.1',
      port: 0,
      freeBytes: 0,
    },
    { clock: systemClock, log: silentLog },
  )
  say(`server | listening on 127.0.0.1:${String(server.port)}`)
  say(`server | identity ${serverFingerprint(server.srv)}`)
  const stage = { host: '127.0.0.1', port: server.port, srv: server.srv, say }
  const alice = new Person('alice', join(folder, 'alice'), stage)
  const bob = new Person('bob', join(folder, 'bob'), stage)
  try {
    await act(alice, bob, server, folder)
  } finally {
    await Promise.allSettled([alice.close(), bob.close()])
    await server.close()
  }
  await verdict(folder, [alice, bob])
  say(`Done in ${((performance.now() - started) / 1000).toFixed(1)} s. Everything it made is gone.`)
}

async function act(
  alice: Person,
  bob: Person,
  server: RunningServer,
  folder: string,
): Promise<void> {
  scene('Two people sign up. The server never sees a password (OPAQUE)')
  const passwords = [randomBytes(12).toString('base64url'), randomBytes(12).toString('base64url')]
  await alice.register(passwords[0] ?? '')
  await bob.register(passwords[1] ?? '')

  scene('They talk, both ways')
  await alice.type('@bob hello')
  await bob.sees(/alice: hello/)
  await bob.type('@alice hi alice, all keys are in place')
  await alice.sees(/bob: hi alice/)

  scene('bob is away; the message waits on the server, in order, once')
  const { acct, dev } = bob.ids
  await bob.leave()
  await alice.type(`@bob ${SECRET}`)
  await showMailbox(server, boxOf(accountId(fromHex(acct)), fromHex(dev)))
  await bob.comeBack()
  await bob.sees(new RegExp(`alice: ${SECRET}`))

  scene('A file, with consent')
  const path = join(folder, FILE_NAME)
  await writeFile(path, FILE_TEXT)
  await alice.type(`!file bob "${path}"`)
  await bob.sees(/wants to send you/)
  await bob.type('!accept')
  await bob.sees(/complete and unaltered/)
  const saved = await readFile(join(bob.downloads, FILE_NAME))
  const equal = sha256(saved) === sha256(Buffer.from(FILE_TEXT))
  say(`       SHA-256 of both copies ${equal ? 'agrees' : 'DIFFERS'}`)
  if (!equal) throw new Error('the file arrived altered')

  scene('bob blocks alice. She cannot tell it from silence')
  await bob.type('!block alice')
  await alice.type('@bob are you there?')
  await bob.type('!wait 1') // it arrives, and nobody sees it
  await bob.type('!unblock alice')
  await alice.type('@bob never mind')
  await bob.sees(/alice: never mind/)
  if (bob.hasSeen('are you there?')) throw new Error('a blocked message came through')
}

/** What the server has of a message: it can count these bytes, not read them. */
async function showMailbox(server: RunningServer, box: string): Promise<void> {
  const [entry] = await server.store.mail.read(box, 0, 1)
  if (entry === undefined) throw new Error('the server has lost a message')
  say(`server | has for bob, ${String(entry.body.length)} sealed bytes, beginning with`)
  for (let at = 0; at < SHOWN_BYTES; at += BYTES_PER_ROW) {
    say(`server |   ${hex(entry.body.subarray(at, at + BYTES_PER_ROW))}`)
  }
}

/** Reads every file the server wrote, as a thief of the disk would. */
async function verdict(folder: string, people: readonly Person[]): Promise<void> {
  scene("A thief of the server's disk looks for what was said")
  const root = join(folder, 'server')
  const files = await readdir(root, { recursive: true, withFileTypes: true })
  const kept = Buffer.concat(
    await Promise.all(
      files.filter((f) => f.isFile()).map((f) => readFile(join(f.parentPath, f.name))),
    ),
  )
  const words = [SECRET, FILE_NAME, FILE_TEXT.slice(0, 40), ...people.map((p) => `${p.name}: `)]
  const found = words.filter((word) => kept.includes(word))
  say(
    `thief  | ${String(files.length)} files, ${String(kept.length)} bytes, readable words: ${found.length === 0 ? 'none' : found.join(', ')}`,
  )
  if (found.length > 0) throw new Error('the server kept something readable')
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

const folder = await mkdtemp(join(tmpdir(), 'securechat-demo-'))
try {
  await play(folder)
} catch (error) {
  process.stderr.write(`! The demo failed: ${error instanceof Error ? error.message : 'unknown'}\n`)
  process.exitCode = EXIT.failure
} finally {
  await rm(folder, { recursive: true, force: true })
}
