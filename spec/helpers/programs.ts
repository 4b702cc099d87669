// The two programs as a person or a script starts them: real processes, real ports, throw-away folders.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../../bin/', import.meta.url))
/** The programs find this Node first. */
const PATH = dirname(process.execPath) + delimiter + (process.env['PATH'] ?? '')
const PATIENCE_MS = 120_000

/** What a program of bin/ gives to Node. */
export function nodeFlags(name: string): string[] {
  const line = /exec node (.*) "\$0"/.exec(readFileSync(join(BIN, name), 'utf8'))
  return line?.[1]?.split(' ') ?? []
}

/** For what needs a port that it can name: below those that the system gives out, and another for each spec. */
export const OWN_PORT = 20_000 + (process.pid % 10_000)

export const PASSWORD = 'tomato-window-14-ladder'

/** A folder that is gone after the test; made with mode 0700 by mkdtemp. */
export async function scratch(t: { teardown(fn: () => Promise<void>): void }): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'securechat-spec-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

export class Program {
  readonly child: ChildProcess
  readonly exited: Promise<number | string>
  stdout = ''
  stderr = ''
  #changed: (() => void)[] = []

  /** `prefix`: what it is started behind, to run on another host (hosts.ts). */
  constructor(
    name: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    prefix: readonly string[] = [],
  ) {
    const [program = '', ...rest] = [...prefix, join(BIN, name), ...args]
    this.child = spawn(program, rest, {
      env: { PATH, LANG: 'C.UTF-8', TZ: 'UTC', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
      this.#wake()
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
      this.#wake()
    })
    this.child.stdin?.on('error', () => undefined) // a killed child's pipe
    this.exited = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        resolve(code ?? signal ?? -1)
        this.#wake()
      })
    })
  }

  get all(): string {
    return this.stdout + this.stderr
  }

  line(text: string): void {
    this.child.stdin?.write(`${text}\n`)
  }

  end(): void {
    this.child.stdin?.end()
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | string> {
    this.child.kill(signal)
    return this.exited
  }

  /** The first match in what was printed so far or will be; fails with everything printed when it does not come. */
  async waitFor(pattern: RegExp, patienceMs: number = PATIENCE_MS): Promise<RegExpExecArray> {
    const deadline = Date.now() + patienceMs
    for (;;) {
      const match = pattern.exec(this.all)
      if (match !== null) return match
      if (Date.now() > deadline || this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(
          `${String(pattern)} did not come:\n${this.stdout}\n--- stderr\n${this.stderr}`,
        )
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 200)
        this.#changed.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  #wake(): void {
    const waiting = this.#changed
    this.#changed = []
    for (const wake of waiting) wake()
  }
}

export interface RunningServer {
  readonly program: Program
  readonly port: number
  readonly uri: string
  readonly home: string
}

const SERVER_KEYS = new URL('../fixtures/server-keys/', import.meta.url)

/** The identity of a server that started before: making one takes a second. */
async function giveKeys(home: string): Promise<void> {
  const keys = join(home, 'keys')
  await mkdir(keys, { recursive: true, mode: 0o700 })
  for (const name of await readdir(SERVER_KEYS)) {
    await writeFile(join(keys, name), await readFile(new URL(name, SERVER_KEYS)), { mode: 0o600 })
  }
}

/**
 * Starts a server in `home` (kept over restarts by the caller) and waits until it listens. A folder that does not exist yet
 * gets keys; one that is there and empty sees a first start.
 */
export async function startServer(
  t: { teardown(fn: () => Promise<unknown>): void },
  home: string,
  args: readonly string[] = [],
  prefix: readonly string[] = [],
): Promise<RunningServer> {
  if (!existsSync(home)) await giveKeys(home)
  const program = new Program(
    'securechat-server',
    ['--host', '127.0.0.1', '--port', '0', ...args],
    { SECURECHAT_HOME: home },
    prefix,
  )
  t.teardown(() => program.kill())
  const [uri = '', port = ''] = await program.waitFor(/securechat:\/\/[^\s:]+:(\d+)\/#[a-z2-7]+/)
  return { program, port: Number(port), uri, home }
}

/** A client in a pipe. Its home is one folder per user below `dir`. */
export function startClient(
  t: { teardown(fn: () => Promise<unknown>): void },
  server: { readonly uri: string },
  dir: string,
  args: readonly string[],
): Program {
  const program = new Program('securechat', [server.uri, ...args], {
    SECURECHAT_HOME: dir,
    SECURECHAT_PASSWORD: PASSWORD,
  })
  t.teardown(() => program.kill())
  return program
}

/** Signs `name` up with a home of its own and waits until it is in. */
export async function signUp(
  t: { teardown(fn: () => Promise<unknown>): void },
  server: { readonly uri: string },
  root: string,
  name: string,
  args: readonly string[] = [],
): Promise<Program> {
  const client = startClient(t, server, join(root, name), [
    '--register',
    '--username',
    name,
    '--download-dir',
    join(root, name, 'downloads'),
    ...args,
  ])
  await client.waitFor(/Welcome|Signed in/)
  return client
}

export async function writeScratchFile(
  dir: string,
  name: string,
  bytes: Uint8Array,
): Promise<string> {
  const path = join(dir, name)
  await writeFile(path, bytes)
  return path
}
