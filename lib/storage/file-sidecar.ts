// The bytes beside a stored file: what it is, and which of its chunks are there.
//
//   plain    "SCF1" || u32 chunks || u64 expires || u16 length || owner || check8
//   sealed   "SCF2" || u32 chunks || u16 length || sealed(u64 expires || fid(16) || owner)
//   both     u64 bytes || bitmap
//
// The first part is written once, the last overwritten in place as chunks arrive. Bits are only ever added, and only after the
// chunk itself is on disk: an overwrite that a crash cuts short leaves some of the new bits and all of the old ones, which is
// just an older truth.
import { sha256 } from '../crypto/hash.ts'
import { type Bytes, concat, equal, fromHex, hex, u32, u64, utf8, view } from '../util/bytes.ts'
import { AT_REST_OVERHEAD_BYTES, AtRest } from './at-rest.ts'
import { CHUNK_BYTES, CHUNK_COUNT, emptyBitmap } from './file-rules.ts'
import { HiddenNames } from './hidden-names.ts'

export interface FileHead {
  readonly fid: string
  readonly owner: string
  readonly chunkCount: number
  /** Milliseconds since 1970. */
  readonly expires: number
}

export interface Sidecar {
  readonly head: FileHead
  /** Where the part begins that is overwritten. */
  readonly stateAt: number
  /** Bytes of all chunks that are there. */
  readonly bytes: number
  readonly have: Buffer
}

/** How a folder of files names and describes them. */
export interface SidecarFormat {
  /** Of both files, without their endings: 32 hex digits. */
  nameOf(fid: string): string
  /** Of a file that has no chunk yet. */
  encode(head: FileHead): Buffer
  /** Null for anything that was not written whole, or not under this name. */
  decode(name: string, bytes: Bytes): Sidecar | null
}

const PLAIN = utf8('SCF1')
const SEALED = utf8('SCF2')
const MAGIC_BYTES = 4
const CHECK_BYTES = 8
const FIXED_BYTES = MAGIC_BYTES + 4 + 8 + 2
const SEALED_FIXED_BYTES = MAGIC_BYTES + 4 + 2
const FID_BYTES = 16
const OWNER_BYTES = 256

/** No sidecar is longer. */
export const SIDECAR_BYTES: number =
  FIXED_BYTES + FID_BYTES + OWNER_BYTES + AT_REST_OVERHEAD_BYTES + 8 + CHUNK_COUNT / 8

export function checkOwner(owner: string): void {
  if (utf8(owner).length > OWNER_BYTES) throw new TypeError('the name of a file owner is too long')
}

export function encodeState(bytes: number, have: Bytes): Buffer {
  return concat(u64(bytes), have)
}

function u16(value: number): Buffer {
  const out = Buffer.alloc(2)
  out.writeUInt16BE(value)
  return out
}

function startsWith(bytes: Buffer, magic: Bytes): boolean {
  return equal(bytes.subarray(0, MAGIC_BYTES), magic)
}

function withState(head: FileHead, b: Buffer, stateAt: number): Sidecar | null {
  const { chunkCount } = head
  if (chunkCount < 1 || chunkCount > CHUNK_COUNT) return null
  const have = Buffer.from(b.subarray(stateAt + 8))
  if (b.length < stateAt + 8 || have.length !== emptyBitmap(chunkCount).length) return null
  const stored = Number(b.readBigUInt64BE(stateAt))
  return { head, stateAt, bytes: Math.min(stored, chunkCount * CHUNK_BYTES), have }
}

/** Everybody who can read the folder can read what is whose. */
export const plainSidecars: SidecarFormat = {
  nameOf: (fid) => fid,
  encode: ({ owner, chunkCount, expires }) => {
    const name = utf8(owner)
    const fixed = concat(PLAIN, u32(chunkCount), u64(expires), u16(name.length), name)
    const check = sha256(fixed).subarray(0, CHECK_BYTES)
    return concat(fixed, check, encodeState(0, emptyBitmap(chunkCount)))
  },
  decode: (fid, bytes) => {
    const b = view(bytes)
    if (b.length < FIXED_BYTES || !startsWith(b, PLAIN)) return null
    const ownerAt = FIXED_BYTES
    const checkAt = ownerAt + b.readUInt16BE(ownerAt - 2)
    const stateAt = checkAt + CHECK_BYTES
    const check = sha256(b.subarray(0, checkAt)).subarray(0, CHECK_BYTES)
    if (!equal(b.subarray(checkAt, stateAt), check)) return null
    const head = {
      fid,
      owner: b.toString('utf8', ownerAt, checkAt),
      chunkCount: b.readUInt32BE(MAGIC_BYTES),
      expires: Number(b.readBigUInt64BE(MAGIC_BYTES + 4)),
    }
    return withState(head, b, stateAt)
  },
}

/** Without the key nobody can tell whose a file is, which one, and until when. Its size and chunks show. */
export function sealedSidecars(master: Bytes): SidecarFormat {
  const cipher = new AtRest(master, 'files')
  const names = new HiddenNames(master)
  const nameOf = (fid: string): string => names.of('files', fid)
  return {
    nameOf,
    encode: ({ fid, owner, chunkCount, expires }) => {
      const fixed = concat(SEALED, u32(chunkCount))
      const sealed = cipher.seal(fixed, concat(u64(expires), fromHex(fid), utf8(owner)))
      return concat(...[fixed, u16(sealed.length), sealed], encodeState(0, emptyBitmap(chunkCount)))
    },
    decode: (name, bytes) => {
      const b = view(bytes)
      if (b.length < SEALED_FIXED_BYTES || !startsWith(b, SEALED)) return null
      const stateAt = SEALED_FIXED_BYTES + b.readUInt16BE(SEALED_FIXED_BYTES - 2)
      const sealed = b.subarray(SEALED_FIXED_BYTES, stateAt)
      const opened = cipher.open(b.subarray(0, MAGIC_BYTES + 4), sealed)
      if (opened === null || opened.length < 8 + FID_BYTES) return null
      const head = {
        fid: hex(opened.subarray(8, 8 + FID_BYTES)),
        owner: opened.toString('utf8', 8 + FID_BYTES),
        chunkCount: b.readUInt32BE(MAGIC_BYTES),
        expires: Number(opened.readBigUInt64BE(0)),
      }
      return nameOf(head.fid) === name ? withState(head, b, stateAt) : null
    },
  }
}
