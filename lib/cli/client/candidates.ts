// What Tab may complete at the cursor: commands, people, groups, numbers, paths of files. Pure but for the folder that a path names.
import { readdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'

import { safeInline, safeLine } from '../sanitise.ts'
import type { App } from './app.ts'
import { wordsFor } from './candidate-words.ts'
import { findGroup } from './chat-target.ts'
import { isGroupName } from './chat-words.ts'
import { COMMANDS, findCommand } from './commands.ts'
import type { Completion } from './completion.ts'

const MAX_ENTRIES = 2000
/** Their first word is a chat: of a person, or of a group. */
const TAKES_CHAT = [
  ...['chat', 'history', 'file', 'accept', 'decline', 'mute', 'delete', 'disappear', 'pin'],
  'export',
]
const TAKES_PERSON = ['block', 'unblock', 'verify', 'trust', 'new', 'who', 'direct']
/** Their first word may be a group, the others are people: members, or those who are none yet. */
const ABOUT_GROUP: Readonly<Record<string, 'members' | 'others' | 'nobody'>> = {
  ...{ kick: 'members', admin: 'members', invite: 'others', group: 'others' },
  ...{ members: 'nobody', leave: 'nobody', topic: 'nobody', rename: 'nobody' },
}
const NONE: Completion = { from: 0, items: [] }

export async function candidates(app: App, line: string, offset: number): Promise<Completion> {
  const typed = line.slice(0, offset)
  const [, mark = '', start = ''] = /^([!/@#])(\S*)$/.exec(typed) ?? []
  if (mark === '@') return people(app, 1, start, '')
  if (mark === '#') return groups(app, 0, typed)
  if (mark !== '') {
    const names = COMMANDS.map((c) => c.name).filter((name) => name.startsWith(start.toLowerCase()))
    return { from: 1, items: names.map((name) => `${name} `) }
  }
  const [, name = '', rest = ''] = /^[!/](\S+)\s+([\s\S]*)$/.exec(typed) ?? []
  const command = findCommand(name.toLowerCase())?.name ?? ''
  const from = offset - rest.length
  const known = await wordsOf(app, command, offset, rest)
  if (known !== null && known.items.length > 0) return known
  const who = ABOUT_GROUP[command]
  if (who !== undefined) return groupWord(app, from, rest, who, command)
  const isFirst = !/\s/.test(rest)
  if (isFirst && rest.startsWith('#') && TAKES_CHAT.includes(command))
    return groups(app, from, rest)
  if (isFirst && (TAKES_CHAT.includes(command) || TAKES_PERSON.includes(command))) {
    const at = rest.startsWith('@') ? '@' : ''
    return people(app, from, rest.slice(at.length), at)
  }
  if (command === 'search') return searchEnd(app, offset, rest)
  const [, person = '', path] = /^(\S+\s+)([\s\S]*)$/.exec(rest) ?? []
  if ((command === 'file' || command === 'export') && path !== undefined) {
    return paths(from + person.length, path)
  }
  return NONE
}

/** Numbers and fixed words; null: the command takes something else there. */
async function wordsOf(
  app: App,
  command: string,
  offset: number,
  rest: string,
): Promise<Completion | null> {
  const words = rest.split(/\s+/u)
  const typed = words.pop() ?? ''
  const found = await wordsFor(app, command, words)
  if (found === null) return null
  const items = found.filter((word) => word.startsWith(typed.toLowerCase()))
  return { from: offset - typed.length, items: items.map((word) => `${word} `) }
}

function people(app: App, from: number, start: string, at: string): Completion {
  const contacts = app.session?.contacts() ?? []
  return users(
    from,
    start,
    at,
    contacts.map((c) => c.user),
  )
}

function users(from: number, start: string, at: string, all: readonly string[]): Completion {
  const names = all.filter((user) => user.startsWith(start.toLowerCase()))
  return { from, items: names.sort().map((user) => `${at}${user} `) }
}

/** Only names that can be typed: others named them, and what Tab inserts is as it is. */
function groups(app: App, from: number, typed: string): Completion {
  const names = (app.session?.groups.list() ?? [])
    .map((group) => group.chat)
    .filter((chat) => chat.toLowerCase().startsWith(typed.toLowerCase()))
    .filter((chat) => safeInline(chat) === chat && !/\s/u.test(chat))
  return { from, items: names.sort().map((chat) => `${chat} `) }
}

/** `#team ` and behind it users; in the open chat of a group users at once. */
function groupWord(
  app: App,
  from: number,
  rest: string,
  who: 'members' | 'others' | 'nobody',
  command: string,
): Completion {
  const word = /\S*$/.exec(rest)?.[0] ?? ''
  const isFirst = word === rest
  const at = from + rest.length - word.length
  if (isFirst && command === 'group') return NONE
  if (isFirst && (word.startsWith('#') || app.chat === null || !isGroupName(app.chat))) {
    return groups(app, at, word === '' ? '#' : word)
  }
  const mark = word.startsWith('@') ? '@' : ''
  const start = word.slice(mark.length)
  const session = app.session
  if (session === null || who === 'nobody') return NONE
  const [first = ''] = rest.split(/\s/, 1)
  const group = findGroup(session, isGroupName(first) ? first : (app.chat ?? ''))
  const inside = group?.members.map((member) => member.user) ?? []
  if (who === 'members') return users(at, start, mark, inside)
  const outside = session.contacts().map((c) => c.user)
  return users(at, start, mark, command === 'group' ? outside : without(outside, inside))
}

function without(all: readonly string[], some: readonly string[]): string[] {
  return all.filter((each) => !some.includes(each))
}

/** The last word of a search may be a chat. */
function searchEnd(app: App, offset: number, rest: string): Completion {
  const word = /(?<=\s)[@#]\S*$/.exec(rest)?.[0]
  if (word === undefined) return NONE
  const from = offset - word.length
  return isGroupName(word) ? groups(app, from, word) : people(app, from, word.slice(1), '@')
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
