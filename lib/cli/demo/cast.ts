// The people of the demo: each a messenger of their own, with a folder of their own, typing on an imaginary keyboard.
import { Writable } from 'node:stream'

import { dial } from '../../channel/tcp.ts'
import { connect } from '../../client/connect.ts'
import type { ClientDeps } from '../../client/ports.ts'
import { silentLog } from '../../util/log.ts'
import { finishRegistration, signedIn } from '../client/account-commands.ts'
import { App } from '../client/app.ts'
import { createClientHome } from '../client/client-home.ts'
import { runLine } from '../client/dispatch.ts'
import { LineFront } from '../client/lines.ts'
import { present } from '../client/present.ts'
import { createNodeFiles } from '../node-files.ts'
import { systemClock } from '../system-clock.ts'

const PATIENCE_MS = 60_000
const DIAL_MS = 5_000

export interface Stage {
  readonly host: string
  readonly port: number
  readonly srv: Uint8Array
  say(line: string): void
}

export class Person {
  readonly name: string
  readonly downloads: string
  readonly #stage: Stage
  readonly #folder: string
  #app: App
  #seen = ''

  constructor(name: string, folder: string, stage: Stage) {
    this.name = name
    this.#stage = stage
    this.#folder = folder
    this.downloads = `${folder}/downloads`
    this.#app = this.#newApp()
  }

  async register(password: string): Promise<void> {
    this.#typed(`!register ${this.name}`)
    await this.#app.connect(this.#stage)
    await finishRegistration(this.#app, {
      username: this.name,
      password,
      displayName: '',
      invite: '',
      email: '',
      confirmCode: () => undefined,
    })
  }

  /** Account and device, hex. */
  get ids(): { readonly acct: string; readonly dev: string } {
    return this.#app.requireSession().me
  }

  /** Opens the messenger again: the device key is enough. */
  async comeBack(): Promise<void> {
    this.#app = this.#newApp()
    const lobby = await this.#app.connect(this.#stage)
    signedIn(this.#app, await lobby.resume(this.name))
  }

  async type(line: string): Promise<void> {
    this.#typed(line)
    const error = await runLine(this.#app, line)
    if (error !== null) throw error
    await this.#app.session?.settled()
  }

  /** Waits until it has been on this person's screen. */
  async sees(pattern: RegExp): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS
    while (!pattern.test(this.#seen)) {
      if (Date.now() > deadline) throw new Error(`${this.name} never saw ${String(pattern)}`)
      await new Promise((resolve) => {
        setTimeout(resolve, 20)
      })
    }
  }

  hasSeen(text: string): boolean {
    return this.#seen.includes(text)
  }

  async deleteAccount(password: string): Promise<void> {
    await this.#app.requireSession().account.delete(password)
  }

  async leave(): Promise<void> {
    this.#typed('!quit')
    await this.#app.close()
  }

  async close(): Promise<void> {
    await this.#app.close()
  }

  #typed(line: string): void {
    this.#stage.say(`${this.name.padEnd(6)}> ${line}`)
  }

  #newApp(): App {
    const screen = this.#screen()
    const front = new LineFront({ input: process.stdin, output: screen, errors: screen })
    const deps: ClientDeps = {
      dial: (host, port) => dial({ host, port, timeoutMs: DIAL_MS }),
      home: createClientHome(
        { keys: `${this.#folder}/keys`, data: `${this.#folder}/data` },
        systemClock,
        silentLog,
      ),
      files: createNodeFiles(this.downloads),
      clock: systemClock,
      log: silentLog,
    }
    return new App({
      connect,
      deps,
      front,
      lock: false,
      present,
      quit: () => undefined,
      sleep: (ms) =>
        new Promise((resolve) => {
          setTimeout(resolve, ms)
        }),
    })
  }

  #screen(): Writable {
    return new Writable({
      decodeStrings: false,
      write: (text: string, _encoding, done) => {
        this.#seen += text
        for (const line of text.split('\n').filter((l) => l !== '')) {
          this.#stage.say(`${this.name.padEnd(6)}| ${line}`)
        }
        done()
      },
    })
  }
}
