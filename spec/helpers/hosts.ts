// Several hosts on one machine: network namespaces behind one bridge, so that a host can be unreachable from another and its
// cable pulled. Where this user may not make them, loopback addresses stand for hosts, and `kind` says so.
import { execFileSync } from 'node:child_process'

export interface Host {
  readonly name: string
  readonly ip: string
  /** What a program is started behind, to run there. */
  readonly prefix: readonly string[]
}

/** HOSTS=loopback: as where namespaces cannot be made. */
const FORCED = process.env['HOSTS']

let made = 0

export class Hosts {
  readonly kind: 'namespaces' | 'loopback'
  /** At most ten characters: names of plugs are short. */
  readonly #id = `sc${String(process.pid)}${String.fromCharCode(97 + made++)}`
  #count = 0

  constructor() {
    this.kind = FORCED !== 'loopback' && this.#bridge() ? 'namespaces' : 'loopback'
  }

  get words(): string {
    return this.kind === 'namespaces'
      ? 'each host is a network namespace of its own'
      : 'network namespaces are not available to this user: addresses 127.0.0.x stand for hosts'
  }

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
    quietly(...inside(name), 'ip', 'addr', 'add', `${ip6Of(ip)}/64`, 'dev', 'eth0', 'nodad')
    return { name, ip, prefix: ['ip', 'netns', 'exec', name] }
  }

  /** Nobody on this host reaches that port of another one any more; answers to what came from there still go out. */
  forbid(at: Host, to: Host, port: number): void {
    this.forbidIpv4(at, to, port)
    forbidTo(at, '-6', ip6Of(to.ip), port)
  }

  /** The same, but for IPv6. */
  forbidIpv4(at: Host, to: Host, port: number): void {
    if (this.kind === 'loopback') throw new Error('loopback addresses always reach each other')
    forbidTo(at, '-4', to.ip, port)
  }

  /** The cable between two of them is pulled: both send into nothing. */
  part(one: Host, other: Host): void {
    for (const [at, to] of [
      [one, other],
      [other, one],
    ] as const) {
      within(at.name, 'ip', 'route', 'add', 'blackhole', `${to.ip}/32`)
      within(at.name, 'ip', '-6', 'route', 'add', 'blackhole', `${ip6Of(to.ip)}/128`)
    }
  }

  /**
   * What this host sends has so many Mbit/s and waits in a queue of so many ms. Beside a file that fills it, all else is as
   * late as it is long; what does not fit into a short one is lost.
   */
  narrow(at: Host, mbits: number, queueMs: number): void {
    const rate = ['rate', `${String(mbits)}mbit`, 'burst', '32k', 'latency', `${String(queueMs)}ms`]
    within(at.name, 'tc', 'qdisc', 'replace', 'dev', 'eth0', 'root', 'tbf', ...rate)
  }

  close(): void {
    if (this.kind === 'loopback') return
    for (let n = 1; n <= this.#count; n++) quietly('ip', 'netns', 'del', `${this.#id}-${String(n)}`)
    quietly('ip', 'netns', 'del', this.#hub)
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
      quietly('ip', 'netns', 'del', this.#hub)
      return false
    }
  }
}

/** `10.213.0.7` is also `fd00:213::7`. */
export function ip6Of(ip: string): string {
  return `fd00:213::${ip.split('.').at(-1) ?? ''}`
}

function forbidTo(at: Host, family: '-4' | '-6', ip: string, port: number): void {
  const rule = ['to', ip, 'ipproto', 'tcp', 'dport', String(port), 'prohibit']
  within(at.name, 'ip', family, 'rule', 'add', ...rule)
}

function inside(name: string): [string, string, string, string] {
  return ['ip', 'netns', 'exec', name]
}

function run(program: string, ...args: readonly string[]): void {
  execFileSync(program, args, { stdio: 'pipe' })
}

function within(name: string, ...command: readonly string[]): void {
  const [program, ...args] = [...inside(name), ...command]
  run(program, ...args)
}

function quietly(program: string, ...args: readonly string[]): void {
  try {
    run(program, ...args)
  } catch {
    // it was not there
  }
}
