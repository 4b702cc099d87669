// What --help and --print-config say; generated from the tables.
import { spanText } from '../../util/span.ts'
import { EXIT, EXIT_MEANINGS } from '../exit-codes.ts'
import { OPERATOR_COMMANDS } from './operator/options.ts'
import { isReloadable, type ServerSettings, SETTINGS } from './settings.ts'
import { variableOf } from './sources.ts'

const COLUMN = 36
const WIDTH = 80
/** The rest are limits. */
const EVERYDAY = [
  'host',
  'port',
  'publicHost',
  'maxClients',
  'registration',
  'metricsPort',
  'data',
  'keys',
  'launchPasswordFile',
  'launchPasswordFd',
  'storage',
  'logLevel',
  'logAddresses',
  'systemd',
]

function row(left: string, right: string): string {
  const gap =
    left.length < COLUMN ? ' '.repeat(COLUMN - left.length) : `\n${' '.repeat(COLUMN + 2)}`
  return `  ${left}${gap}${wrapped(right, WIDTH - COLUMN - 2).join(`\n${' '.repeat(COLUMN + 2)}`)}`
}

/** Rows of at most `cols` characters, broken at blanks. */
function wrapped(text: string, cols: number): string[] {
  const rows: string[] = []
  for (const word of text.split(' ')) {
    const last = rows.at(-1)
    if (last === undefined || last.length + 1 + word.length > cols) rows.push(word)
    else rows[rows.length - 1] = `${last} ${word}`
  }
  return rows
}

function settingRows(defaults: ServerSettings, wanted: (name: string) => boolean): string {
  const shown = new Map<string, string | number | boolean | null>(Object.entries(defaults))
  return [...SETTINGS]
    .filter(([name]) => wanted(name))
    .map(([name, { flag, placeholder, help }]) => {
      const value = shown.get(name)
      const usual = typeof value === 'number' && placeholder === 'TIME' ? spanText(value) : value
      const fallback =
        typeof usual === 'string' || typeof usual === 'number' ? ` (default: ${usual})` : ''
      const mark = isReloadable(name) ? ' *' : ''
      return row(
        `--${flag}${placeholder === null ? '' : ` ${placeholder}`}`,
        help + fallback + mark,
      )
    })
    .join('\n')
}

export function serverHelp(defaults: ServerSettings): string {
  const everyday = (name: string): boolean => EVERYDAY.includes(name)
  const exits = Object.keys(EXIT) as readonly (keyof typeof EXIT)[]
  return `securechat-server - relays end-to-end encrypted messages that it cannot read

Usage: securechat-server [OPTIONS]
       securechat-server COMMAND [OPTIONS]
       securechat-server setup [--yes] [OPTIONS]
       securechat-server passwd [--remove]
       (where nobody can be asked: --new-password-file FILE, --new-password-fd N)

Without options it starts at once: makes its keys if there are none and prints
the invite for clients.

${settingRows(defaults, everyday)}
${row('--config FILE', 'JSON object with settings, like {"port": 7800, "maxClients": 50}')}
${row('--debug', 'the same as --log-level debug')}
${row('--print-config', 'print the settings in force as such a file, and end')}
${row('-V, --version', 'print the version, and end')}
${row('-h, --help', 'print this, and end')}

Commands for the operator, of a running server or on its folder:
${OPERATOR_COMMANDS.map(({ name, usage, summary }) => row(usage === '' ? name : `${name} ${usage}`, summary)).join('\n')}
${row('--json', 'with any command: the result as JSON')}

setup asks for the settings that matter, tries them and writes them into
server.config.json beside the keys, which a start without --config then reads.
With --yes it asks nothing and takes what options, variables and defaults say.

passwd sets, changes or removes the launch password, under which the keys (and
so everything in the data folder) are sealed. The server then asks for it at its
start, or takes it from --launch-password-file, --launch-password-fd or the
systemd credential launch-password.

Limits:
${settingRows(defaults, (name) => !everyday(name))}

Every setting is also a variable (${variableOf('max-clients')},
${variableOf('config')}) and a name in the file (maxClients). The option wins over
the variable, the variable over the file. SECURECHAT_HOME moves the folders of
keys and data. A setting marked * takes a new value at SIGHUP or by the command
reload, the others at the next start. Ctrl-C or SIGTERM stops gracefully:
clients are told, and what was accepted is on the disk.

Exit codes:
${exits.map((name) => `  ${String(EXIT[name]).padStart(3)}  ${EXIT_MEANINGS[name]}`).join('\n')}
`
}

/** Works as a config file. */
export function printedConfig(settings: ServerSettings): string {
  return `${JSON.stringify(settings, null, 2)}\n`
}
