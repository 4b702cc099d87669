// Runs the small programs of spec/storage/programs in a process of their own, because they are to be killed or starved.
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

import { bundled } from '../helpers/bundled.ts'

export interface Program {
  readonly child: ChildProcess
  /** What it printed so far, by line. */
  readonly lines: string[]
  /** Resolves to the exit code, null after a signal; whatever it said on stderr fails the caller. */
  readonly exited: Promise<number | null>
}

/** `prefix` wraps the command line: ['unshare', '-m'] or a shell with limits. */
export function program(
  name: string,
  args: readonly string[],
  prefix: readonly string[] = [],
  onLine: (line: string, child: ChildProcess) => void = () => undefined,
): Program {
  const file = bundled(new URL(`programs/${name}.ts`, import.meta.url))
  const words = [...prefix, process.execPath, file, ...args]
  const [command = '', ...rest] = words
  const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'pipe'] })
  const lines: string[] = []
  let complaints = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk.toString('utf8')
  })
  const read = new Promise<void>((resolve) => {
    const reader = createInterface({ input: child.stdout })
    reader.on('line', (line) => {
      lines.push(line)
      onLine(line, child)
    })
    reader.on('close', resolve)
  })
  const exited = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code !== 0 && signal === null) reject(new Error(`exit ${code ?? '?'}: ${complaints}`))
      else resolve(code)
    })
  })
  return { child, lines, exited: Promise.all([exited, read]).then(([code]) => code) }
}
