// Notes of the front end in the sealed local store: small texts by name, and the lines typed on this device, a record each, so
// that one more line costs one more line on the disk.
import { decodeStrict, encode } from '../../protocol/cbor.ts'
import { check, map, s } from '../../protocol/shape.ts'
import type { Records } from '../../storage/ports.ts'
import type { Notebook } from '../notebook-api.ts'
import type { Guard } from './life.ts'

const NOTES = 'front'
const LINES = 'typed'
export const LINES_MAX = 500
/** What is longer was pasted: nobody looks for it with the arrow keys. */
export const LINE_CHARS_MAX = 2000
const PAGE = 200
const NOTE = map({ t: s(4096) })
const LINE = map({ t: s(4 * LINE_CHARS_MAX), c: s(64) })
const ID_DIGITS = 12

export class RecordNotebook implements Notebook {
  readonly #records: Records
  readonly #open: Guard
  /** Ids of the lines, oldest first, once they were read. */
  #ids: string[] | null = null
  #turn: Promise<unknown> = Promise.resolve()

  constructor(records: Records, open: Guard) {
    this.#records = records
    this.#open = open
  }

  read(name: string): Promise<string | null> {
    return this.#open(async () => {
      const record = await this.#records.get(NOTES, name)
      return record === null ? null : check(NOTE, decodeStrict(record.body), 'note').t
    })
  }

  write(name: string, text: string): Promise<void> {
    return this.#open(() => this.#records.put(NOTES, name, encode({ t: text })))
  }

  lines(): Promise<readonly string[]> {
    return this.#alone(async () => {
      const lines = await this.#all()
      return lines.map(({ text }) => text)
    })
  }

  addLine(text: string, conv: string): Promise<void> {
    return this.#alone(async () => {
      if (text.length > LINE_CHARS_MAX) return
      const ids = this.#ids ?? (await this.#load())
      const id = String(Number(ids.at(-1) ?? 0) + 1).padStart(ID_DIGITS, '0')
      const keys = { index: { all: 'yes', ...(conv === '' ? {} : { conv }) } }
      const t = text.replace(/\p{Cs}/gu, '\uFFFD')
      await this.#records.put(LINES, id, encode({ t, c: conv }), keys)
      ids.push(id)
      const old = ids.splice(0, ids.length - LINES_MAX)
      if (old.length > 0) await this.#records.deleteMany(LINES, old)
    })
  }

  forgetLines(conv: string): Promise<void> {
    return this.#alone(async () => {
      const gone = (await this.#all()).filter((line) => line.conv === conv).map(({ id }) => id)
      await this.#records.deleteMany(LINES, gone)
      this.#ids = (this.#ids ?? []).filter((id) => !gone.includes(id))
    })
  }

  async #load(): Promise<string[]> {
    await this.#all()
    return (this.#ids ??= [])
  }

  async #all(): Promise<{ readonly id: string; readonly text: string; readonly conv: string }[]> {
    const lines: { id: string; text: string; conv: string }[] = []
    let after: string | null = null
    for (;;) {
      const page = await this.#records.list(LINES, 'all', 'yes', after, PAGE)
      for (const { id, body } of page) {
        const { t, c } = check(LINE, decodeStrict(body), 'typed')
        lines.push({ id, text: t, conv: c })
      }
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) break
      after = last.id
    }
    this.#ids = lines.map(({ id }) => id)
    return lines
  }

  /** One after the other: numbers are given here. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(() => this.#open(work))
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}
