// The file that logs in without a password: what was written is read again, and nothing else is taken for one.
import test from 'ava'

import { decodeLoginKeyFile, encodeLoginKeyFile } from '../../lib/identity/login-key-file.ts'
import { rsa3072 } from '../helpers/keys.ts'
import { SRV } from '../helpers/people.ts'
import { outcome } from '../helpers/refusals.ts'

const who = { srv: SRV, acct: Buffer.alloc(32, 1), host: 'chat.example.org', port: 7700 }
const file = encodeLoginKeyFile({ ...who, key: rsa3072(2) })

test('written and read, also by way of a system with other line ends', (t) => {
  for (const bytes of [file, Buffer.from(file.toString().replaceAll('\n', '\r\n'))]) {
    const { key, ...rest } = decodeLoginKeyFile(bytes)
    t.deepEqual(key.publicKey.spki, rsa3072(2).publicKey.spki)
    t.deepEqual({ ...rest, srv: Buffer.from(rest.srv), acct: Buffer.from(rest.acct) }, who)
  }
  t.true(file.length < 4096)
  t.true(file.toString().startsWith('securechat login key 1\n'))
})

test('anything else is refused', (t) => {
  for (let end = 0; end < file.length - 1; end += 97) {
    t.is(
      outcome(() => decodeLoginKeyFile(file.subarray(0, end))),
      'E_FORMAT',
    )
  }
  const text = file.toString()
  for (const other of [
    '',
    'securechat login key 1',
    text.replace('key 1', 'key 2'),
    text.slice(1),
    `${text}AAAA`,
    `${text}${'A'.repeat(9000)}`,
  ]) {
    t.is(
      outcome(() => decodeLoginKeyFile(Buffer.from(other))),
      'E_FORMAT',
      other.slice(0, 40),
    )
  }
})
