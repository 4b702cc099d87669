// Where fresh private keys come from: the thread pool, unless the composition root says otherwise.
import { type RsaBits, RsaPrivateKey } from '../../crypto/rsa.ts'
import { InboxKeys } from '../../envelope/inbox-keys.ts'

export interface KeyMaker {
  rsa(bits: RsaBits): Promise<RsaPrivateKey>
  inbox(): Promise<InboxKeys>
}

export const freshKeys: KeyMaker = {
  rsa: (bits) => RsaPrivateKey.generate(bits),
  inbox: () => InboxKeys.generate(),
}
