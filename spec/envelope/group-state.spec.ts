// Group states: the bytes, who may sign what, and that every member takes the same line (PROTOCOL 8).
import test from 'ava'
import fc from 'fast-check'

import { GroupChain, type KnownGroupState } from '../../lib/envelope/group-chain.ts'
import {
  checkFollows,
  encodeGroupState,
  parseGroupState,
  verifyGroupState,
} from '../../lib/envelope/group-state.ts'
import { UnlinkedStates } from '../../lib/client/groups/unlinked-states.ts'
import { decodeCanonical, encode } from '../../lib/protocol/cbor.ts'
import { LIMITS } from '../../lib/protocol/limits.ts'
import { compare, equal, hex } from '../../lib/util/bytes.ts'
import { codeOf } from '../../lib/util/errors.ts'
import { CONV, firstState, members, next, sign, without } from '../helpers/groups.ts'
import { DAY, HOUR, person, T0 } from '../helpers/people.ts'
import { outcome, runs } from '../helpers/refusals.ts'

const alice = await person('alice', { key: 0 })
const bob = await person('bob', { key: 1 })
const carol = await person('carol', { key: 2 })
const mallory = await person('mallory', { key: 3 })

const first = await sign(alice, firstState(alice, [bob, carol]))
const follows = (after: KnownGroupState, before: KnownGroupState = first) =>
  outcome(() => {
    checkFollows(before, after)
  })
const verified = (state: KnownGroupState, list = alice.verified.list): Promise<string> =>
  verifyGroupState(state, list).then(
    () => 'accepted',
    (error: unknown) => codeOf(error),
  )

test('round trip, byte for byte; an absent topic is left out', async (t) => {
  for (const topic of ['', 'where to go']) {
    const seen = await sign(alice, { ...firstState(alice, [bob]), topic })
    const back = parseGroupState(seen.signed)
    t.deepEqual(encodeGroupState(back.state), Buffer.from(seen.signed.b))
    t.deepEqual(back.h, seen.h)
    t.is(back.state.topic, topic)
    t.is(await verified(back), 'accepted')
    t.is('topic' in (decodeCanonical(seen.signed.b) as object), topic !== '')
  }
})

test('malformed states', (t) => {
  const good = decodeCanonical(first.signed.b) as Record<string, unknown> & { mem: unknown[] }
  const [a, b, c] = good.mem
  const many = Array.from({ length: LIMITS.members + 1 }, (_, i) => {
    const acct = Buffer.alloc(32)
    acct.writeUInt32BE(i)
    return [acct, i === 0 ? 'admin' : 'member']
  })
  const parse = (change: object): string =>
    outcome(() => parseGroupState({ ...first.signed, b: encode({ ...good, ...change }) }))
  t.is(parse({}), 'accepted')
  t.is(parse({ mem: many.slice(0, LIMITS.members) }), 'accepted')
  for (const lie of [
    { k: 'groups' },
    { mode: 0 },
    { mode: 2 },
    { extra: 1 },
    { n: 0 },
    { n: 2 }, // without a state before it
    { prev: Buffer.alloc(32, 1) }, // a first state with one before it
    { conv: Buffer.alloc(15) },
    { name: '' },
    { name: 'x'.repeat(LIMITS.groupNameCharacters + 1) },
    { topic: '' },
    { topic: 'x'.repeat(LIMITS.groupTopicCharacters + 1) },
    { mem: [] },
    { mem: many },
    { mem: [b, a, c] },
    { mem: [a, a, b, c] },
    { mem: good.mem.map((each) => [(each as unknown[])[0], 'member']) }, // nobody decides
    { mem: [[alice.acct, 'owner']] },
    { mem: [[alice.acct, 'admin', 1]] },
    { by: [alice.acct] },
    { ts: -1 },
  ]) {
    t.is(parse(lie), 'E_FORMAT', JSON.stringify(lie).slice(0, 60))
  }
  t.is(
    outcome(() => parseGroupState({ ...first.signed, by: [bob.acct, bob.dev] })),
    'E_BINDING',
  )
})

test('what nobody would accept is not signed either', (t) => {
  const state = firstState(alice, [bob])
  for (const bad of [
    { mem: [] },
    { mem: members([], [alice, bob]) },
    { mem: [...state.mem].reverse() },
    { n: 2 },
    { name: '' },
  ]) {
    t.is(
      outcome(() => encodeGroupState({ ...state, ...bad })),
      'E_FORMAT',
    )
  }
})

test('fuzz: E_FORMAT or a state, nothing else', (t) => {
  t.notThrows(() => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        (b) => outcome(() => parseGroupState({ ...first.signed, b })) === 'E_FORMAT',
      ),
      runs(200),
    )
  })
})

