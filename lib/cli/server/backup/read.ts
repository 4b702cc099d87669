// A backup as a stream of parts, sealed or not.
import type { Bytes } from '../../../util/bytes.ts'
import { concat, equal } from '../../../util/bytes.ts'
import { fail } from '../../../util/errors.ts'
import { damaged, decodeArchive, type PartHead, type PartSink } from './archive.ts'
import { openStream, SEALED_MAGIC } from './sealed.ts'

/** @throws E_CORRUPT, E_AUTH for a missing or wrong passphrase, and what `open` throws */
export async function readBackup(
  source: AsyncIterable<Bytes>,
  passphrase: string,
  open: (head: PartHead) => Promise<PartSink>,
): Promise<PartHead[]> {
  const chunks = source[Symbol.asyncIterator]()
  let start: Buffer = Buffer.alloc(0)
  while (start.length < SEALED_MAGIC.length) {
    const next = await chunks.next()
    if (next.done === true) return damaged('it is too short')
    start = concat(start, next.value)
  }
  const isSealed = equal(start.subarray(0, SEALED_MAGIC.length), SEALED_MAGIC)
  const rest = again(isSealed ? start.subarray(SEALED_MAGIC.length) : start, chunks)
  if (!isSealed) {
    // whoever can write where backups lie could else put one of his own in the place of a sealed one
    if (passphrase !== '') {
      fail(
        'E_AUTH',
        'This backup is not sealed: no passphrase belongs to it. Is it the one you made?',
      )
    }
    return decodeArchive(rest, open)
  }
  if (passphrase === '') {
    fail('E_AUTH', 'This backup is sealed. Name a file with its passphrase: --passphrase-file FILE')
  }
  return decodeArchive(openStream(passphrase, rest), open)
}

async function* again(start: Bytes, rest: AsyncIterator<Bytes>): AsyncGenerator<Bytes> {
  yield start
  for (;;) {
    const next = await rest.next()
    if (next.done === true) return
    yield next.value
  }
}
