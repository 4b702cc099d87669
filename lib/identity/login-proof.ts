// The statements a client signs to show who it is. Each covers the exporter of this very connection, so that none can be
// relayed or replayed (PROTOCOL 4.4, 5.2, 5.3, 14.2). Client and server build the same bytes here.
import { ctx } from '../crypto/ctx.ts'
import type { Username } from '../protocol/names.ts'
import { type Bytes, utf8 } from '../util/bytes.ts'
import type { AccountId, DeviceId } from './conversation.ts'

/** Signed by the account key in `reg.fin`: a copied public device list is no registration. */
export function registrationStatement(exporter: Bytes, who: AccountId, user: Username): Buffer {
  return ctx('reg', exporter, who.srv, who.acct, utf8(user))
}

/** Signed by the device key in `dev.login`. */
export function deviceLoginStatement(exporter: Bytes, who: DeviceId): Buffer {
  return ctx('dev-login', exporter, who.srv, who.acct, who.dev)
}

/** Signed by the user's login key in `lk.login`. */
export function keyLoginStatement(exporter: Bytes, who: AccountId): Buffer {
  return ctx('lk-login', exporter, who.srv, who.acct)
}

/** Signed by the account key in `acct.del`. */
export function deletionStatement(exporter: Bytes, who: AccountId): Buffer {
  return ctx('acct-del', exporter, who.srv, who.acct)
}
