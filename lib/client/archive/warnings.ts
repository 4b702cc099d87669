// What a person reads when the history on the server is not as it should be.
import { type Bytes, hex } from '../../util/bytes.ts'
import type { ErrorCode } from '../../util/errors.ts'

const SENTENCES: Partial<Record<ErrorCode, string>> = {
  E_GAP: 'A part is missing in the middle of it. The rest was read.',
  E_ROLLBACK: 'It ends earlier than it did. The server has lost or hides the newest part.',
  E_FORK: 'One part does not follow the one before: the server has changed or exchanged it.',
  E_DECRYPT: 'A part of it does not open with the keys of your account. It was left out.',
  E_FORMAT: 'A part of it holds something that is no message. It was left out.',
  E_NO_DEVICE: 'That device was never yours. Nothing of it was read.',
  E_TOO_BIG: 'The server takes no more of it: new messages are kept on this device only.',
}

export function warning(code: ErrorCode, dev: Bytes): string {
  const what = SENTENCES[code] ?? 'It could not be read.'
  return `History of your device ${hex(dev)} on the server: ${what}`
}
