// What the directory of a lying server tells bob about somebody.
import { renamed } from '../../lib/identity/device-list-edit.ts'
import { signDeviceList } from '../../lib/identity/device-list.ts'
import { signSuccession } from '../../lib/identity/succession.ts'
import type { Frame, ReplyOf } from '../../lib/protocol/frames.ts'
import { type Bytes, equal } from '../../lib/util/bytes.ts'
import { rsa3072 } from '../helpers/keys.ts'
import { type Person, T0 } from '../helpers/people.ts'
import { type World, WORLD_SRV } from './world.ts'

export type Entry = ReplyOf<'dir.get'>

/** Changes what the directory tells bob about this account. */
export function lieAbout(world: World, acct: Bytes, lie: (truth: Entry) => Entry): void {
  world.tamper = (frame: Frame, to: string) => {
    if (to !== 'bob' || (frame.t !== 'ok' && frame.t !== 'err')) return null
    const isAnswer = world.heard.some(
      ({ from, frame: f }) =>
        from === 'bob' &&
        f.t === 'dir.get' &&
        f.r === frame.r &&
        f.acct !== undefined &&
        equal(f.acct, acct),
    )
    if (!isAnswer) return null
    // an honest server says E_BUSY to who has seen more
    const truth = frame.t === 'ok' ? frame : { t: 'ok', r: frame.r ?? 0, cur: 0, dls: [], bun: [] }
    return [{ ...truth, ...lie(truth as unknown as Entry) } as Frame]
  }
}

/** From now on the account has another key, with a statement by the old one. */
export async function replaceAccountKey(world: World, who: Person): Promise<void> {
  const next = rsa3072(5)
  const succession = {
    label: 'aik-succ',
    bind: [WORLD_SRV],
    origin: who.acct,
    j: 1,
    spki: next.publicKey.spki,
  } as const
  const body = renamed(who.verified, who.user, T0 + 1)
  const ik = [...who.dl.ik, next.publicKey.spki]
  const list = await signDeviceList(next, body, ik, [await signSuccession(who.aik, succession)])
  lieAbout(world, who.acct, (truth) => ({ ...truth, cur: 2, dls: [list] }))
}
