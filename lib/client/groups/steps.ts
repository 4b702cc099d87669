// What one state of a group did to the one before it: kept with the line of the conversation, because the state before may
// be forgotten when somebody reads that line (PROTOCOL 8).
import { type GroupState, memberOf } from '../../envelope/group-state.ts'
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { LIMITS } from '../../protocol/limits.ts'
import { b, check, flag, list, lit, map, opt, s } from '../../protocol/shape.ts'
import { type Bytes, equal } from '../../util/bytes.ts'
import type { GroupChange } from '../group-api.ts'

export interface Step {
  readonly what: GroupChange['what']
  readonly accts: readonly Bytes[]
  readonly text: string
  readonly on: boolean
}

function step(what: Step['what'], accts: readonly Bytes[], text = '', on = false): Step {
  return { what, accts, text, on }
}

/** `before`: the state it follows, unknown to a newcomer (`me`), who was added as far as he can tell. */
export function stepsOf(before: GroupState | undefined, next: GroupState, me: Bytes): Step[] {
  const others = next.mem.map(({ acct }) => acct).filter((acct) => !equal(acct, next.by.acct))
  if (next.n === 1) return [step('created', others)]
  if (before === undefined) return [step('added', [me])]
  const steps: Step[] = []
  const added = next.mem.filter(({ acct }) => memberOf(before, acct) === undefined)
  const gone = before.mem
    .map(({ acct }) => acct)
    .filter((acct) => memberOf(next, acct) === undefined)
  const left = gone.filter((acct) => equal(acct, next.by.acct))
  const removed = gone.filter((acct) => !equal(acct, next.by.acct))
  if (added.length > 0)
    steps.push(
      step(
        'added',
        added.map(({ acct }) => acct),
      ),
    )
  if (removed.length > 0) steps.push(step('removed', removed))
  if (left.length > 0) steps.push(step('left', left))
  for (const { acct, admin } of next.mem) {
    const was = memberOf(before, acct)?.admin ?? false
    if (was !== admin) steps.push(step('admin', [acct], '', admin))
  }
  if (before.name !== next.name) steps.push(step('named', [], next.name))
  if (before.topic !== next.topic) steps.push(step('topic', [], next.topic))
  return steps
}

const STEPS = list(
  map({
    w: lit('created', 'added', 'removed', 'left', 'named', 'topic', 'admin'),
    a: list(b(32), LIMITS.members),
    t: s(2048),
    o: opt(flag),
  }),
  2 * LIMITS.members,
)

export function encodeSteps(steps: readonly Step[]): Buffer {
  return encode(
    steps.map(({ what, accts, text, on }) => ({
      ...{ w: what, a: accts, t: text, o: on ? true : undefined },
    })),
  )
}

function decodeSteps(bytes: Bytes): Step[] {
  return check(STEPS, decodeStrict(bytes), 'group steps').map(({ w, a, t, o }) =>
    step(w, a, t, o === true),
  )
}

/** In names; none for a row that says nothing. */
export function changesOf(bytes: Bytes | undefined, user: (acct: Bytes) => string): GroupChange[] {
  return bytes === undefined ? [] : decodeSteps(bytes).map((each) => named(each, user))
}

function named({ what, accts, text, on }: Step, user: (acct: Bytes) => string): GroupChange {
  const users = accts.map(user)
  const one = users[0] ?? ''
  switch (what) {
    case 'created':
    case 'added':
    case 'removed':
      return { what, users: users.sort() }
    case 'left':
      return { what, user: one }
    case 'admin':
      return { what, user: one, on }
    case 'named':
      return { what, name: text }
    case 'topic':
      return { what, topic: text }
  }
}