test('no byte of a state or its signature can be changed', async (t) => {
  const { signed } = first
  for (const part of ['b', 's'] as const) {
    for (let at = 0; at < signed[part].length; at++) {
      const bytes = Buffer.from(signed[part])
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
      const changed = { ...signed, [part]: bytes }
      const refused = outcome(() => parseGroupState(changed))
      if (refused !== 'accepted') continue
      const seen = parseGroupState(changed)
      if (!equal(seen.state.by.dev, alice.dev)) t.not(await verified(seen), 'accepted')
      else t.is(await verified(seen), 'E_SIG', `${part} ${at}`)
    }
  }
})

test('who may sign: a present device of an admin', async (t) => {
  const { list } = alice.verified
  t.is(await verified(first, { ...list, devs: [], gone: [[alice.dev, T0]] }), 'E_NO_DEVICE')
  t.is(await verified(first, { ...list, devs: [] }), 'E_GHOST_DEVICE')
  const forged = {
    ...first,
    signed: { ...first.signed, s: (await sign(bob, first.state)).signed.s },
  }
  t.is(await verified(forged), 'E_SIG')

  t.is(follows(await next(alice, first, { name: 'weekends' })), 'accepted')
  t.is(follows(await next(bob, first, { name: 'mine' })), 'E_NOT_ADMIN')
  t.is(
    follows(await next(mallory, first, { mem: members([alice, mallory], [bob]) })),
    'E_NOT_ADMIN',
  )
  t.is(follows(await next(bob, first, { mem: without(first.state, carol) })), 'E_NOT_ADMIN')
  t.is(follows(await next(bob, first, { mem: members([alice, bob], [carol]) })), 'E_NOT_ADMIN')
})

test('everybody may leave, and change nothing else with it', async (t) => {
  const rest = without(first.state, bob)
  t.is(follows(await next(bob, first, { mem: rest })), 'accepted')
  t.is(follows(await next(bob, first, { mem: rest, name: 'bye' })), 'E_NOT_ADMIN')
  t.is(follows(await next(bob, first, { mem: rest, topic: 'bye' })), 'E_NOT_ADMIN')
  t.is(follows(await next(bob, first, { mem: members([alice, carol]) })), 'E_NOT_ADMIN')
  t.is(follows(await next(bob, first, { mem: members([alice], [carol, mallory]) })), 'E_NOT_ADMIN')
  t.is(follows(await next(mallory, first, { mem: first.state.mem })), 'E_NOT_ADMIN')
})

test('the last one leaves nobody behind, and nothing follows; nobody else ends a group', async (t) => {
  const alone = await sign(alice, firstState(alice, []))
  const end = await next(alice, alone, { mem: [] })
  t.is(parseGroupState(end.signed).state.mem.length, 0)
  t.is(follows(end, alone), 'accepted')
  t.is(follows(await next(alice, alone, { mem: [], name: 'bye' }), alone), 'E_NOT_ADMIN')
  t.is(follows(await next(alice, end, { mem: alone.state.mem }), end), 'E_NOT_ADMIN')
  for (const who of [alice, bob]) t.is(follows(await next(who, first, { mem: [] })), 'E_NOT_ADMIN')
})

test('what does not link', async (t) => {
  const second = await next(alice, first)
  t.is(follows(second, second), 'E_GROUP')
  t.is(follows(first, second), 'E_GROUP')
  t.is(follows(await next(alice, second)), 'E_GROUP')
  t.is(follows(await next(alice, first, { prev: Buffer.alloc(32, 7) })), 'E_GROUP')
  t.is(follows(await next(alice, first, { conv: Buffer.alloc(16, 9) })), 'E_GROUP')
})

/** A tree that began with `first` and was told of these. */
function chainOf(states: readonly KnownGroupState[], at = T0): GroupChain {
  const chain = new GroupChain([first])
  const left = [...states]
  while (left.length > 0) {
    const at0 = left.findIndex(({ state }) => chain.find(state.prev) !== undefined)
    const [state] = left.splice(Math.max(0, at0), 1)
    if (state !== undefined) chain.add(state, at)
  }
  return chain
}

test('of two with the same n and prev the smaller hash counts, in whatever order they come', async (t) => {
  const both = await sign(alice, {
    ...firstState(alice, [carol]),
    mem: members([alice, bob], [carol]),
  })
  const one = await next(alice, both, { name: 'one' })
  const two = await next(bob, both, { name: 'two' })
  const three = await next(bob, two, { topic: 'three' })
  const expected = compare(one.h, two.h) < 0 ? one : three
  for (const order of [
    [one, two, three],
    [two, three, one],
    [two, one, three],
  ]) {
    const chain = new GroupChain([both])
    for (const state of order) chain.add(state, T0)
    t.is(hex(chain.current.h), hex(expected.h))
    t.true(chain.isLive(one.h, T0) && chain.isLive(two.h, T0))
  }
})

