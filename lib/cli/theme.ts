// The only home of chalk: what a role looks like, and which glyphs this terminal can show. Knows no layout.
// Colour never carries a fact alone: every role is also a word, a mark or a place on the row.
import { Chalk } from 'chalk'

/** How a message of ours stands. The two cells of a tick are at column 6 of its row. */
export type TickState = 'queued' | 'sent' | 'delivered' | 'read' | 'failed' | 'held'

export interface Glyphs {
  /** Exactly two cells each. */
  readonly tick: Readonly<Record<TickState, string>>
  readonly down: string
  readonly up: string
  /** Stands for a line break inside the line being typed. */
  readonly newline: string
  /** Before the chosen row of a menu. */
  readonly pointer: string
  /** Behind the name of somebody whose safety number was compared. */
  readonly verified: string
}

// East-Asian-neutral glyphs only: box drawing, arrows, dots and the ellipsis take two cells in CJK terminals.
const UNICODE: Glyphs = {
  tick: {
    queued: '..',
    sent: '\u2713 ',
    delivered: '\u2713\u2713',
    read: '\u2713R',
    failed: '\u2717 ',
    held: '!!',
  },
  down: '\u21e3',
  up: '\u21e1',
  newline: '\u23ce',
  pointer: '\u203a',
  verified: '\u2713',
}
const ASCII: Glyphs = {
  tick: { queued: '..', sent: '+ ', delivered: '++', read: '+R', failed: 'X ', held: '!!' },
  down: '<',
  up: '>',
  newline: '$',
  pointer: '>',
  verified: '+',
}

/**
 * What names are painted with where there are 256 colours: all of middling brightness, so that each stands out from white
 * and from black by 3.3:1 or more, and none looks like a warning or an error.
 */
const PEERS_256 = {
  peer0: 166,
  peer1: 136,
  peer2: 100,
  peer3: 64,
  peer4: 29,
  peer5: 31,
  peer6: 33,
  peer7: 63,
  peer8: 135,
  peer9: 165,
  peer10: 168,
  peer11: 132,
} as const
const WARN_256 = 130
type PeerRole = keyof typeof PEERS_256
export const PEER_ROLES = Object.keys(PEERS_256) as PeerRole[]

export const ROLES = [
  'time',
  'me',
  'peer',
  'chat',
  'info',
  'warn',
  'error',
  'alert',
  'question',
  'section',
  'muted',
  'ok',
  'command',
  'prompt',
  'progress',
  'qr',
  'bold',
  'italic',
  'struck',
  'code',
] as const
export type Role = (typeof ROLES)[number] | PeerRole

/** Two pixels in one cell, 0xRRGGBB. */
export interface Pixels {
  readonly upper: number
  readonly lower: number
}

export interface Theme {
  readonly colour: boolean
  /** Whether more than ASCII can be shown. */
  readonly unicode: boolean
  /** How many colours a picture may have; 16: too few for one. */
  readonly depth: 16 | 256 | 16_777_216
  readonly glyphs: Glyphs
  /** `text` must already be fit for a terminal; it comes back wrapped in the colours of `role`. */
  paint(role: Role, text: string): string
  /** `text` of half blocks in the colours of a picture. */
  pixels(pixels: Pixels, text: string): string
}

export interface ThemeOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether the output is a terminal. */
  readonly tty: boolean
  /** --no-color: beats everything else. */
  readonly noColor?: boolean
}

