// Whatever the members of a group do, and whatever happens to their devices: in the end all agree (PROTOCOL 8, 9, 11).
//
// Random operations by five to eight devices of four accounts: writing, editing, reacting, deleting by author and by admin,
// inviting, removing, leaving, making and unmaking admins, topics, names, and all that convergence.spec.ts has. Then all come
// back, everybody in the group says a last word, and time passes until nothing waits. Asserted:
//
// 1. All devices of members have the same state of the group, and nobody else believes to be a member.
// 2. Every device of a member holds what was promised, once. Excused is what was on its way while its author or this account
//    was out of the group for anybody; and the tail of a stream that was lost (PROTOCOL 20).
//    Neither is claimed where mail was lost and somebody left or was removed: a state that only he could send again is gone.
// 3. What was said by somebody who knew that an account was out is on no device of that account, also when it is invited
//    later; and no head that he made names one of its devices, but for those that tell it of its removal, which name nobody else.
// 4. All devices have the conversation in one order, and what one device said is in the order in which it was said.
// 5. Text, reactions and deletion of a message are the same everywhere, and the text is one of those that its author gave it.
// 6. Nothing is queued or held, no placeholder waits, no alarm was given, and removed devices get nothing.
// 7. One more device, from the history alone, holds the same.
import test from 'ava'

import type { MessageView } from '../../lib/client/events.ts'
import { decodeHead, type Head } from '../../lib/envelope/head.ts'
import { hex } from '../../lib/util/bytes.ts'
import { endsWell } from './ends-well.ts'
import { type Device, type Mishap, problem } from './fleet.ts'
import {
  checkBody,
  checkFresh,
  checkOnce,
  checkOneOrder,
  checkOrder,
  checkRest,
  lookOf,
  perform,
  placesOf,
  plansOf,
  rest,
} from './fleet-run.ts'
import { GroupCrowd, type Said } from './group-crowd.ts'
import { isCommon } from './talking-fleet.ts'

const KINDS = [
  ...(['say', 'say', 'say', 'say', 'say', 'say', 'edit', 'react', 'remove'] as const),
  ...(['invite', 'invite', 'invite', 'kick', 'kick', 'leave', 'promote', 'promote'] as const),
  ...(['demote', 'topic', 'name', 'pass', 'pass', 'offline', 'offline', 'online'] as const),
  ...(['online', 'cut', 'kill', 'dies', 'close', 'restart', 'restart', 'server'] as const),
  ...(['lose', 'double', 'add', 'revoke', 'rename'] as const),
]
type What = Exclude<(typeof KINDS)[number], Mishap>
/** With which it begins. */
const FIRST_DEVICES = 5

async function act(crowd: GroupCrowd, what: What, device: Device, k: number): Promise<unknown> {
  if (isCommon(what)) return crowd.common(what, device, k)
  switch (what) {
    case 'say':
      return crowd.say(device)
    case 'invite':
    case 'kick':
    case 'leave':
    case 'promote':
    case 'demote':
    case 'topic':
    case 'name':
      return crowd.decide(device, what, k)
  }
}

/** All come back, say their last word, and wait for what is missing. */
async function comeToRest(crowd: GroupCrowd): Promise<void> {
  await crowd.recover()
  await crowd.quiet()
  for (const ms of [12_000, 60_000, 700_000]) {
    // twice: what was lost before is noticed by what comes behind it
    if (ms <= 60_000) for (const device of crowd.present()) await crowd.say(device)
    await crowd.quiet()
    await rest(crowd, ms)
  }
  for (const ms of [1_500_000, 7 * 3_600_000]) {
    const isWhole = (await holes(crowd)).length === 0
    // what only other devices have is followed up after a while
    if (isWhole && (ms > 1_500_000 || crowd.devices.length === FIRST_DEVICES)) break
    await rest(crowd, ms)
  }
}

function isIn(crowd: GroupCrowd, device: Device): boolean {
  return crowd.group(device)?.standing === 'member'
}

async function holes(crowd: GroupCrowd): Promise<string[]> {
  const found: string[] = []
  for (const device of crowd.present().filter((each) => isIn(crowd, each))) {
    if (crowd.everOut.has(device.account)) continue
    for (const { body, number, acct } of await crowd.rows(device)) {
      if (body.kind !== 'placeholder' || body.why === 'removed-device') continue
      if (!crowd.isEverOut(acct)) found.push(`${device.player.name} ${number} ${body.why}`)
    }
  }
  return found
}

async function check(crowd: GroupCrowd): Promise<void> {
  checkStates(crowd)
  checkHeads(crowd)
  crowd.checkRemovals()
  await checkMessages(crowd)
  const open = await holes(crowd)
  if (crowd.removals.length === 0) problem(open.length === 0, `holes: ${open.join()}`)
  checkRest(crowd)
}