test('nobody undoes his own removal: a state whose author another one deprives gives way', async (t) => {
  const both = await sign(alice, { ...firstState(alice), mem: members([alice, bob], [carol]) })
  const removal = await next(alice, both, { mem: members([alice], [carol]) })
  for (let i = 0; i < 8; i++) {
    const revenge = await next(bob, both, { topic: `grind ${i}` })
    for (const order of [
      [removal, revenge],
      [revenge, removal],
    ]) {
      const chain = new GroupChain([both])
      for (const state of order) chain.add(state, T0)
      t.is(hex(chain.current.h), hex(removal.h))
    }
  }
  // somebody who leaves decides nothing for others, and loses nothing
  const leaving = await next(carol, both, { mem: members([alice, bob]) })
  const renaming = await next(alice, both, { name: 'new' })
  const chain = new GroupChain([both])
  chain.add(leaving, T0)
  chain.add(renaming, T0)
  const smaller = compare(leaving.h, renaming.h) < 0 ? leaving : renaming
  t.is(hex(chain.current.h), hex(smaller.h))
})

test('what was settled a day ago is not undone, by nobody', async (t) => {
  const second = await next(alice, first)
  const rivals = await Promise.all(
    Array.from({ length: 6 }, (_, i) => next(alice, first, { topic: `late ${i}` })),
  )
  const rival = rivals.find(({ h }) => compare(h, second.h) < 0)
  if (rival === undefined) {
    t.pass() // one run in 64 has only larger hashes
    return
  }
  const chain = chainOf([second])
  t.is(
    outcome(() => {
      chain.add(rival, T0 + DAY)
    }),
    'E_ROLLBACK',
  )
  t.is(hex(chain.current.h), hex(second.h))
  chain.add(rival, T0 + DAY - HOUR)
  t.is(hex(chain.current.h), hex(rival.h))
  t.is(
    outcome(() => {
      chain.add(first, T0)
    }),
    'accepted',
  )
  const older = new GroupChain([second])
  t.is(
    outcome(() => {
      older.add(rival, T0)
    }),
    'E_ROLLBACK',
  )
})

test('what this device alone has made gives way, and counts again when others show it', async (t) => {
  const mine = { ...(await next(alice, first, { topic: 'mine' })), quiet: true as const }
  const theirs = await next(alice, first, { topic: 'theirs' })
  const chain = chainOf([mine])
  t.is(hex(chain.current.h), hex(mine.h))
  // made offline days ago: what the others decided meanwhile is heard all the same
  chain.add(theirs, T0 + 3 * DAY)
  t.is(hex(chain.current.h), hex(theirs.h))
  chain.announced(mine.h, T0 + 3 * DAY)
  const smaller = compare(mine.h, theirs.h) < 0 ? mine : theirs
  t.is(hex(chain.current.h), hex(smaller.h))
})

test('streams may rest on a state for a day after it was replaced', async (t) => {
  const second = await next(alice, first)
  const chain = chainOf([second])
  t.true(chain.isLive(second.h, T0 + 30 * DAY))
  t.true(chain.isLive(first.h, T0 + DAY - 1))
  t.false(chain.isLive(first.h, T0 + DAY))
  t.false(chain.isLive(Buffer.alloc(32, 1), T0))
})

test('the last states are kept, those that nobody asks for are not', async (t) => {
  const states = [first]
  for (let i = 0; i < LIMITS.groupStates + 5; i++) {
    const last = states.at(-1)
    if (last !== undefined) states.push(await next(alice, last, { topic: String(i) }))
  }
  const chain = chainOf(states.slice(1))
  const rival = await next(alice, states[1] ?? first, { topic: 'rival' })
  chain.add(rival, T0)
  const { current } = chain
  const gone = chain.prune()
  t.is(chain.all.length, LIMITS.groupStates)
  t.is(gone.length, states.length - LIMITS.groupStates + (chain.current === current ? 1 : 0))
  t.is(hex(chain.current.h), hex(current.h))
  t.is(chain.line().length, LIMITS.groupStates)
})