export function createTheme(options: ThemeOptions): Theme {
  const colour = wantsColour(options)
  // Sixteen colours are enough, and they are the ones that the user's own terminal theme defines.
  const chalk = new Chalk({ level: colour ? 1 : 0 })
  const depth = depthOf(options)
  const many = new Chalk({ level: colour ? 2 : 0 })
  const styles: Record<(typeof ROLES)[number], (text: string) => string> = {
    time: chalk.dim,
    me: chalk.green,
    peer: chalk.cyan,
    chat: chalk.magenta,
    info: chalk.dim,
    // the yellow of most themes cannot be read on a light ground
    warn: depth > 16 ? many.ansi256(WARN_256) : chalk.yellow,
    error: chalk.red,
    alert: chalk.bold.red,
    question: chalk.bold,
    section: chalk.bold,
    muted: chalk.dim,
    ok: chalk.green,
    command: chalk.bold,
    prompt: chalk.bold,
    progress: chalk.cyan,
    bold: chalk.bold,
    italic: chalk.italic,
    struck: chalk.strikethrough,
    code: chalk.cyan,
    qr: qrStyle(options),
  }
  const peer = peerStyle(colour, depth)
  const unicode = !wantsAscii(options)
  const painter = new Chalk({ level: colour && depth > 16 ? (depth > 256 ? 3 : 2) : 0 })
  return {
    colour,
    depth,
    unicode,
    glyphs: unicode ? UNICODE : ASCII,
    paint: (role, text) => {
      if (text === '') return ''
      return isPeer(role) ? peer(role)(text) : styles[role](text)
    },
    pixels: ({ upper, lower }, text) => painter.rgb(...parts(upper)).bgRgb(...parts(lower))(text),
  }
}

/** The same person has the same colour everywhere and always: it comes from the id of the account (hex). */
export function peerRole(acct: string): Role {
  const seed = Number.parseInt(acct.slice(0, 8), 16)
  return (Number.isNaN(seed) ? undefined : PEER_ROLES[seed % PEER_ROLES.length]) ?? 'peer'
}

function isPeer(role: Role): role is PeerRole {
  return role in PEERS_256
}

/** Of the sixteen that the user's own theme defines, only two can be read on any ground and mean nothing else here. */
function peerStyle(
  colour: boolean,
  depth: Theme['depth'],
): (role: PeerRole) => (text: string) => string {
  const chalk = new Chalk({ level: !colour ? 0 : depth === 16 ? 1 : 2 })
  if (depth > 16) return (role) => chalk.ansi256(PEERS_256[role])
  return (role) => (PEERS_256[role] % 2 === 0 ? chalk.cyan : chalk.magenta)
}

function parts(rgb: number): [number, number, number] {
  return [(rgb >> 16) & 255, (rgb >> 8) & 255, rgb & 255]
}

function depthOf({ env }: ThemeOptions): Theme['depth'] {
  if (env['WT_SESSION'] !== undefined) return 16_777_216 // Windows Terminal names no TERM
  const term = env['TERM'] ?? ''
  const colours = env['COLORTERM'] ?? ''
  if (colours === 'truecolor' || colours === '24bit' || /-direct|kitty|ghostty/.test(term)) {
    return 16_777_216
  }
  return colours !== '' || term.includes('256') || /^(foot|contour|mlterm)/.test(term) ? 256 : 16
}

/** NO_COLOR (no-color.org: present and not empty), FORCE_COLOR, TERM=dumb; chalk itself ignores the first. */
function wantsColour({ env, tty, noColor }: ThemeOptions): boolean {
  if (noColor === true) return false
  const force = env['FORCE_COLOR']
  if (force !== undefined) return force !== '0' && force !== 'false'
  return (env['NO_COLOR'] ?? '') === '' && tty && env['TERM'] !== 'dumb'
}

/** A code without explicit black on white is inverted on a light terminal and many scanners fail: no NO_COLOR here. */
function qrStyle({ env, tty }: ThemeOptions): (text: string) => string {
  if (!tty || env['TERM'] === 'dumb') return (text) => text
  const chalk = new Chalk({ level: 1 })
  return chalk.whiteBright.bgBlack
}

function wantsAscii({ env }: ThemeOptions): boolean {
  const asked = env['SECURECHAT_ASCII'] ?? ''
  if (asked !== '' && asked !== '0') return true
  if (env['TERM'] === 'linux') return true // the font of the kernel console has no check marks
  if (env['WT_SESSION'] !== undefined) return false // Windows Terminal sets no locale
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find((name) => (name ?? '') !== '')
  return !/utf-?8/iu.test(locale ?? '')
}
