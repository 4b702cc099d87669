// The number of the own device list that each login brings: less than this device has seen is a rollback, more has to be
// fetched (PROTOCOL 5.4).
import type { Bytes } from '../../util/bytes.ts'
import { codeOf } from '../../util/errors.ts'
import type { Log } from '../../util/log.ts'
import { checkNotOlder } from '../account/own-list.ts'
import type { Emit } from '../emitter.ts'
import type { Link } from '../link.ts'
import type { Directory } from './directory.ts'
import type { Peer } from './peer.ts'

export interface OwnListDeps {
  readonly acct: Bytes
  readonly link: Link
  readonly directory: Directory
  readonly me: () => Peer
  readonly log: Log
  readonly emit: Emit
}

export function watchOwnList({ acct, link, directory, me, log, emit }: OwnListDeps): void {
  let newest = 0
  link.add({
    listed: (n) => {
      try {
        checkNotOlder(me(), n)
      } catch (error) {
        const text = error instanceof Error ? error.message : ''
        emit({ type: 'notice', level: 'alarm', code: codeOf(error), text })
        throw error
      }
      newest = n
    },
    online: () => {
      if (newest <= me().pin.n) return
      directory.refresh(acct).catch((error: unknown) => {
        log.warn('client.own-list', { code: codeOf(error) })
      })
    },
  })
}
