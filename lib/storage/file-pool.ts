// Which stored files are open: a bounded number, the least recently used closed first, each shared by all who work on it.
import type { StoredFile } from './stored-file.ts'

interface Slot {
  readonly file: Promise<StoredFile>
  users: number
  /** Called once when nobody works on the file any more. */
  onIdle: (() => void) | undefined
}

/** One descriptor each; the usual limit of a process is 1024 and connections need theirs. */
const OPEN_FILES = 128

function ignore(): undefined {
  return undefined
}

export class FilePool {
  readonly #openFiles: number
  /** The most recently used is last. */
  readonly #slots = new Map<string, Slot>()
  /** Being closed or removed: whoever wants to open it waits. */
  readonly #closing = new Map<string, Promise<void>>()
  #wantRoom: (() => void)[] = []

  constructor(openFiles: number = OPEN_FILES) {
    this.#openFiles = openFiles
  }

  /** Runs `use` on the file; `open` is called if it is not open. Whoever works on one file must not ask for another. */
  async use<T>(
    fid: string,
    open: () => Promise<StoredFile>,
    use: (file: StoredFile) => Promise<T>,
  ): Promise<T> {
    const slot = await this.#enter(fid, open)
    try {
      return await use(await slot.file)
    } finally {
      this.#leave(slot)
    }
  }

  /** Waits for those who work on the file, closes it without saving, and runs `remove` before anybody opens it again. */
  async remove(fid: string, remove: () => Promise<void>): Promise<void> {
    while (this.#closing.has(fid)) await this.#closing.get(fid)
    const slot = this.#slots.get(fid)
    const removing = (async () => {
      if (slot !== undefined) await this.#idle(slot)
      await slot?.file.then((file) => file.abandon()).catch(ignore)
      await remove()
    })()
    await this.#close(fid, removing)
  }

  /** Saves and closes all that nobody works on. Resolves when done; rejects with the first error. */
  async close(): Promise<void> {
    await Promise.all(this.#closing.values())
    const slots = [...this.#slots.values()]
    this.#slots.clear()
    const all = await Promise.allSettled(slots.map(async ({ file }) => (await file).close()))
    for (const result of all) if (result.status === 'rejected') throw result.reason
  }

  async #enter(fid: string, open: () => Promise<StoredFile>): Promise<Slot> {
    for (;;) {
      const closing = this.#closing.get(fid)
      const known = this.#slots.get(fid)
      if (closing !== undefined) await closing
      else if (known !== undefined) return this.#reuse(fid, known)
      else if (this.#slots.size < this.#openFiles) return this.#add(fid, open())
      else await this.#makeRoom()
    }
  }

  #reuse(fid: string, slot: Slot): Slot {
    slot.users++
    this.#slots.delete(fid)
    this.#slots.set(fid, slot)
    return slot
  }

  #add(fid: string, file: Promise<StoredFile>): Slot {
    const slot: Slot = { file, users: 1, onIdle: undefined }
    this.#slots.set(fid, slot)
    file.catch(() => {
      if (this.#slots.get(fid) === slot) this.#slots.delete(fid)
    })
    return slot
  }

  #leave(slot: Slot): void {
    if (--slot.users > 0) return
    slot.onIdle?.()
    const waiting = this.#wantRoom
    this.#wantRoom = []
    for (const wake of waiting) wake()
  }

  async #idle(slot: Slot): Promise<void> {
    if (slot.users === 0) return
    await new Promise<void>((resolve) => {
      slot.onIdle = resolve
    })
  }

  async #makeRoom(): Promise<void> {
    for (const [fid, slot] of this.#slots) {
      if (slot.users > 0) continue
      // what could not be saved is missing in the sidecar, and the sender is asked for it again
      await this.#close(fid, slot.file.then((file) => file.close()).catch(ignore))
      return
    }
    await new Promise<void>((resolve) => this.#wantRoom.push(resolve))
  }

  async #close(fid: string, closing: Promise<void>): Promise<void> {
    this.#slots.delete(fid)
    const settled = closing.catch(ignore)
    this.#closing.set(fid, settled)
    try {
      await closing
    } finally {
      this.#closing.delete(fid)
    }
  }
}