test('property: any order of a tree of states gives the same line', async (t) => {
  const tree: KnownGroupState[] = []
  const both = await sign(alice, { ...firstState(alice), mem: members([alice, bob], [carol]) })
  let level = [both]
  for (let depth = 0; depth < 3; depth++) {
    const made: KnownGroupState[] = []
    for (const [i, parent] of level.entries()) {
      made.push(await next(alice, parent, { topic: `a ${depth} ${i}` }))
      made.push(await next(bob, parent, { topic: `b ${depth} ${i}` }))
    }
    tree.push(...made)
    level = made.slice(0, 4)
  }
  const of = (states: readonly KnownGroupState[]): string => {
    const chain = new GroupChain([both])
    const left = [...states]
    while (left.length > 0) {
      const i = left.findIndex(({ state }) => chain.find(state.prev) !== undefined)
      const [state] = left.splice(i, 1)
      if (state !== undefined) chain.add(state, T0)
    }
    return hex(chain.current.h)
  }
  const expected = of(tree)
  fc.assert(
    fc.property(fc.shuffledSubarray(tree, { minLength: tree.length }), (order) => {
      return of(order) === expected
    }),
    runs(50),
  )
  t.true(equal(parseGroupState(both.signed).state.conv, CONV))
})

test('an admin who makes a tree of states, or a branch that nobody follows, fills nothing', async (t) => {
  const both = await sign(alice, { ...firstState(alice), mem: members([alice, bob], [carol]) })
  const levels: KnownGroupState[][] = [[both]]
  for (let depth = 1; depth <= 3; depth++) {
    const made = (levels.at(-1) ?? []).flatMap((before) =>
      [1, 2, 3, 4].map((ts) => next(alice, before, { ts: 10 * depth + ts })),
    )
    levels.push(await Promise.all(made))
  }
  const taken = (order: readonly KnownGroupState[]): GroupChain => {
    const chain = new GroupChain([both])
    for (const state of order) {
      if (chain.find(state.state.prev) !== undefined) chain.add(state, T0)
      chain.prune()
    }
    return chain
  }
  const orders = [levels.flat(), levels.flatMap((level) => level.toReversed())]
  const [one, other] = orders.map(taken)
  t.true((one?.all.length ?? 0) <= 1 + 3 * (4 + 1), String(one?.all.length))
  t.is(hex(one?.current.h ?? both.h), hex(other?.current.h ?? both.h))

  // behind a state that has lost
  const [, second = []] = levels
  const [winner = both, ...losers] = [...second].sort((p, q) => compare(p.h, q.h))
  const branch = [winner, ...losers.slice(-1)]
  for (let i = 0; i < 2 * LIMITS.groupStates; i++) {
    branch.push(await next(alice, branch.at(-1) ?? winner, { topic: String(i) }))
  }
  const chain = taken(branch)
  t.is(hex(chain.current.h), hex(winner.h))
  t.true(chain.all.length <= 3 + LIMITS.groupStates, String(chain.all.length))
})

test('one member who leaves again and again, or one admin with many rivals, fills nothing', async (t) => {
  const both = await sign(alice, { ...firstState(alice), mem: members([alice, bob], [carol]) })
  const floods = [
    { by: carol, mem: without(both.state, carol) },
    { by: bob, mem: both.state.mem },
  ]
  const states: KnownGroupState[] = []
  for (const { by, mem } of floods) {
    for (let ts = 1; ts <= 20; ts++) states.push(await next(by, both, { mem, ts }))
  }
  const [inner] = states
  const built = inner === undefined ? [] : [await next(alice, inner, { topic: 'on it' })]
  const views = [states, [...states].reverse()].map((order) => {
    const chain = new GroupChain([both])
    for (const state of order) {
      chain.add(state, T0)
      chain.prune()
    }
    for (const state of built) {
      if (chain.find(state.state.prev) !== undefined) chain.add(state, T0)
    }
    t.true(chain.all.length <= 1 + 2 * 4 + 1)
    return chain
  })
  const smallest = [...states].sort((p, q) => compare(p.h, q.h))[0]
  for (const chain of views) {
    t.is(hex(chain.current.h), hex(smallest?.h ?? both.h))
    t.deepEqual(
      chain.all.map(({ h }) => hex(h)).sort(),
      views[0]?.all.map(({ h }) => hex(h)).sort(),
    )
  }
})

test('a newcomer takes the word of a member who left for nothing before an admin confirms it', async (t) => {
  const old = await sign(alice, firstState(alice, [bob, carol]))
  const invited = await next(alice, old, { mem: members([alice], [bob, carol, mallory]) })
  // by bob, as if he had left; says that carol and the newcomer are out as well
  const lie = await next(bob, old, { mem: members([alice]) })
  const chain = new GroupChain([invited])
  const waiting = new UnlinkedStates()
  waiting.add(lie, true)
  t.is(waiting.next(hex(CONV), chain, T0), null)
  const more = await next(bob, lie, { topic: 'still mine' })
  waiting.add(more, true)
  t.is(waiting.next(hex(CONV), chain, T0), null)
  const confirmed = await next(alice, lie, { mem: members([alice], [mallory]) })
  waiting.add(confirmed, true)
  t.is(waiting.next(hex(CONV), chain, T0), lie)
})
