// Who this is and how the session stands at this moment, for `!whoami` and `!status`.
import { serverFingerprint } from '../../identity/fingerprint.ts'
import { formatContactUri } from '../../identity/uri.ts'
import { hex } from '../../util/bytes.ts'
import type { Endpoint } from '../account/channel.ts'
import type { Me, SessionStatus } from '../api.ts'
import type { Core } from './core.ts'

export function meOf({ me, device, settings }: Core, { host, port }: Endpoint): Me {
  const { srv, acct, dev } = device
  return {
    user: me.pin.user,
    displayName: settings.choices.displayName,
    acct: hex(acct),
    dev: hex(dev),
    srv: hex(srv),
    fingerprint: serverFingerprint(srv),
    uri: formatContactUri({ host, port, srv, acct, user: me.pin.user }),
  }
}

export function statusOf(core: Core, server: Endpoint): SessionStatus {
  const { link, me, device, outbox, transfers, keyRing, clock } = core
  const { host, port } = server
  const current = keyRing.current
  return {
    connection: link.state,
    host,
    port,
    fingerprint: serverFingerprint(device.srv),
    user: me.pin.user,
    devices: me.pin.devs.length,
    queued: outbox.open.length,
    held: outbox.heldCount,
    transfers: transfers.activeCount,
    keyNumber: current?.n ?? 0,
    keyAgeMs: current === undefined ? 0 : clock.now() - current.madeAt,
    latencyMs: link.latencyMs,
  }
}
