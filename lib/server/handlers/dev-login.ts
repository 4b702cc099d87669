// The everyday login: the device key signs this very connection (PROTOCOL 4.4, 5.3). The newest connection of a device
// wins; then its mail flows.
import { deviceLoginStatement } from '../../identity/login-proof.ts'
import { equal } from '../../util/bytes.ts'
import { Delivery } from '../delivery.ts'
import { findDevice } from '../directory.ts'
import { type Caller, type DeviceLogin, LATER, type RequestHandler } from '../handler.ts'
import { accountId, boxOf } from '../ids.ts'
import { refuse } from '../refusal.ts'

export const devLogin: RequestHandler<'dev.login'> = async (caller, { r, acct, dev, sig }) => {
  const { services } = caller
  const { srv, directory, presence, mail, log } = services
  const id = accountId(acct)
  const entry = await directory.get(id)
  const device = entry === null ? undefined : findDevice(entry.list, dev)
  const key = device?.dsk ?? services.dummyKeys.device
  const statement = deviceLoginStatement(caller.link.exporter, { srv, acct, dev })
  const valid = await key.verifyAsync(statement, sig)
  if (entry === null || entry.disabled || device === undefined || !valid) {
    caller.strike()
    return refuse('E_AUTH')
  }
  const box = boxOf(id, dev)
  if (caller.hasDevice && caller.device.box !== box) refuse('E_STATE')
  if (caller.hasAccount && !equal(caller.account.acct, acct)) refuse('E_STATE')
  const [{ count }] = await Promise.all([mail.usage(box), services.signIns.note(id)])
  const reply = { mail: count, n: entry.list.n }
  if (caller.hasDevice || caller.isClosed) return reply

  const delivery = new Delivery({
    mail,
    box,
    log,
    send: (frame) => {
      caller.push(frame)
    },
    failed: () => {
      void caller.bye('E_BUSY')
    },
  })
  const login: DeviceLogin = {
    acct,
    id,
    dev,
    box,
    delivery,
    streams: services.streams.of(acct, dev),
  }
  const release = await presence.claim(box, {
    mail: (q, entryBytes) => {
      delivery.push(q, entryBytes)
    },
    mailElsewhere: () => {
      delivery.lookAgain()
    },
    frame: (bytes) => {
      caller.push(bytes)
    },
    replaced: () => {
      void caller.bye('E_REPLACED')
    },
    removed: () => {
      void caller.bye('E_NO_DEVICE')
    },
    shut: () => {
      void caller.bye('E_AUTH')
    },
  })
  // while this waited the device may have been removed, or another login of this connection was faster
  const now = await directory.get(id)
  const isKnown = now !== null && !now.disabled && findDevice(now.list, dev) !== undefined
  if (!isKnown || isTaken(caller)) {
    release()
    return refuse(isKnown ? 'E_STATE' : 'E_AUTH')
  }
  caller.enterDevice(login, release)
  // the reply goes before the backlog
  caller.succeed(r, reply)
  delivery.start()
  return LATER
}

/** A function, because it changes while a login waits. */
function isTaken({ hasDevice }: Caller): boolean {
  return hasDevice
}
