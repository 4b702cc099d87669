// How this terminal can show a picture, told by its environment: asking the terminal itself would mean to wait for an answer
// that some never give. Pure.
import type { Theme } from '../../theme.ts'

/** The graphics protocols of kitty and iTerm2, sixel, half blocks in colours, nothing. */
export type Graphics = 'kitty' | 'iterm' | 'sixel' | 'blocks' | 'none'

type Env = Readonly<Record<string, string | undefined>>

const NAMES: readonly Graphics[] = ['kitty', 'iterm', 'sixel', 'blocks', 'none']
/** From this version on Konsole knows the protocol of kitty. */
const KONSOLE = 220400

/** SECURECHAT_PREVIEW names one by hand. */
export function graphicsOf(env: Env, theme: Theme): Graphics {
  if (!theme.colour || !theme.unicode || theme.depth < 256) return 'none'
  const asked = NAMES.find((name) => name === env['SECURECHAT_PREVIEW'])
  if (asked !== undefined) return asked
  const term = env['TERM'] ?? ''
  // A multiplexer keeps what it does not know from the terminal behind it.
  if (env['TMUX'] !== undefined || env['STY'] !== undefined || /^(screen|tmux)/.test(term)) {
    return 'blocks'
  }
  return ofTerminal(env, term)
}

function ofTerminal(env: Env, term: string): Graphics {
  const program = env['TERM_PROGRAM'] ?? ''
  if (program === 'iTerm.app' || env['LC_TERMINAL'] === 'iTerm2') return 'iterm'
  if (program === 'WezTerm' || program === 'mintty') return 'iterm'
  if (env['KITTY_WINDOW_ID'] !== undefined || term === 'xterm-kitty') return 'kitty'
  if (program === 'ghostty' || term === 'xterm-ghostty') return 'kitty'
  if (Number(env['KONSOLE_VERSION'] ?? 0) >= KONSOLE) return 'kitty'
  if (/^(foot|mlterm|contour|yaft)/.test(term) || term.includes('sixel')) return 'sixel'
  return 'blocks'
}
