// The one injective context encoding. Every AAD, KDF info and signature input of the protocol is a ctx (PROTOCOL 2),
// and every label it may carry is listed here.
import { type Bytes, u32 } from '../util/bytes.ts'

const LABELS = [
  // signatures (PROTOCOL 3)
  'server-cert',
  'server-succ',
  's2s-login',
  'devices',
  'aik-succ',
  'reg',
  'acct-del',
  'bundle',
  'dev-login',
  'msg-sig',
  'group',
  'lk-login',
  // outer channel (PROTOCOL 4)
  'ch-key',
  'ch',
  'sa-key',
  'sa',
  'c2s key',
  'c2s iv',
  's2c key',
  's2c iv',
  'exporter',
  'rekey',
  'rebind',
  'pow',
  // accounts (PROTOCOL 3, 5)
  'seal',
  'local',
  'cid',
  'vault',
  'slot',
  'recovery',
  'safety',
  // envelope streams (PROTOCOL 6)
  'dm',
  'mid',
  'commit',
  'head',
  'wrap',
  'chain',
  'msg',
  // files, history, blobs (PROTOCOL 10, 11)
  'file',
  'chunk',
  'history',
  'hist',
  'blob',
  // direct links (PROTOCOL 12)
  'p2p-mac',
  'p2p',
  // this program's own files and server-internal keys; never on the wire
  'store-line',
  'store-names',
  'backup',
  'local-store',
  'launch-password',
  'server-key',
  'dummy',
  'pair',
] as const

export type Label = (typeof LABELS)[number]

const PREFIXES: ReadonlyMap<Label, Buffer> = new Map(
  LABELS.map((label) => {
    const text = Buffer.from(`SC1 ${label}`, 'ascii')
    return [label, Buffer.concat([Buffer.of(text.length), text])]
  }),
)

/**
 * ctx(label, p1..pn) = u8(len L) || L || (u32(len pi) || pi)*, L = "SC1 " || label.
 *
 * @throws RangeError for a label outside the table: a programmer's mistake, never input.
 */
export function ctx(label: Label, ...parts: readonly Bytes[]): Buffer {
  const prefix = PREFIXES.get(label)
  if (prefix === undefined) throw new RangeError(`unknown context label ${label}`)
  const pieces: Bytes[] = [prefix]
  for (const part of parts) pieces.push(u32(part.length), part)
  return Buffer.concat(pieces)
}
