// The questions of the first start: a mistake is asked again, and a person who gives up is told so once.
import test from 'ava'

import type { Unauthenticated } from '../../../lib/client/api.ts'
import type { ClientDeps } from '../../../lib/client/ports.ts'
import { App } from '../../../lib/cli/client/app.ts'
import { parseClientArgs } from '../../../lib/cli/client/args.ts'
import type { Forms } from '../../../lib/cli/client/front.ts'
import { start } from '../../../lib/cli/client/start.ts'
import { openPerson } from '../../../lib/cli/client/person-link.ts'
import type { ArchiveApi } from '../../../lib/client/archive-api.ts'
import type { Life } from '../../../lib/client/life-api.ts'
import { formatContactUri, formatServerUri } from '../../../lib/identity/uri.ts'
import { parseUsername } from '../../../lib/protocol/names.ts'
import { fail, SecureChatError } from '../../../lib/util/errors.ts'
import { silentLog } from '../../../lib/util/log.ts'
import { ALICE, fakeApp, FakeFront } from '../../helpers/fake-front.ts'

interface Person {
  /** Answers, in turn; those of `choose` are values. */
  readonly choices: string[]
  readonly texts: string[]
}

/** Texts that the question refuses are not taken: the next one is tried, as a person would. */
function formsOf({ choices, texts }: Person, refused: string[]): Forms {
  return {
    choose: (_, offered) => {
      const wanted = choices.shift()
      const found = offered.find(({ value }) => value === wanted)
      return Promise.resolve(found?.value ?? fail('E_CANCELLED'))
    },
    text: ({ validate }) => {
      for (;;) {
        const text = texts.shift()
        if (text === undefined) return Promise.reject(new SecureChatError('E_CANCELLED', ''))
        const verdict = validate?.(text) ?? true
        if (verdict === true) return Promise.resolve(text)
        refused.push(text)
      }
    },
    password: () => Promise.reject(new SecureChatError('E_CANCELLED', '')),
    confirm: () => Promise.resolve(false),
  }
}

function appOf(
  person: Person,
  connect: () => Promise<Unauthenticated>,
): [App, FakeFront, string[]] {
  const front = new FakeFront()
  const refused: string[] = []
  front.forms = formsOf(person, refused)
  const home = { readIndex: () => Promise.resolve(null) }
  const app = new App({
    connect,
    deps: { clock: { now: () => 0 }, log: silentLog, home } as unknown as ClientDeps,
    front,
    lock: false,
    present: () => undefined,
    quit: () => undefined,
    sleep: () => Promise.resolve(),
  })
  return [app, front, refused]
}

test('a server that is no server is asked again, the first time and the second', async (t) => {
  const person = { choices: ['other', 'quit'], texts: ['a b', 'h:1', 'h:99999', 'https://h', 'g'] }
  const [app, front, refused] = appOf(person, () =>
    Promise.reject(new SecureChatError('E_CONNECT', 'nobody there')),
  )
  await t.throwsAsync(start(app, parseClientArgs([], {})), { code: 'E_CONNECT' })
  t.deepEqual(refused, ['a b', 'h:99999', 'https://h'])
  t.deepEqual(front.said, ['! nobody there', '! nobody there'])
})

test('who gives up in the middle of signing up is not asked any more', async (t) => {
  const lobby = {
    accounts: [],
    server: { registration: 'open', email: 'no' },
    checkName: () => Promise.resolve(),
    closed: new Promise(() => undefined),
  } as unknown as Unauthenticated
  const person = { choices: ['register', 'register'], texts: ['h:1', 'alice'] }
  const [app, front] = appOf(person, () => Promise.resolve(lobby))
  await t.throwsAsync(start(app, parseClientArgs([], {})), { code: 'E_CANCELLED' })
  t.deepEqual(front.said, []) // the program says it once, at its end
  t.deepEqual(person.choices, ['register'])
})

test('the port beside a host or a link is not lost', async (t) => {
  const targets: unknown[] = []
  const srv = Buffer.alloc(32, 1)
  const link = formatServerUri({ host: 'h', port: 1, srv })
  for (const argv of [
    ['h', '--port', '9'],
    ['--host', 'h', '--port', '9'],
    ['h:1', '--port', '9'],
    ['h'],
    [link, '--port', '9'],
  ]) {
    const app = new App({
      connect: (_, target) => {
        targets.push(target)
        return Promise.reject(new SecureChatError('E_SERVER_IDENTITY', 'enough'))
      },
      deps: { log: silentLog } as unknown as ClientDeps,
      front: new FakeFront(),
      lock: false,
      present: () => undefined,
      quit: () => undefined,
      sleep: () => Promise.resolve(),
    })
    await t.throwsAsync(start(app, parseClientArgs(argv, {})), { code: 'E_SERVER_IDENTITY' })
  }
  t.deepEqual(targets, [
    { host: 'h', port: 9 },
    { host: 'h', port: 9 },
    { host: 'h', port: 9 },
    { host: 'h', port: 7700 },
    { host: 'h', port: 9, srv },
  ])
})

test('the link of a person opens the chat with exactly that account', async (t) => {
  const acct = Buffer.alloc(32, 7)
  const uri = { host: 'h', port: 1, srv: Buffer.alloc(32, 1), acct, user: parseUsername('alice') }
  const options = parseClientArgs([formatContactUri(uri)], {})
  const read: string[] = []
  const answering = (found: string): App =>
    fakeApp({
      whois: () => Promise.resolve({ ...ALICE, acct: found }),
      history: () => Promise.resolve([]),
      markRead: (chat) => {
        read.push(chat)
        return Promise.resolve()
      },
      life: { contactOf: () => Promise.resolve(ALICE) } as unknown as Life,
      archive: { status: () => ({ restore: { done: true } }) } as unknown as ArchiveApi,
    }).app
  const right = answering(acct.toString('hex'))
  await openPerson(right, options)
  t.is(right.chat, 'alice')
  const wrong = answering('bb')
  await t.throwsAsync(openPerson(wrong, options), { code: 'E_IDENTITY' })
  t.is(wrong.chat, null)
  await openPerson(wrong, parseClientArgs(['h:1'], {}))
  t.deepEqual(read, ['alice'])
})
