// From one device list of an account to the next: what may not change, what is reported, what is remembered (PROTOCOL 5.4).
import { sha256 } from '../crypto/hash.ts'
import type { Username } from '../protocol/names.ts'
import { type Bytes, equal } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import type { Device, DeviceList } from './device-list-body.ts'
import { FORMER_NAMES_MAX, type PeerPin, type PinnedDevice } from './pin.ts'

/** Shown and logged. `succeeded` also clears `verified` and holds sending: a thief of the key could have made it. */
export type DeviceListEvent =
  | { readonly kind: 'renamed'; readonly from: Username; readonly to: Username }
  | { readonly kind: 'succeeded' }
  | { readonly kind: 'device-added'; readonly dev: Bytes }
  | { readonly kind: 'device-removed'; readonly dev: Bytes }

/** A list whose signatures are good, with H(b) and its key history. */
export interface SeenList {
  readonly list: DeviceList
  readonly h: Bytes
  readonly ik: readonly Bytes[]
}

function keyMark(device: Device): Buffer {
  return sha256(device.dsk.spki).subarray(0, 8)
}

function isSame(device: Device, pinned: PinnedDevice): boolean {
  return equal(device.id, pinned.id) && equal(keyMark(device), pinned.key)
}

function remember({ list, h, ik }: SeenList, known: readonly PinnedDevice[]): RememberedList {
  const j = ik.length - 1
  return {
    srv: list.srv,
    acct: list.acct,
    user: list.user,
    j,
    fp: sha256(ik[j] ?? fail('E_IDENTITY')),
    n: list.n,
    h,
    devs: list.devs.map(
      (device) =>
        known.find((pinned) => isSame(device, pinned)) ?? {
          id: device.id,
          key: keyMark(device),
          bundle: 0,
        },
    ),
  }
}

type RememberedList = Omit<PeerPin, 'former' | 'verified' | 'unconfirmed'>

export function firstPin(seen: SeenList): PeerPin {
  return { ...remember(seen, []), former: [], verified: false, unconfirmed: false }
}

function refuseBreaks(pin: PeerPin, { list, h, ik }: SeenList): void {
  if (ik.length - 1 < pin.j || list.n < pin.n) {
    fail('E_ROLLBACK', `The server offers an older state of @${pin.user} than it did before.`)
  }
  const pinnedKey = ik[pin.j]
  if (
    pinnedKey === undefined ||
    !equal(sha256(pinnedKey), pin.fp) ||
    (list.n === pin.n && !equal(h, pin.h)) ||
    (list.n === pin.n + 1 && !equal(list.prev, pin.h))
  ) {
    fail(
      'E_FORK',
      `There are two conflicting histories of @${pin.user}: somebody shows you another.`,
    )
  }
  if (list.n > pin.n + 1) fail('E_GAP', `Device lists of @${pin.user} are missing in between.`)
}

function changes(pin: PeerPin, list: DeviceList): DeviceListEvent[] {
  const removed = pin.devs.filter((pinned) => !list.devs.some((d) => isSame(d, pinned)))
  const added = list.devs.filter((d) => !pin.devs.some((pinned) => isSame(d, pinned)))
  return [
    ...(pin.user === list.user
      ? []
      : [{ kind: 'renamed' as const, from: pin.user, to: list.user }]),
    ...removed.map(({ id }) => ({ kind: 'device-removed' as const, dev: id })),
    ...added.map(({ id }) => ({ kind: 'device-added' as const, dev: id })),
  ]
}

/**
 * The pin after this list, and what the user should hear of it.
 *
 * @throws E_ROLLBACK E_FORK E_GAP E_NAME
 */
export function continuePin(
  pin: PeerPin,
  seen: SeenList,
): { readonly next: PeerPin; readonly events: readonly DeviceListEvent[] } {
  refuseBreaks(pin, seen)
  const succeeded = seen.ik.length - 1 > pin.j
  const renamed = pin.user !== seen.list.user
  const former = renamed ? [...new Set([...pin.former, pin.user])] : pin.former
  // forgetting the oldest would free it for an impostor
  if (former.length > FORMER_NAMES_MAX) fail('E_NAME', `@${pin.user} was renamed too often.`)
  return {
    next: {
      ...remember(seen, pin.devs),
      former,
      verified: pin.verified && !succeeded,
      unconfirmed: pin.unconfirmed || succeeded,
    },
    events: [...changes(pin, seen.list), ...(succeeded ? [{ kind: 'succeeded' as const }] : [])],
  }
}
