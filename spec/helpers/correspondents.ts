// People with inbox keys who write to each other in envelope streams.
import { acceptHead, type AcceptedHead, type HeadView } from '../../lib/envelope/head-check.ts'
import { decodeHead } from '../../lib/envelope/head.ts'
import { InboxKeys } from '../../lib/envelope/inbox-keys.ts'
import { ReceiverStream } from '../../lib/envelope/receiver-stream.ts'
import { type SenderOptions, SenderStream } from '../../lib/envelope/sender-stream.ts'
import { signBundle, type VerifiedBundle, verifyBundle } from '../../lib/identity/bundle.ts'
import { convId } from '../../lib/identity/conversation.ts'
import type { DeviceList } from '../../lib/identity/device-list-body.ts'
import { encode } from '../../lib/protocol/cbor.ts'
import type { SignedBundle, Wrap } from '../../lib/protocol/composites.ts'
import { encodePayload } from '../../lib/protocol/payloads.ts'
import { type Bytes, equal } from '../../lib/util/bytes.ts'
import { rsa2048 } from './keys.ts'
import { DAY, type Person, person, type PersonOptions, SRV, T0 } from './people.ts'

export interface Correspondent extends Person {
  readonly inbox: InboxKeys
  readonly bundle: VerifiedBundle
}

/** Inbox keys from fixed parts: RSA key 8 + `key`, seeds filled with `key`. */
export function fixedInboxKeys(key: number): InboxKeys {
  const rsa = rsa2048(8 + key).exportPkcs8()
  return InboxKeys.restore(
    encode({ rsa, x: Buffer.alloc(32, key + 1), pq: Buffer.alloc(64, key + 1) }),
  )
}

export function signedBundleOf(who: Person, inbox: InboxKeys): Promise<SignedBundle> {
  const { srv, acct, dev } = who
  const { rsa, x, pq } = inbox
  const life = { nb: T0, na: T0 + 30 * DAY }
  const body = { srv, acct, dev, n: 1, rq: 0 as const, rsa, x, pq, ...life }
  return signBundle(who.dsk, body)
}

export async function correspondent(name: string, options: PersonOptions): Promise<Correspondent> {
  const who = await person(name, options)
  const inbox = fixedInboxKeys(options.key)
  const signed = await signedBundleOf(who, inbox)
  return { ...who, inbox, bundle: verifyBundle(who.verified.list, signed, T0) }
}

export const dm = (a: Person, b: Person): Buffer => convId(a, b)

export function text(body: string, id: Bytes = Buffer.alloc(16, 7)): Buffer {
  return encodePayload({ k: 'text', id, ts: T0, b: body })
}

/** A stream from one person to others, in the conversation of the first two unless told otherwise. */
export function streamFrom(
  from: Correspondent,
  to: readonly Correspondent[],
  options: Partial<SenderOptions> = {},
): Promise<SenderStream> {
  return SenderStream.open({
    srv: SRV,
    conv: dm(from, to[0] ?? from),
    from,
    dsk: from.dsk,
    recipients: to.map((r) => r.bundle),
    now: T0,
    ...options,
  })
}

/** What `me` knows when everybody in `known` is a verified contact. */
export function viewOf(
  me: Person,
  known: readonly Person[],
  lists: readonly DeviceList[] = known.map((p) => p.verified.list),
): HeadView {
  return {
    me,
    listOf: (acct) => lists.find((l) => equal(l.acct, acct)),
    peerOf: (conv) => known.find((p) => equal(convId(me, p), conv))?.acct,
  }
}

/** The wrap that a stream holds for one recipient. */
export function wrapFor(stream: Pick<SenderStream, 'head' | 'wraps'>, me: Person): Wrap {
  const at = decodeHead(stream.head).to.findIndex(
    (r) => equal(r.acct, me.acct) && equal(r.dev, me.dev),
  )
  const wrap = stream.wraps[at]
  if (wrap === undefined) throw new RangeError('not a recipient of this stream')
  return wrap
}

export function inboxOf(me: Correspondent): (klid: Bytes) => InboxKeys | undefined {
  return (klid) => (equal(klid, me.bundle.klid) ? me.inbox : undefined)
}

/** Accepts without any rule, for specs of what comes after the rules. */
export function unchecked(head: Bytes, me: Person, sender: Person): AcceptedHead {
  const decoded = decodeHead(head)
  const position = decoded.to.findIndex((r) => equal(r.acct, me.acct) && equal(r.dev, me.dev))
  const klid = decoded.to[position]?.klid ?? Buffer.alloc(16)
  return { head: decoded, position, klid, peer: sender.acct, senderKey: sender.dsk.publicKey }
}

export function receive(
  stream: Pick<SenderStream, 'head' | 'wraps'>,
  me: Correspondent,
  sender: Correspondent,
  wrap: Wrap = wrapFor(stream, me),
): Promise<ReceiverStream> {
  const accepted = acceptHead(decodeHead(stream.head), viewOf(me, [me, sender]))
  return ReceiverStream.open(accepted, wrap, inboxOf(me))
}
