// Login with a key file instead of the password (PROTOCOL 5.3): the key signs this very connection, and its slot opens the
// vault. Then the device is added as after a password.
import { keyLoginStatement } from '../../identity/login-proof.ts'
import { loginKeyId } from '../../identity/device-list-body.ts'
import type { LoginKeyFile } from '../../identity/login-key-file.ts'
import { type Bytes, equal } from '../../util/bytes.ts'
import { codeOf, fail, SecureChatError } from '../../util/errors.ts'
import type { Wire } from '../wire.ts'
import { type AccountProof, opened } from './password-login.ts'

/** @throws E_SERVER_IDENTITY on another server, E_AUTH when the account does not know the key (any more) */
export async function proveKeyFile(
  wire: Wire,
  srv: Bytes,
  file: LoginKeyFile,
): Promise<AccountProof> {
  const { acct, key } = file
  if (!equal(file.srv, srv)) {
    fail('E_SERVER_IDENTITY', 'This key file belongs to an account on another server.')
  }
  const sig = await key.signAsync(keyLoginStatement(wire.exporter, { srv, acct }))
  try {
    const reply = await wire.request('lk.login', { acct, id: loginKeyId(key.publicKey), sig })
    return opened(srv, undefined, reply, { by: 'login-key', key }, acct)
  } catch (error) {
    if (codeOf(error) !== 'E_AUTH') throw error
    throw new SecureChatError(
      'E_AUTH',
      'This key file opens nothing here: the key was removed, or the account is gone.',
      { cause: error },
    )
  }
}
