// Shows a file that is a picture: reads it, has it decoded, and prints what this terminal can show of it. A protocol of graphics is
// used once, when the picture is printed; whatever draws the rows again gets half blocks, which are rows like any other.
import type { FileAccess } from '../../../client/ports.ts'
import { fail } from '../../../util/errors.ts'
import type { PictureShow } from '../front.ts'
import type { Entry, Row } from '../rows.ts'
import { CSI } from '../terminal.ts'
import { blockRows } from './blocks.ts'
import type { Decode } from './decoder.ts'
import type { Graphics } from './graphics.ts'
import { HEAD_BYTES, imageKind } from './image-kind.ts'
import type { Box, Raster } from './raster.ts'
import { pictureSequence } from './sequences.ts'

export interface PicturesOptions {
  readonly graphics: Exclude<Graphics, 'none'>
  readonly files: Pick<FileAccess, 'openRead'>
  readonly decode: Decode
  readonly print: (entry: Entry) => void
  readonly room: () => { readonly cols: number; readonly rows: number }
}

const MAX_BYTES = 20_000_000
const MAX_COLS = 60
const MAX_ROWS = 20
/** Left free beside and around a picture. */
const INDENT = 2
const OTHER_ROWS = 6
/** Cells of a terminal font are about so large; kitty and iTerm2 scale to cells, sixel does not, so it gets the smallest. */
const CELL = { width: 10, height: 20 } as const
const SIXEL_CELL = { width: 6, height: 12 } as const

export class Pictures implements PictureShow {
  readonly #options: PicturesOptions
  /** The end: whoever quits does not wait for a preview. */
  readonly #end = new AbortController()
  /** One at a time: each may take half a gigabyte. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: PicturesOptions) {
    this.#options = options
  }

  show(path: string): Promise<void> {
    const turn = this.#turn.then(() => this.#show(path))
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  close(): void {
    this.#end.abort()
  }

  async #show(path: string): Promise<void> {
    const { graphics, decode, print, room } = this.#options
    const bytes = await this.#read(path)
    const { cols, rows } = room()
    const box = {
      width: Math.max(1, Math.min(MAX_COLS, cols - 1 - INDENT)),
      height: Math.max(1, Math.min(MAX_ROWS, rows - OTHER_ROWS)),
    }
    const cell = graphics === 'sixel' ? SIXEL_CELL : CELL
    const fine: Box = { width: box.width * cell.width, height: box.height * cell.height }
    const boxes = [{ ...box, height: box.height * 2 }, fine]
    const [small, large] = await decode(bytes, boxes, this.#end.signal)
    if (small === undefined || large === undefined) fail('E_INTERNAL')
    print(entryOf(small, large, cell, graphics))
  }

  async #read(path: string): Promise<Uint8Array> {
    const file = await this.#options.files.openRead(path)
    try {
      const head = await file.read(0, Math.min(HEAD_BYTES, file.size))
      if (imageKind(Buffer.from(head)) === null) {
        fail('E_FORMAT', 'This is no PNG, JPEG or GIF.')
      }
      if (file.size > MAX_BYTES) fail('E_TOO_BIG', 'The image is too large for a preview.')
      return await file.read(0, file.size)
    } finally {
      await file.close()
    }
  }
}

/** Rows of half blocks; the first time, where the terminal can, room of the same kind with the picture drawn over it. */
function entryOf(small: Raster, large: Raster, cell: Box, graphics: Graphics): Entry {
  const cells = {
    cols: Math.max(1, Math.ceil(large.width / cell.width)),
    rows: Math.max(1, Math.ceil(large.height / cell.height)),
  }
  let sequence = pictureSequence(large, cells, graphics)
  const blocks = blockRows(small).map((row): Row => [{ text: ' '.repeat(INDENT) }, ...row])
  return () => {
    if (sequence === null) return blocks
    const rows: Row[] = Array.from({ length: cells.rows + 1 }, () => [])
    // From the last row, when there is room for all of them: up, draw, and back to where the cursor was.
    const there = `\x1b7\r${CSI}${String(cells.rows)}A${CSI}${String(INDENT)}C`
    rows[cells.rows] = [{ text: '', graphic: `${there}${sequence}\x1b8` }]
    sequence = null
    return rows
  }
}
