// The one place that touches nedb-promises, reduced to what a durable collection needs and typed as it really behaves:
// its published types know neither file modes, nor asynchronous encoders, nor compaction on demand.
import Datastore from 'nedb-promises'

import { FILE_MODE, FOLDER_MODE } from '../durable.ts'
import type { LineCodec } from './lines.ts'

/** A document as NeDB keeps it. Numbers as _id: strings such as '__proto__' would be lost at the next start. */
export interface Doc {
  readonly _id: number
}

export interface Engine<D extends Doc> {
  /** Reads the file and writes it anew without its garbage. Rejects if a single line cannot be decoded. */
  load(): Promise<void>
  /** What is in memory: the documents themselves, not copies. */
  getAllData(): D[]
  /** All or nothing in memory, one append to the file, no fsync. */
  insertMany(docs: readonly D[]): Promise<unknown>
  removeMany(query: { readonly _id: { readonly $in: readonly number[] } }): Promise<number>
  compactDatafileAsync(): Promise<void>
}

interface EngineOptions {
  readonly filename: string
  readonly corruptAlertThreshold: number
  readonly modes: { readonly fileMode: number; readonly dirMode: number }
  readonly afterSerialization: (line: string) => string | Promise<string>
  readonly beforeDeserialization: (line: string) => string
}

/** Lines encoded without a pause. A compaction encodes the whole collection in one go and would hold up everybody. */
const LINES_PER_TURN = 64

/** No JSON: what NeDB counts as a corrupt line. */
const UNDECODABLE = '!'

export function createEngine<D extends Doc>(path: string, lines: LineCodec): Engine<D> {
  let encoded = 0
  const options: EngineOptions = {
    filename: path,
    // a dropped line is a lost message: refuse instead (tail.ts has already cut what a crash may leave)
    corruptAlertThreshold: 0,
    modes: { fileMode: FILE_MODE, dirMode: FOLDER_MODE },
    afterSerialization: (line) => {
      if (++encoded % LINES_PER_TURN !== 0) return lines.encode(line)
      return new Promise((resolve) => {
        setImmediate(() => {
          resolve(lines.encode(line))
        })
      })
    },
    beforeDeserialization: (line) => lines.decode(line) ?? UNDECODABLE,
  }
  const factory = Datastore as unknown as { create(options: EngineOptions): Engine<D> }
  return factory.create(options)
}
