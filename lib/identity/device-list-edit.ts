// The next device list of an own account: every change is list n+1 chained to the current one (PROTOCOL 5.1, 5.4).
// Makes bodies only; signing needs the account key and is in device-list.ts.
import { LIMITS } from '../protocol/limits.ts'
import type { Username } from '../protocol/names.ts'
import { type Bytes, equal } from '../util/bytes.ts'
import { fail } from '../util/errors.ts'
import type { AccountId } from './conversation.ts'
import type { Device, DeviceList } from './device-list-body.ts'

/** The list that goes into `reg.fin`. */
export function firstDeviceList(who: AccountId, user: Username, device: Device): DeviceList {
  return {
    srv: who.srv,
    acct: who.acct,
    user,
    n: 1,
    prev: Buffer.alloc(32),
    ts: device.ts,
    vv: 1,
    re: 0,
    devs: [device],
    gone: [],
    lks: [],
  }
}

/** The current list with the hash of its bytes, as a pin or a verification has it. */
export interface CurrentList {
  readonly list: DeviceList
  readonly pin: { readonly h: Bytes }
}

type Changes = Partial<Pick<DeviceList, 'user' | 'vv' | 're' | 'devs' | 'gone' | 'lks'>>

export function nextDeviceList(
  { list, pin }: CurrentList,
  ts: number,
  changes: Changes,
): DeviceList {
  return { ...list, n: list.n + 1, prev: pin.h, ts, ...changes }
}

/** @throws E_TOO_BIG when the account has its ten devices */
export function withDevice(current: CurrentList, device: Device): DeviceList {
  const { devs } = current.list
  if (devs.length >= LIMITS.devices) {
    fail('E_TOO_BIG', `An account has at most ${LIMITS.devices} devices: remove one first.`)
  }
  return nextDeviceList(current, device.ts, { devs: [...devs, device] })
}

/** Moves a device to `gone`; a revocation also needs a new root epoch and vault (PROTOCOL 5.4). @throws E_NO_DEVICE */
export function withoutDevice(
  current: CurrentList,
  dev: Bytes,
  ts: number,
  vault: { readonly vv: number; readonly re: number },
): DeviceList {
  const { devs, gone } = current.list
  const rest = devs.filter((d) => !equal(d.id, dev))
  if (rest.length === devs.length) fail('E_NO_DEVICE', 'The account has no such device.')
  const removed = [...gone, [dev, ts] as const].slice(-LIMITS.goneDevices)
  return nextDeviceList(current, ts, { ...vault, devs: rest, gone: removed })
}

export function renamed(current: CurrentList, user: Username, ts: number): DeviceList {
  return nextDeviceList(current, ts, { user })
}
