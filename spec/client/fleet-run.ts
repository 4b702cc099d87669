// What the two properties of a fleet (convergence.spec.ts, group-convergence.spec.ts) do and check alike: plans of random
// operations, a last device that has nothing but the history, and what must be true of every device and every line.
import fc from 'fast-check'

import type { MessageView } from '../../lib/client/events.ts'
import { type Device, type Fleet, isMishap, type Mishap, problem, stepOf } from './fleet.ts'

const WAITS = [0, 0, 0, 100, 2000, 15_000, 70_000] as const

export interface Operation<K extends string> {
  readonly what: K
  readonly who: number
  readonly k: number
  readonly wait: number
}

/** `who`: the highest index of a device. */
export function plansOf<K extends string>(
  kinds: readonly K[],
  who: number,
): fc.Arbitrary<Operation<K>[]> {
  const operation = fc.record({
    what: fc.constantFrom(...kinds),
    who: fc.nat(who),
    k: fc.nat(20),
    wait: fc.constantFrom(...WAITS),
  })
  return fc.array(operation, { minLength: 1, maxLength: 45, size: 'max' })
}

/** One operation by whoever can do it, and the time after it. `act`: what is no mishap. */
export async function perform<K extends string>(
  fleet: Fleet,
  { what, who, k, wait }: Operation<K>,
  act: (what: Exclude<K, Mishap>, device: Device) => Promise<unknown>,
): Promise<void> {
  const device = what === 'restart' ? fleet.down(who) : fleet.up(who)
  if (device !== null) {
    fleet.note(device, `${what} ${k} +${wait}`)
    if (isMishap(what)) await fleet.suffer(what, device, k)
    else await act(what as Exclude<K, Mishap>, device)
  }
  fleet.observe()
  await fleet.world.pass(wait, stepOf(wait))
  fleet.observe()
  await fleet.settle()
}

export async function rest(fleet: Fleet, ms: number): Promise<void> {
  await fleet.world.pass(ms, Math.max(1000, ms / 200))
  await fleet.quiet()
}

/** Nothing waits, and nobody was alarmed. */
export function checkRest(fleet: Fleet): void {
  for (const device of fleet.present()) {
    const { name, session } = device.player
    const { queued, held } = session.status()
    problem(fleet.isIdle(device), `${name} has ${queued} queued, ${held} held`)
    const alarms = device.player.of('notice').filter(({ level }) => level === 'alarm')
    problem(alarms.length === 0, `${name}: ${alarms.map(({ text }) => text).join()}`)
  }
}

export function checkOnce({ player }: Device, rows: readonly MessageView[], where: string): void {
  const mids = rows.map(({ mid }) => mid).filter((mid) => mid !== '')
  problem(new Set(mids).size === mids.length, `${player.name} has something twice in ${where}`)
}

/** It is gone, or says what its author said at some time. */
export function checkBody({ player }: Device, { body }: MessageView, said: Versions): void {
  const isKnown =
    body.kind === 'deleted' || (body.kind === 'text' && said.versions.includes(body.text))
  problem(isKnown, `${player.name} has ${JSON.stringify(body)} for ${said.text}`)
}

interface Versions {
  readonly text: string
  readonly versions: readonly string[]
}

/** What must be the same everywhere. */
export function lookOf({ body, reactions }: MessageView): string {
  return JSON.stringify([body.kind, body.kind === 'text' ? body.text : '', reactions])
}

/** What one device said is in the order in which it was said. */
export function checkOrder(
  { player }: Device,
  said: readonly { readonly from: Device; readonly mid: string; readonly text: string }[],
  places: ReadonlyMap<string, number>,
): void {
  const last = new Map<Device, { readonly place: number; readonly text: string }>()
  for (const each of said) {
    const place = places.get(each.mid)
    if (place === undefined) continue
    const before = last.get(each.from)
    problem(
      before === undefined || before.place < place,
      `${player.name}: ${each.text} stands before ${String(before?.text)} of the same device`,
    )
    last.set(each.from, { place, text: each.text })
  }
}

/** Where messages stand. */
export function placesOf(rows: readonly MessageView[]): ReadonlyMap<string, number> {
  return new Map(rows.flatMap(({ mid }, place) => (mid === '' ? [] : [[mid, place] as const])))
}

/** What two of them have stands in one order on both. */
export function checkOneOrder(
  holders: readonly { readonly device: Device; readonly rows: readonly MessageView[] }[],
  where: string,
): void {
  const views = holders.map(({ device, rows }) => ({
    name: device.player.name,
    places: placesOf(rows),
  }))
  for (const [k, one] of views.entries()) {
    for (const other of views.slice(k + 1)) {
      const [both, there] = [one, other].map(({ places }, side) => {
        const others = side === 0 ? other.places : one.places
        return [...places.keys()].filter((mid) => others.has(mid)).join('\n')
      })
      problem(both === there, `${one.name} and ${other.name} have another order in ${where}`)
    }
  }
}

/** A last device of alice has nothing but the history and what comes after it. */
export async function checkFresh<F extends Fleet>(
  fleet: F,
  check: (fleet: F) => Promise<void>,
): Promise<void> {
  await fleet.world.pass(75_000, 2000)
  await fleet.quiet()
  const fresh = await fleet.add()
  if (fresh === null) return
  await fleet.world.passUntil(() => fresh.player.session.archive.status().restore.done)
  await fleet.quiet()
  await check(fleet)
}
