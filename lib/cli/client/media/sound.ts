// Recording and playing by the programs that the system has for it: which are there, how each is called, and that none of them goes
// on when nobody wants it any more. Only files whose content is sound are given to a player, and as what they are: a player that
// may guess would follow a playlist into the network.
import { type ChildProcess, spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join, resolve } from 'node:path'

import type { Clock } from '../../../util/clock.ts'
import { fail, SecureChatError } from '../../../util/errors.ts'
import { safeInline } from '../../sanitise.ts'
import { PLAYERS, RECORDERS, type SoundKind, type Tool } from './sound-tools.ts'

export interface SoundSystem {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly platform: string
  readonly clock: Clock
}

export interface Recording {
  readonly tool: string
  /** Rejects as soon as it cannot go on: no microphone, no room. Never resolves. */
  readonly failed: Promise<never>
  /** Resolves when the file is complete. */
  stop(): Promise<void>
}

/** After that long without an end it is ended by force. */
const STOP_MS = 3000
const COMPLAINT_CHARS = 200

export class Sound {
  readonly #system: SoundSystem
  readonly #running = new Set<ChildProcess>()
  #playing: ChildProcess | null = null

  constructor(system: SoundSystem) {
    this.#system = system
  }

  /** Ends by itself after `maxMs`. @throws E_NOT_FOUND when there is no program for it */
  async record(file: string, maxMs: number): Promise<Recording> {
    const { clock, platform } = this.#system
    const tool = await this.#first(RECORDERS, 'record', () => true)
    const { child, ended } = this.#start(tool.path, tool.args(file, 'wav', platform))
    let isStopped = false
    const failed = ended.then(({ complaint }) =>
      isStopped
        ? new Promise<never>(() => undefined)
        : fail('E_FILE', `${tool.name} cannot record: ${complaint}`),
    )
    failed.catch(() => undefined)
    const stop = async (): Promise<void> => {
      isStopped = true
      timer.cancel()
      child.kill('SIGINT') // all of them complete their file then
      const force = clock.after(STOP_MS, () => child.kill('SIGKILL'))
      await ended
      force.cancel()
    }
    const timer = clock.after(maxMs, () => void stop())
    return { tool: tool.name, failed, stop }
  }

  /** Resolves when it has been heard, or was stopped. @throws E_NOT_FOUND, E_FILE */
  async play(file: string, kind: SoundKind, begun: (tool: string) => void): Promise<void> {
    const { platform } = this.#system
    const tool = await this.#first(PLAYERS, 'play', ({ kinds }) => kinds.includes(kind))
    this.stopPlaying()
    const { child, ended } = this.#start(tool.path, tool.args(resolve(file), kind, platform))
    this.#playing = child
    begun(tool.name)
    const { code, complaint } = await ended
    const isWanted = this.#playing === child
    if (isWanted) this.#playing = null
    if (isWanted && code !== 0) fail('E_FILE', `${tool.name} cannot play it: ${complaint}`)
  }

  /** False: nothing was playing. */
  stopPlaying(): boolean {
    const child = this.#playing
    this.#playing = null
    return child?.kill('SIGTERM') ?? false
  }

  /** The end: nothing goes on without the messenger. */
  stop(): void {
    this.#playing = null
    for (const child of this.#running) child.kill('SIGTERM')
  }

  async #first(
    tools: readonly Tool[],
    verb: string,
    fits: (tool: Tool) => boolean,
  ): Promise<Tool & { readonly path: string }> {
    const fitting = tools.filter(
      (tool) => fits(tool) && tool.platforms?.includes(this.#system.platform) !== false,
    )
    for (const tool of fitting) {
      const path = await this.#find(tool.name)
      if (path !== null) return { ...tool, path }
    }
    const names = fitting.map(({ name, from }) => (from === name ? name : `${name} (${from})`))
    return fail(
      'E_NOT_FOUND',
      `There is no program here to ${verb} with. One of: ${names.join(', ')}.`,
    )
  }

  async #find(name: string): Promise<string | null> {
    for (const folder of (this.#system.env['PATH'] ?? '').split(delimiter)) {
      const path = join(folder, name)
      if (folder === '') continue
      const isThere = await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
      if (isThere) return path
    }
    return null
  }

  #start(
    path: string,
    args: readonly string[],
  ): {
    readonly child: ChildProcess
    readonly ended: Promise<{ readonly code: number | null; readonly complaint: string }>
  } {
    const child = spawn(path, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...this.#system.env },
    })
    this.#running.add(child)
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(0, COMPLAINT_CHARS)
    })
    const ended = new Promise<{ code: number | null; complaint: string }>((done) => {
      child.once('error', (error) => {
        done({ code: -1, complaint: safeInline(error.message) })
      })
      child.once('close', (code) => {
        done({
          code,
          complaint: safeInline(said.trim().split('\n')[0] ?? '') || 'it gives no reason',
        })
      })
    }).finally(() => this.#running.delete(child))
    return { child, ended }
  }
}

/** What a file is by its first bytes. @throws E_FORMAT */
export function soundKind(head: Buffer): SoundKind {
  const text = head.toString('latin1')
  if (/^RIFF[\s\S]{4}WAVE/.test(text)) return 'wav'
  if (text.startsWith('OggS')) return 'ogg'
  if (text.startsWith('fLaC')) return 'flac'
  if (text.startsWith('ID3') || (head[0] === 0xff && ((head[1] ?? 0) & 0xe6) === 0xe2)) return 'mp3'
  throw new SecureChatError(
    'E_FORMAT',
    'This is no sound that can be played: WAV, Ogg, FLAC or MP3.',
  )
}