/** The names by which a device knows people do not count: accounts do. */
function checkStates(crowd: GroupCrowd): void {
  const heard = crowd.present().filter(({ player }) => !crowd.losses.anyUnnoticed(player.name))
  const views = new Map<string, string>()
  for (const device of heard) {
    const group = crowd.group(device)
    if (group?.standing !== 'member') continue
    const { n, name, topic, members } = group
    const people = members.map(({ acct, admin }) => `${acct.slice(0, 4)}${admin ? '*' : ''}`)
    views.set(device.player.name, `${n} ${name} ${topic} ${people.sort().join(' ')}`)
  }
  problem(new Set(views.values()).size <= 1, `states: ${JSON.stringify([...views])}`)
  const [first] = heard.filter((device) => isIn(crowd, device))
  const group = first === undefined ? null : crowd.group(first)
  const inside = group === null ? [] : crowd.membersIn(group)
  for (const device of heard) {
    const { account, player } = device
    problem(
      isIn(crowd, device) === inside.includes(account),
      `${player.name} is ${crowd.group(device)?.standing ?? 'without'} in a group of ${inside.join()}`,
    )
  }
}

/**
 * Removal is a new key: nobody writes to those of whom he knows that they are out, on a state on which he wrote before. (A state
 * that is new to him may have brought them back for a moment.)
 */
function checkHeads(crowd: GroupCrowd): void {
  for (const { device, account, from, to } of crowd.absences) {
    const old = new Set(headsOf(crowd, device, 0, from).map(({ gs }) => hex(gs)))
    const devs = crowd.devices.filter((each) => each.account === account).map(({ dev }) => dev)
    for (const head of headsOf(crowd, device, from, to)) {
      if (!old.has(hex(head.gs))) continue
      const named = head.to.filter((each) => devs.includes(hex(each.dev)))
      problem(
        named.length === 0 || named.length === head.to.length,
        `${device.player.name} writes to ${account}, who is out`,
      )
    }
  }
}

function headsOf(crowd: GroupCrowd, { player }: Device, from: number, to: number): Head[] {
  return crowd.world.heard
    .slice(from, to)
    .flatMap(({ frame, from: name }) =>
      name === player.name && frame.t === 'st.open' && frame.head !== undefined
        ? [decodeHead(frame.head)]
        : [],
    )
    .filter(({ conv }) => hex(conv) === crowd.conv)
}

async function checkMessages(crowd: GroupCrowd): Promise<void> {
  const holders = await Promise.all(
    crowd.present().map(async (device) => ({ device, rows: await crowd.rows(device) })),
  )
  const looks = new Map<Said, string>()
  for (const { device, rows } of holders) {
    const { name } = device.player
    checkOnce(device, rows, 'the group')
    for (const said of crowd.said) {
      const found = find(rows, said)
      checkOne(crowd, device, said, found)
      if (found === undefined || !isAlike(crowd, device, said)) continue
      const look = lookOf(found)
      const other = looks.get(said) ?? look
      problem(other === look, `${name} shows ${look} for ${said.text}, others ${other}`)
      looks.set(said, look)
    }
    checkOrder(device, crowd.said, placesOf(rows))
  }
  checkOneOrder(holders, 'the group')
}

function find(rows: readonly MessageView[], { mid, versions }: Said): MessageView | undefined {
  return rows.find((row) =>
    mid === '' ? row.body.kind === 'text' && versions.includes(row.body.text) : row.mid === mid,
  )
}

function checkOne(
  crowd: GroupCrowd,
  device: Device,
  said: Said,
  found: MessageView | undefined,
): void {
  const { name } = device.player
  const { account } = device
  const isBarred = said.barred.has(account)
  const isExcused = !said.promised || said.isLoose || said.excused.has(account) || isBarred
  problem(!isBarred || found === undefined, `${name} has ${said.text} all the same`)
  const isDue = isIn(crowd, device) && !isExcused && !isLost(crowd, device, said)
  problem(!isDue || found !== undefined, `${name} lacks ${said.text}`)
  if (found !== undefined) checkBody(device, found, said)
}

/** For one of its devices: a later one has only what they have. */
function isLost(crowd: GroupCrowd, { account }: Device, { from }: Said): boolean {
  const { losses } = crowd
  return crowd.devices.some(
    ({ account: other, player: { name } }) =>
      other === account && losses.isUnnoticed(name, from.dev),
  )
}

/** Whether everything that was done to this message must have reached this device. */
function isAlike(crowd: GroupCrowd, device: Device, { changes }: Said): boolean {
  if (crowd.losses.everLost || !isIn(crowd, device)) return false
  return changes.every(
    ({ isLoose, excused, barred }) =>
      !isLoose && !excused.has(device.account) && !barred.has(device.account),
  )
}

test.serial('in the end all members of a group agree', async (t) => {
  await endsWell(t, plansOf(KINDS, 7), 11, GroupCrowd.gather, async (crowd, plan) => {
    for (const each of plan) {
      await perform(crowd, each, (what, device) => act(crowd, what, device, each.k))
    }
    await comeToRest(crowd)
    await check(crowd)
    await checkFresh(crowd, check)
  })
})
