// Several hosts on one machine: network namespaces behind one bridge, so that a host can be unreachable from another and its
// cable pulled. Where this user may not make them, loopback addresses stand for hosts, and `kind` says so.
import { execFileSync } from 'node:child_process'

export interface Host {
  readonly name: string
  readonly ip: string
  /** What a program is started behind, to run there. */
  readonly prefix: readonly string[]
}

interface Testing {
  log(...words: string[]): void
  teardown(fn: () => Promise<unknown>): void
}

export class Hosts {
  readonly kind: 'namespaces' | 'loopback'
  readonly #id = `sc${String(process.pid)}`
  #count = 0

  constructor(t: Testing) {
    this.kind = this.#bridge() ? 'namespaces' : 'loopback'
    t.log(
      this.kind === 'namespaces'
        ? 'each host is a network namespace of its own'
        : 'network namespaces are not available to this user: addresses 127.0.0.x stand for hosts',
    )
    t.teardown(() => {
      this.#close()
      return Promise.resolve()
    })
  }

  /** The server is 1, people follow. */
  add(): Host {
    const n = ++this.#count
    if (this.kind === 'loopback') {
      return { name: '', ip: `127.0.0.${String(n)}`, prefix: [] }
    }
    const name = `${this.#id}-${String(n)}`
    const ip = `10.213.0.${String(n)}`
    run('ip', 'netns', 'add', name)
    const plug = `${this.#id}v${String(n)}`
    const pair = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', name]
    within(this.#hub, 'ip', 'link', 'add', plug, ...pair)
    within(this.#hub, 'ip', 'link', 'set', plug, 'master', 'br0', 'up')
    within(name, 'ip', 'addr', 'add', `${ip}/24`, 'dev', 'eth0')
    within(name, 'ip', 'link', 'set', 'eth0', 'up')
    within(name, 'ip', 'link', 'set', 'lo', 'up')
    return { name, ip, prefix: ['ip', 'netns', 'exec', name] }
  }

  /** Nobody on this host reaches that port of another one any more; answers to what came from there still go out. */
  forbid(at: Host, to: Host, port: number): void {
    if (this.kind === 'loopback') throw new Error('loopback addresses always reach each other')
    const rule = ['to', to.ip, 'ipproto', 'tcp', 'dport', String(port), 'prohibit']
    within(at.name, 'ip', 'rule', 'add', ...rule)
  }

  /** The cable between two of them is pulled: both send into nothing. */
  part(one: Host, other: Host): void {
    within(one.name, 'ip', 'route', 'add', 'blackhole', `${other.ip}/32`)
    within(other.name, 'ip', 'route', 'add', 'blackhole', `${one.ip}/32`)
  }

  get #hub(): string {
    return `${this.#id}-hub`
  }

  #bridge(): boolean {
    try {
      run('ip', 'netns', 'add', this.#hub)
      within(this.#hub, 'ip', 'link', 'add', 'br0', 'type', 'bridge')
      within(this.#hub, 'ip', 'link', 'set', 'br0', 'up')
      return true
    } catch {
      this.#close()
      return false
    }
  }

  #close(): void {
    for (let n = 1; n <= this.#count; n++) quietly('ip', 'netns', 'del', `${this.#id}-${String(n)}`)
    quietly('ip', 'netns', 'del', this.#hub)
  }
}

function run(program: string, ...args: readonly string[]): void {
  execFileSync(program, args, { stdio: 'pipe' })
}

function within(name: string, program: string, ...args: readonly string[]): void {
  run('ip', 'netns', 'exec', name, program, ...args)
}

function quietly(program: string, ...args: readonly string[]): void {
  try {
    run(program, ...args)
  } catch {
    // it was not there
  }
}
