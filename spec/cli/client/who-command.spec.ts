// What !who, its alias and !chats say about people: the own contacts first, and one clear sentence for what cannot be known.
import test from 'ava'

import type { ChatInfo } from '../../../lib/client/api.ts'
import type { ContactInfo } from '../../../lib/client/events.ts'
import type { FoundNames, NoAnswer, OnlineContacts, WhoApi } from '../../../lib/client/who-api.ts'
import { runLine } from '../../../lib/cli/client/dispatch.ts'
import { ALICE, type FakeApp, fakeApp } from '../../helpers/fake-front.ts'

const GRACE: ContactInfo = { ...ALICE, user: 'grace', acct: 'g2', deleted: true }
const BOBBY: ContactInfo = { ...ALICE, user: 'bobby', acct: 'b2', accepted: false, waitsFor: 'us' }
const HOSTILE: ContactInfo = { ...ALICE, user: 'alina', acct: 'a3', displayName: 'x\u001b[2J' }

const no = (why: NoAnswer) => ({ known: false, why }) as const

function scene(
  who: { readonly online?: OnlineContacts; readonly found?: FoundNames },
  contacts: readonly ContactInfo[] = [ALICE, BOBBY],
): FakeApp & { readonly asked: string[] } {
  const asked: string[] = []
  const api: WhoApi = {
    find: (beginning) => {
      asked.push(beginning)
      return Promise.resolve(who.found ?? no('not-offered'))
    },
    online: () => {
      asked.push('online')
      return Promise.resolve(who.online ?? no('not-offered'))
    },
  }
  return { ...fakeApp({ contacts: () => contacts, who: api }), asked }
}

test('contacts with what is known of them; the server is asked for no names without a beginning', async (t) => {
  const online = { known: true, accts: new Set(['aa']) } as const
  const { app, front, asked } = scene({ online }, [ALICE, BOBBY, GRACE, HOSTILE])
  t.is(await runLine(app, '!who'), null)
  t.true(front.said.includes('*   @alice   online'))
  t.true(front.said.includes('*   @bobby   waits for your answer'))
  t.true(front.said.includes('*   @grace   deleted'))
  t.false(front.said.join('').includes('\u001b'))
  t.deepEqual(asked, ['online'])
})

test('no display name says what only we can say', async (t) => {
  const names = [
    "Mal)   verified, (Ann's cousin",
    "Mal\uff09\u3000\u3000verified, \u0028Ann's\u00a0cousin",
    '()',
  ]
  const contacts = names.map((displayName, i) => ({ ...ALICE, user: `mal${i}`, displayName }))
  const { app, front } = scene({}, contacts)
  t.is(await runLine(app, '!who'), null)
  t.deepEqual(
    front.said.filter((row) => row.includes('@mal')),
    [
      "*   @mal0 (Mal verified, Ann's cousin)",
      "*   @mal1 (Mal verified, Ann's cousin)",
      '*   @mal2',
    ],
  )
})

test('without any contact it says how to begin', async (t) => {
  const { app, front } = scene({}, [])
  t.is(await runLine(app, '!who'), null)
  t.deepEqual(front.said, ['* You have no contacts yet. @NAME and a message starts a chat.'])
})

test('with a beginning: contacts first, then other names, and whether there are more', async (t) => {
  const found = { known: true, users: ['alan', 'alice', 'albert'], more: true } as const
  for (const line of ['!who al', '!search-user @AL']) {
    const { app, front, asked } = scene({ found })
    t.is(await runLine(app, line), null)
    t.deepEqual(asked, ['online', 'al'])
    const rows = front.said.filter((row) => row.includes('@a'))
    t.deepEqual(rows, ['*   @alice', '*   @alan', '*   @albert'])
    t.true(front.said.at(-1)?.includes('more') === true)
    t.true(front.said.some((row) => row.includes('not your contacts')))
    t.false(front.said.some((row) => row.includes('bobby')))
  }
})

test('nobody begins so', async (t) => {
  const { app, front } = scene({ found: { known: true, users: ['alice'], more: false } })
  await runLine(app, '!who al')
  t.true(front.said.at(-1)?.includes('No other name') === true)
  const other = scene({ found: { known: true, users: [], more: false } })
  await runLine(other.app, '!who zz')
  t.deepEqual(other.front.said, [
    '* None of your contacts has a name that begins with "zz".',
    '* No other name on this server begins with "zz".',
  ])
})

test('what cannot be known is a sentence, and the contacts are listed all the same', async (t) => {
  for (const [why, words] of [
    ['not-offered', 'operator'],
    ['offline', 'offline'],
    ['later', 'try again'],
    ['no-beginning', 'two letters'],
  ] as const) {
    const { app, front } = scene({ found: no(why) })
    t.is(await runLine(app, '!who al'), null)
    t.true(front.said.some((row) => row.includes('@alice')))
    t.true(front.said.at(-1)?.includes(words) === true, why)
  }
  for (const [why, words] of [
    ['not-offered', 'operator'],
    ['hidden', '!set presence on'],
    ['offline', 'offline'],
    ['later', 'try again'],
  ] as const) {
    const { app, front } = scene({ online: no(why) })
    t.is(await runLine(app, '!who'), null)
    t.true(front.said.at(-1)?.includes(words) === true, why)
  }
})

test('a group is no person', async (t) => {
  const { app, asked } = scene({})
  t.is((await runLine(app, '!who #team'))?.code, 'E_USAGE')
  t.deepEqual(asked, [])
})

test('!chats marks who is online, and says nothing when it is not known', async (t) => {
  const chat = (contact: ContactInfo, number: number): ChatInfo => ({
    conv: contact.conv,
    contact,
    notes: false,
    unread: 0,
    last: null,
    state: {
      ...{ conv: contact.conv, number, user: contact.user, notes: false },
      ...{ mutedUntil: 0, timerSeconds: 0 },
    },
  })
  const chats = () => Promise.resolve([chat(ALICE, 1), chat(BOBBY, 2)])
  const online = { known: true, accts: new Set(['aa']) } as const
  for (const [answer, expected] of [
    [online, 1],
    [no('not-offered'), 0],
    [no('hidden'), 0],
  ] as const) {
    const who: WhoApi = {
      find: () => Promise.resolve(no('later')),
      online: () => Promise.resolve(answer),
    }
    const { app, front } = fakeApp({ chats, who })
    t.is(await runLine(app, '!chats'), null)
    t.is(front.said.length, 2)
    t.is(front.said.filter((row) => row.includes('online')).length, expected)
  }
})
