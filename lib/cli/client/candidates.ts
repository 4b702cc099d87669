// What Tab may complete at the cursor: commands, people, paths of files. Pure but for the folder that a path names.
import { readdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'

import { safeLine } from '../sanitise.ts'
import type { App } from './app.ts'
import { COMMANDS, findCommand } from './commands.ts'
import type { Completion } from './completion.ts'

const MAX_ENTRIES = 2000
const TAKES_PERSON = [
  ...['chat', 'history', 'block', 'unblock', 'file', 'verify', 'trust', 'accept'],
  ...['new', 'mute', 'delete', 'disappear', 'pin'],
]
const NONE: Completion = { from: 0, items: [] }

export async function candidates(app: App, line: string, offset: number): Promise<Completion> {
  const typed = line.slice(0, offset)
  const [, mark = '', start = ''] = /^([!/@])(\S*)$/.exec(typed) ?? []
  if (mark === '@') return people(app, 1, start, '')
  if (mark !== '') {
    const names = COMMANDS.map((c) => c.name).filter((name) => name.startsWith(start.toLowerCase()))
    return { from: 1, items: names.map((name) => `${name} `) }
  }
  const [, name = '', rest = ''] = /^[!/](\S+)\s+([\s\S]*)$/.exec(typed) ?? []
  const command = findCommand(name.toLowerCase())?.name ?? ''
  const from = offset - rest.length
  if (TAKES_PERSON.includes(command) && !/\s/.test(rest)) {
    const at = rest.startsWith('@') ? '@' : ''
    return people(app, from, rest.slice(at.length), at)
  }
  const [, person = '', path] = /^(\S+\s+)([\s\S]*)$/.exec(rest) ?? []
  if (command === 'file' && path !== undefined) return paths(from + person.length, path)
  return NONE
}

function people(app: App, from: number, start: string, at: string): Completion {
  const contacts = app.session?.contacts() ?? []
  const names = contacts.map((c) => c.user).filter((user) => user.startsWith(start.toLowerCase()))
  return { from, items: names.sort().map((user) => `${at}${user} `) }
}

/** Names with blanks come quoted; a folder keeps its slash so that the next Tab goes on inside it. */
async function paths(from: number, typed: string): Promise<Completion> {
  const bare = typed.replace(/^["']/, '')
  const folder = bare.endsWith('/') ? bare : bare.includes('/') ? `${dirname(bare)}/` : ''
  const start = bare.endsWith('/') ? '' : basename(bare)
  const real = folder.startsWith('~/') ? join(homedir(), folder.slice(2)) : folder || '.'
  try {
    const entries = (await readdir(real, { withFileTypes: true })).slice(0, MAX_ENTRIES)
    const items = entries
      .filter((e) => e.name.startsWith(start) && (start !== '' || !e.name.startsWith('.')))
      .filter((e) => safeLine(e.name) === e.name && !e.name.includes('"'))
      .map((e) => {
        const full = `${folder}${e.name}${e.isDirectory() ? '/' : ''}`
        const open = full.includes(' ') ? '"' : ''
        return e.isDirectory() ? `${open}${full}` : `${open}${full}${open} `
      })
    return { from, items: items.sort() }
  } catch {
    return NONE
  }
}
