// The named structures of PROTOCOL 14.1: their TypeScript types and their checks.
import { shapeOf, type TypeOf } from './notation.ts'
import type { Shape } from './shape.ts'

/** Account and device of a sender. */
export type From = TypeOf<'from'>
/** Host (text form of an address) and port. */
export type Address = TypeOf<'addr'>
/** RSA ciphertext, ML-KEM ciphertext, sealed stream secret (PROTOCOL 6.2). */
export type Wrap = TypeOf<'wrap'>
/** Conversation and the last message read there. */
export type SeenMark = TypeOf<'seen'>
/** Name and version of a blob. */
export type BlobVersion = TypeOf<'blobv'>
/** Device, sequence number and H(d)[0:16] of its last history batch. */
export type HistoryHead = TypeOf<'hhead'>
/** A conversation that was deleted on the sending device: number and time of its mark there. */
export type GoneChat = TypeOf<'gone'>
/** Sequence number, epoch and sealed batch. */
export type HistoryRow = TypeOf<'hrow'>
/** Device, first and last sequence number of its history. */
export type HistoryDevice = TypeOf<'hdev'>
export type VaultSlot = TypeOf<'slot'>
export type Vault = TypeOf<'vault'>
/** A device list with its signature and the key history (PROTOCOL 5.4). */
export type SignedDeviceList = TypeOf<'dl'>
/** The inbox keys of one device, signed (PROTOCOL 5.5). */
export type SignedBundle = TypeOf<'bundle'>

export const from: Shape<From> = shapeOf('from')
export const addr: Shape<Address> = shapeOf('addr')
export const wrap: Shape<Wrap> = shapeOf('wrap')
export const seen: Shape<SeenMark> = shapeOf('seen')
export const blobv: Shape<BlobVersion> = shapeOf('blobv')
export const hhead: Shape<HistoryHead> = shapeOf('hhead')
export const gone: Shape<GoneChat> = shapeOf('gone')
export const hrow: Shape<HistoryRow> = shapeOf('hrow')
export const hdev: Shape<HistoryDevice> = shapeOf('hdev')
export const slot: Shape<VaultSlot> = shapeOf('slot')
export const vault: Shape<Vault> = shapeOf('vault')
export const dl: Shape<SignedDeviceList> = shapeOf('dl')
export const bundle: Shape<SignedBundle> = shapeOf('bundle')
