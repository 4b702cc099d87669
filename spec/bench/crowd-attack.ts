// Somebody hostile on this machine, in a process of its own: `crowd-attack.ts KIND PORT`. Bounded in what it opens at once and
// a second, and ends with its parent. It comes from two hundred loopback addresses, so that limits per address are no help.
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { setPriority } from 'node:os'

const ADDRESSES = 200
const TURN_MS = 20

interface Attack {
  /** Connections that it keeps open at most. */
  readonly open: number
  readonly perSecond: number
  start(socket: Socket): void
}

/** Long enough for a ClientHello, and refused only by the private RSA operation or the puzzle. */
function hello(): Buffer {
  const frame = Buffer.concat([Buffer.of(0, 0, 2, 0, 2), randomBytes(511)])
  frame.fill(0, 5, 13)
  return frame
}

const ATTACKS: Readonly<Record<string, Attack>> = {
  garbage: {
    open: 500,
    perSecond: 500,
    start: (socket) => socket.write(randomBytes(4096)),
  },
  hellos: {
    open: 500,
    perSecond: 500,
    start: (socket) => socket.once('data', () => socket.write(hello())),
  },
  'slow loris': {
    open: 1000,
    perSecond: 500,
    start: (socket) => {
      const bytes = hello()
      let at = 0
      const timer = setInterval(() => {
        socket.write(bytes.subarray(at, ++at))
      }, 1000)
      socket.once('close', () => {
        clearInterval(timer)
      })
    },
  },
  'half-open': { open: 1000, perSecond: 500, start: () => undefined },
}

const [kind = '', port = '0'] = process.argv.slice(2)
const attack = ATTACKS[kind]
if (attack === undefined) throw new Error(`there is no attack called ${kind}`)
setPriority(10)
let [open, made] = [0, 0]
const since = performance.now()
setInterval(() => {
  const due = ((performance.now() - since) * attack.perSecond) / 1000
  for (; made < due && open < attack.open; made++) {
    open += 1
    const localAddress = `127.100.0.${String(1 + (made % ADDRESSES))}`
    const socket = connect({ host: '127.0.0.1', port: Number(port), localAddress })
    socket.on('error', () => undefined)
    socket.once('connect', () => {
      attack.start(socket)
    })
    socket.on('data', () => undefined)
    socket.once('close', () => {
      open -= 1
    })
  }
  if (open >= attack.open) made = Math.max(made, Math.floor(due))
}, TURN_MS)
process.send?.({})
process.on('message', () => process.send?.({ made, open }))
process.on('disconnect', () => process.exit(0))
