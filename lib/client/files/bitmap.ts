// Which chunks the server has: `have` of `file.stat` (PROTOCOL 14.2).

/** Chunk 0 is the highest bit of byte 0 (PROTOCOL 14.2). */
export function hasChunk(have: Uint8Array, index: number): boolean {
  return (((have[index >> 3] ?? 0) >> (7 - (index & 7))) & 1) === 1
}
