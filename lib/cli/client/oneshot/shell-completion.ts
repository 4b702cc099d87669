// `securechat completion bash|zsh|fish`: completion scripts made from the tables of options and one-shot commands, so that
// they cannot fall behind. Names of people and groups come from `securechat complete`, which reads this device's disk only and
// tells nothing while another program has it open.
import { fail } from '../../../util/errors.ts'
import { ONE_SHOTS, type OneShotRow } from './table.ts'

const SHELLS = ['bash', 'zsh', 'fish']

export interface OptionWord {
  readonly name: string
  readonly takesValue: boolean
}

const ROWS: readonly OneShotRow[] = Object.values(ONE_SHOTS)
const TAKES_CHAT = ROWS.filter(({ chat }) => chat !== 'none').map(({ name }) => name)
const SHARED: readonly OptionWord[] = [
  { name: 'json', takesValue: false },
  { name: 'username', takesValue: true },
  { name: 'host', takesValue: true },
  { name: 'help', takesValue: false },
]
/** Options whose value is a path. */
const PATHS = ['file', 'password-file', 'key', 'debug']
const FOLDERS = ['download-dir']

/** @throws E_USAGE */
export function shellCompletion(shell: string | undefined, options: readonly OptionWord[]): string {
  if (shell === 'bash') return bash(options)
  if (shell === 'zsh') return zsh(options)
  if (shell === 'fish') return fish(options)
  return fail('E_USAGE', `Usage: securechat completion ${SHELLS.join('|')}`)
}

/** zsh runs the script of bash by its own emulation; a script in fpath is loaded by the first Tab, which it then answers. */
function zsh(options: readonly OptionWord[]): string {
  return `#compdef securechat
autoload -U +X bashcompinit && bashcompinit
${bash(options)}if [[ $funcstack[1] = _securechat ]]; then eval $_comps[securechat]; fi
`
}

function optionsOf(row: OneShotRow): OptionWord[] {
  return [
    ...row.options.map(({ name, value }) => ({ name, takesValue: value !== null })),
    ...SHARED,
  ]
}

function words(options: readonly OptionWord[]): string {
  return options.map(({ name }) => `--${name}`).join(' ')
}

function cases(names: readonly string[]): string {
  return names.map((name) => `--${name}`).join('|')
}

function bash(options: readonly OptionWord[]): string {
  const all = [...options, ...ROWS.flatMap(optionsOf)]
  const other = new Set(all.filter(({ takesValue }) => takesValue).map(({ name }) => name))
  for (const name of [...PATHS, ...FOLDERS]) other.delete(name)
  return [
    '# Source it, or put it where your shell looks for completions.',
    ...NAMES_BASH,
    '_securechat() {',
    '  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}',
    '  COMPREPLY=()',
    '  case $prev in',
    `    ${cases(PATHS)}) COMPREPLY=($(compgen -f -- "$cur")); return ;;`,
    `    ${cases(FOLDERS)}) COMPREPLY=($(compgen -d -- "$cur")); return ;;`,
    `    ${cases([...other])}) return ;;`,
    `    completion) COMPREPLY=($(compgen -W "${SHELLS.join(' ')}" -- "$cur")); return ;;`,
    '  esac',
    '  if [ "$COMP_CWORD" -eq 1 ] && [ "${cur#-}" = "$cur" ]; then',
    `    COMPREPLY=($(compgen -W "${[...ROWS.map(({ name }) => name), 'completion'].join(' ')}" -- "$cur"))`,
    '    return',
    '  fi',
    `  local first='^[^ ]+ +(${TAKES_CHAT.join('|')}) +([^ -][^ ]*)?$'`,
    '  if [[ ${COMP_LINE:0:$COMP_POINT} =~ $first ]]; then _securechat_names; return; fi',
    '  case ${COMP_WORDS[1]} in',
    ...ROWS.map((row) => `    ${row.name}) set -- ${words(optionsOf(row))} ;;`),
    `    *) set -- ${words(options)} ;;`,
    '  esac',
    '  COMPREPLY=($(compgen -W "$*" -- "$cur"))',
    '}',
    'complete -F _securechat securechat',
    '',
  ].join('\n')
}

/** What is typed may begin with @ or #, the latter quoted. */
const NAMES_BASH = [
  '_securechat_names() {',
  '  local typed=${COMP_LINE:0:$COMP_POINT} name bare quote=',
  '  typed=${typed##* }',
  '  case $typed in \\"*|\\\'*) quote=1 ;; esac',
  '  bare=${typed#[\\\\\\"\\\']}',
  '  while IFS= read -r name; do',
  '    case $name in "$bare"*) ;; *) continue ;; esac',
  '    case $quote$name in "#"*) name="\\\\$name" ;; esac',
  '    COMPREPLY+=("$name")',
  '  done < <(securechat complete 2>/dev/null)',
  '}',
]

function fish(options: readonly OptionWord[]): string {
  const line = (condition: string, { name, takesValue }: OptionWord): string => {
    const value = PATHS.includes(name) || FOLDERS.includes(name) ? ' -r -F' : ' -x'
    return `complete -c securechat -n '${condition}' -l ${name}${takesValue ? value : ''}`
  }
  const names = ROWS.map(({ name }) => name)
  return [
    'complete -c securechat -f',
    ...ROWS.map(
      ({ name, summary }) =>
        `complete -c securechat -n __fish_use_subcommand -a ${name} -d '${summary}'`,
    ),
    `complete -c securechat -n __fish_use_subcommand -a completion -d 'Prints a completion script.'`,
    `complete -c securechat -n '__fish_seen_subcommand_from completion' -a '${SHELLS.join(' ')}'`,
    `complete -c securechat -n '__fish_seen_subcommand_from ${TAKES_CHAT.join(' ')}; and test (count (commandline -opc)) -eq 2' -a '(securechat complete 2>/dev/null)'`,
    ...ROWS.flatMap((row) =>
      optionsOf(row).map((option) => line(`__fish_seen_subcommand_from ${row.name}`, option)),
    ),
    ...options.map((option) => line(`not __fish_seen_subcommand_from ${names.join(' ')}`, option)),
    '',
  ].join('\n')
}
