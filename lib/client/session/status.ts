// How a session stands at this moment, for `!status`.
import { serverFingerprint } from '../../identity/fingerprint.ts'
import type { Endpoint } from '../account/channel.ts'
import type { SessionStatus } from '../api.ts'
import type { Core } from './core.ts'

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
