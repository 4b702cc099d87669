// Whatever people, processes, networks and an honest server do: in the end all devices agree (PROTOCOL 7.2, 9, 11).
//
// Random operations by four to seven devices of three accounts: writing, editing, reacting, deleting, reading, leaving the
// network, dying at any write, restarting, new devices, removed devices, a new name, blocks, deleted chats, deliveries that are
// lost or come twice, a server that is killed. Then all come back, each says a last word, and time passes until nothing waits. Asserted:
//
// 1. Every device of the two accounts of a conversation holds what any of them was promised to be sent, once. Excused are
//    only: what was on its way when its author was blocked or its device removed; the tail of a stream that was lost and
//    behind which nothing came (PROTOCOL 20); what its author deleted before it left; what is in a chat that was deleted since.
// 2. What somebody said while blocked, to devices that knew and were there, is nowhere; what a device had of a chat when it
//    deleted that is on no device of its account.
// 3. All devices have the conversation in one order, whatever they got when and from whom: what one device said is in the order
//    in which it was said; and nothing stands before a message that its author saw when writing it.
// 4. Text, reactions and deletion of a message are the same everywhere, and the text is one of those that its author gave it.
// 5. No head that a device made after it knew of a removal names the removed device, and that device has nothing said later.
// 6. Nothing is queued or held, no placeholder waits, and no alarm was given.
// 7. One more device, from the history alone, holds the same.
import test from 'ava'

import type { MessageView } from '../../lib/client/events.ts'
import { chatOf, Crowd, type Said } from './crowd.ts'
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
import { isCommon } from './talking-fleet.ts'

const KINDS = [
  ...['say', 'say', 'say', 'say', 'say', 'say', 'edit', 'edit', 'react', 'react', 'remove'],
  ...['read', 'pass', 'pass', 'offline', 'offline', 'online', 'online', 'cut', 'cut', 'kill'],
  ...['dies', 'dies', 'close', 'restart', 'restart', 'restart', 'server', 'lose', 'double'],
  ...['add', 'revoke', 'rename', 'block', 'unblock', 'forget'],
] as const
type What = Exclude<(typeof KINDS)[number], Mishap>

async function act(crowd: Crowd, what: What, device: Device, k: number): Promise<unknown> {
  if (isCommon(what)) return crowd.common(what, device, k)
  switch (what) {
    case 'say':
      return crowd.say(device, k)
    case 'read':
      return crowd.read(device, k)
    case 'forget':
      return crowd.forget(device, k)
    case 'block':
    case 'unblock':
      return crowd.block(device, k, what === 'block')
  }
}

/** All come back, say their last word, and wait for what is missing. */
async function comeToRest(crowd: Crowd): Promise<void> {
  await crowd.recover()
  await crowd.quiet()
  for (const device of crowd.present()) {
    for (const account of ['alice', 'bob', 'carol'] as const) await crowd.sayTo(device, account)
  }
  await crowd.quiet()
  for (const ms of [12_000, 60_000, 700_000, 1_500_000, 7 * 3_600_000]) {
    await rest(crowd, ms)
    const isWhole = ms >= 60_000 && (await holes(crowd)).length === 0
    // what only other devices have is followed up after a while
    if (isWhole && (ms > 1_000_000 || crowd.devices.length === 4)) break
  }
  crowd.observe()
}

async function holes(crowd: Crowd): Promise<string[]> {
  const found: string[] = []
  for (const device of crowd.present()) {
    for (const chat of chatsOf(device)) {
      for (const { body, number } of await crowd.rows(device, chat)) {
        if (body.kind !== 'placeholder' || body.why === 'removed-device') continue
        found.push(`${device.player.name} ${chat} ${number} ${body.why}`)
      }
    }
  }
  return found
}

function chatsOf({ account }: Device): string[] {
  return (['alice', 'bob', 'carol'] as const).map((other) => chatOf(account, other))
}

async function check(crowd: Crowd): Promise<void> {
  for (const chat of new Set(crowd.devices.flatMap(chatsOf))) await checkChat(crowd, chat)
  crowd.checkRemovals()
  const isClean = crowd.removals.length === 0 && crowd.mixed.size === 0
  if (isClean) problem((await holes(crowd)).length === 0, `holes: ${(await holes(crowd)).join()}`)
  checkRest(crowd)
}

async function checkChat(crowd: Crowd, chat: string): Promise<void> {
  const said = crowd.said.filter((each) => each.chat === chat)
  const holders: { device: Device; rows: readonly MessageView[] }[] = []
  for (const device of crowd.entitled(chat)) {
    const rows = await crowd.rows(device, chat)
    holders.push({ device, rows })
  }
  const looks = new Map<string, string>()
  for (const { device, rows } of holders) {
    const { name } = device.player
    checkOnce(device, rows, chat)
    const places = new Map(rows.map((row) => [row.mid, row]))
    const byText = new Map(
      rows.flatMap((row) => (row.body.kind === 'text' ? [[row.body.text, row]] : [])),
    )
    for (const each of said) {
      const found = (each.mid === '' ? undefined : places.get(each.mid)) ?? byText.get(each.text)
      if (each.barred.has(device)) {
        problem(found === undefined, `${name} has ${each.text} of somebody blocked`)
      }
      if (crowd.mustLack(device, each)) {
        problem(found === undefined, `${name} still has ${each.text} of a deleted chat`)
      }
      const isExcused =
        !each.promised ||
        each.barred.has(device) ||
        each.excused.has(device) ||
        isLost(crowd, each, device)
      problem(isExcused || found !== undefined, `${name} lacks ${each.text} in ${chat}`)
      if (found === undefined) continue
      checkBody(device, found, each)
      if (each.loose || crowd.mixed.has(chat) || anyLost(crowd, chat)) continue
      if (each.deleted) problem(found.body.kind === 'deleted', `${name} still has ${each.text}`)
      const look = lookOf(found)
      const other = looks.get(each.text) ?? look
      problem(other === look, `${name} shows ${look}, others ${other}`)
      looks.set(each.text, other)
    }
    checkPlaces(device, said, rows)
  }
  checkOneOrder(holders, chat)
}

function checkPlaces(device: Device, said: readonly Said[], rows: readonly MessageView[]): void {
  const { name } = device.player
  const byText = new Map(said.flatMap((each) => each.versions.map((text) => [text, each] as const)))
  const places = placesOf(rows)
  checkOrder(device, said, places)
  for (const each of said) {
    const place = places.get(each.mid) ?? Infinity
    for (const text of each.before) {
      const earlier = places.get(byText.get(text)?.mid ?? '') ?? -1
      problem(
        earlier < place,
        `${name}: ${each.text} stands before ${text}, which its author had seen`,
      )
    }
  }
}

function isLost(crowd: Crowd, said: Said, device: Device): boolean {
  const { from } = said
  if (from === device) return false
  const isMixed = crowd.mixed.has(said.chat)
  return crowd.losses.isUnnoticed(device.player.name, from.dev) || (isMixed && crowd.losses.any)
}

function anyLost(crowd: Crowd, chat: string): boolean {
  return crowd.entitled(chat).some(({ player }) => crowd.losses.anyUnnoticed(player.name))
}

test.serial('in the end all devices agree', async (t) => {
  await endsWell(t, plansOf(KINDS, 6), 7, Crowd.gather, async (crowd, plan) => {
    for (const each of plan) {
      await perform(crowd, each, (what, device) => act(crowd, what, device, each.k))
    }
    await comeToRest(crowd)
    await check(crowd)
    await checkFresh(crowd, check)
  })
})
