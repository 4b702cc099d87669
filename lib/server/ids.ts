// Names under which the store and the router know accounts and devices: base64url, so that they fit every adapter.
import { base64url, type Bytes } from '../util/bytes.ts'

export function accountId(acct: Bytes): string {
  return base64url(acct)
}

/** The mailbox of a device, also the id of its bundle. */
export function boxOf(acctId: string, dev: Bytes): string {
  return `${acctId}.${base64url(dev)}`
}

/** The history of a device; outlives the device, so that others can restore it. */
export function historyLog(acctId: string, dev: Bytes): string {
  return `h.${boxOf(acctId, dev)}`
}
