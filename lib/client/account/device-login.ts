// The everyday login: the device key signs this very connection (PROTOCOL 4.4, 5.3).
import type { RsaPrivateKey } from '../../crypto/rsa.ts'
import type { DeviceId } from '../../identity/conversation.ts'
import { deviceLoginStatement } from '../../identity/login-proof.ts'
import { codeOf, SecureChatError } from '../../util/errors.ts'
import type { Wire } from '../wire.ts'

export interface DeviceLogin {
  /** Mails that wait. */
  readonly mail: number
  /** The number of the own device list. */
  readonly n: number
}

/** @throws E_AUTH when the account does not have this device (any more) */
export async function loginDevice(
  wire: Wire,
  device: DeviceId,
  dsk: RsaPrivateKey,
): Promise<DeviceLogin> {
  const sig = await dsk.signAsync(deviceLoginStatement(wire.exporter, device))
  const { acct, dev } = device
  try {
    wire.login = await wire.request('dev.login', { acct, dev, sig })
    return wire.login
  } catch (error) {
    if (codeOf(error) !== 'E_AUTH') throw error
    throw new SecureChatError(
      'E_AUTH',
      'The server does not accept this device any more: it was removed, or the account is closed. Log in with your password.',
      { cause: error },
    )
  }
}
