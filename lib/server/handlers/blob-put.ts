// Compare-and-swap on the version of a blob (PROTOCOL 11, 14.2).
import { equal } from '../../util/bytes.ts'
import { getBlob, hasRoomForBlob, putBlob } from '../blobs.ts'
import type { RequestHandler } from '../handler.ts'
import { refuse } from '../refusal.ts'

export const blobPut: RequestHandler<'blob.put'> = async (caller, { name, ver, e, d }) => {
  const { services, device } = caller
  const { records, config } = services
  for (;;) {
    const current = await getBlob(records, device.id, name)
    if (current !== null && current.ver === ver && current.e === e && equal(current.d, d)) return {}
    if (ver !== (current?.ver ?? 0) + 1) refuse('E_CAS', { n: current?.ver ?? 0 })
    if (current === null && !(await hasRoomForBlob(records, device.id, config.blobsPerAccount))) {
      refuse('E_TOO_BIG', { n: config.blobsPerAccount })
    }
    // a lost race ends in E_CAS at the next turn
    if (await putBlob(records, device.id, name, { ver, e, d }, current)) return {}
  }
}
