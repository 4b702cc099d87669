// What a person does with groups: the `groups` of a Session (PROTOCOL 8). What is said in them goes the way of all messages.
import { randomBytes } from '../../crypto/random.ts'
import { isAdmin, memberOf } from '../../envelope/group-state.ts'
import { LIMITS } from '../../protocol/limits.ts'
import { parseUsername } from '../../protocol/names.ts'
import { type Bytes, equal } from '../../util/bytes.ts'
import { fail } from '../../util/errors.ts'
import type { GroupInfo, Groups } from '../group-api.ts'
import type { Change } from '../groups/change.ts'
import { checkStanding, type Group } from '../groups/group.ts'
import { typable } from '../groups/local-name.ts'
import type { Peer } from '../people/peer.ts'
import { groupOf } from './chat-of.ts'
import type { Core } from './core.ts'
import type { Guard } from './life.ts'

export class GroupActions implements Groups {
  readonly #core: Core
  readonly #open: Guard

  constructor(core: Core, open: Guard) {
    this.#core = core
    this.#open = open
  }

  create(name: string, users: readonly string[]): Promise<GroupInfo> {
    return this.#open(async () => {
      const plain = checkedName(name)
      const { me } = this.#core
      const people = (await this.#people(users)).filter(({ id }) => id !== me.id)
      checkSize(people.length + 1)
      const accts = people.map(({ acct }) => acct)
      return this.#info(await this.#core.groupChanges.create(plain, accts))
    })
  }

  list(): readonly GroupInfo[] {
    const infos = this.#core.groups.all().map((group) => this.#info(group))
    return infos.sort((p, q) => p.number - q.number)
  }

  of(chat: string): GroupInfo {
    return this.#info(groupOf(this.#core, chat))
  }

  invite(chat: string, users: readonly string[]): Promise<GroupInfo> {
    return this.#open(async () => {
      const group = this.#mine(chat)
      const people = await this.#people(users)
      if (people.length === 0) fail('E_USAGE', 'Whom? Example: !invite #weekend bob')
      for (const { acct, pin } of people) {
        if (memberOf(group.state, acct) !== undefined) {
          fail('E_STATE', `@${pin.user} is in #${group.name} already.`)
        }
      }
      checkSize(group.state.mem.length + people.length)
      return this.#make(group, { what: 'add', accts: people.map(({ acct }) => acct) })
    })
  }

  kick(chat: string, user: string): Promise<GroupInfo> {
    return this.#open(async () => {
      const group = this.#mine(chat)
      const acct = this.#member(group, user)
      if (this.#core.isMe(acct)) fail('E_USAGE', `To go yourself: !leave #${group.name}`)
      return this.#make(group, { what: 'remove', acct })
    })
  }

  leave(chat: string): Promise<GroupInfo> {
    return this.#open(async () => {
      const group = groupOf(this.#core, chat)
      checkStanding(group)
      const { acct } = this.#core.device
      const others = group.state.mem.filter((member) => !equal(member.acct, acct))
      if (others.length > 0 && !others.some(({ admin }) => admin)) {
        fail(
          'E_STATE',
          `You are the last admin of #${group.name}. First: !admin #${group.name} SOMEBODY`,
        )
      }
      return this.#info(await this.leaveGroup(group))
    })
  }

  topic(chat: string, topic: string): Promise<GroupInfo> {
    return this.#open(async () => {
      const group = this.#mine(chat)
      const text = oneLine(topic)
      if (Array.from(text).length > LIMITS.groupTopicCharacters) {
        fail('E_TOO_BIG', `A topic has at most ${LIMITS.groupTopicCharacters} characters.`)
      }
      if (text === group.state.topic) return this.#info(group)
      return this.#make(group, { what: 'topic', text })
    })
  }

  rename(chat: string, name: string): Promise<GroupInfo> {
    return this.#open(async () => {
      const group = this.#mine(chat)
      const text = checkedName(name)
      if (text === group.state.name) return this.#info(group)
      return this.#make(group, { what: 'name', text })
    })
  }

  admin(chat: string, user: string, on: boolean): Promise<GroupInfo> {
    return this.#open(async () => {
      const group = this.#mine(chat)
      const acct = this.#member(group, user)
      const isLast = !group.state.mem.some((each) => each.admin && !equal(each.acct, acct))
      if (!on && isLast) fail('E_STATE', 'A group needs an admin: somebody else must be one first.')
      if (isAdmin(group.state, acct) === on) {
        fail('E_STATE', on ? `@${user} is an admin already.` : `@${user} is no admin.`)
      }
      return this.#make(group, { what: 'admin', acct, on })
    })
  }

  /** Says yes to strangers who made us a member; our other devices hear of it. */
  async accept(group: Group): Promise<Group> {
    const { conv } = group
    const { outbox, clock, device } = this.#core
    await this.#core.groupParts.join(conv)
    const payload = { k: 'req.ok', id: randomBytes(16), ts: clock.now() } as const
    await outbox.add(payload, { conv, acct: device.acct })
    return this.#core.groups.get(conv) ?? fail('E_NOT_FOUND')
  }

  /** Also where nothing is left to say: nobody else is there, or nobody who could decide. */
  async leaveGroup({ conv }: Group): Promise<Group> {
    const { groupChanges, groups } = this.#core
    const left = await groupChanges.make(conv, { what: 'leave' })
    if (left !== null) return left
    return groups.settle(conv, 'left')
  }

  async #make(group: Group, change: Change): Promise<GroupInfo> {
    const changed = await this.#core.groupChanges.make(group.conv, change)
    // somebody else was faster
    return this.#info(changed ?? this.#core.groups.get(group.conv) ?? group)
  }

  /** A group in which we may change things. */
  #mine(chat: string): Group {
    const group = groupOf(this.#core, chat)
    checkStanding(group)
    if (!isAdmin(group.state, this.#core.device.acct)) {
      fail('E_NOT_ADMIN', `Only admins of #${group.name} can do that. !members #${group.name}`)
    }
    return group
  }

  #member({ state, name }: Group, user: string): Bytes {
    const peer = this.#core.peers.byName(parseUsername(user.replace(/^@/, '')))
    if (peer === undefined || memberOf(state, peer.acct) === undefined) {
      fail('E_NOT_FOUND', `@${user.replace(/^@/, '')} is not in #${name}.`)
    }
    return peer.acct
  }

  /** Each once. */
  async #people(users: readonly string[]): Promise<Peer[]> {
    const people = new Map<string, Peer>()
    for (const user of users) {
      const peer = await this.#core.meet(parseUsername(user.replace(/^@/, '')))
      const name = peer.pin.user
      if (peer.blocked) fail('E_BLOCKED', `You have blocked @${name}. First: !unblock ${name}`)
      if (peer.deleted) fail('E_NOT_FOUND', `The account of @${name} does not exist any more.`)
      people.set(peer.id, peer)
    }
    return [...people.values()]
  }

  #info(group: Group): GroupInfo {
    return this.#core.groupInfo(group)
  }
}

function checkSize(members: number): void {
  if (members > LIMITS.members) {
    fail('E_TOO_BIG', `A group has at most ${LIMITS.members} members.`)
  }
}

/** What can be typed behind `#`. @throws E_USAGE */
function checkedName(typed: string): string {
  const name = typed.replace(/^#/, '').normalize('NFC')
  if (name === '' || typable(name) !== name.toLowerCase()) {
    fail(
      'E_USAGE',
      'A group has a name of letters, digits, "_", "-" and ".", without blanks. Example: !group weekend bob carol',
    )
  }
  return name
}

function oneLine(text: string): string {
  return text
    .replace(/\p{Surrogate}/gu, '\uFFFD')
    .replace(/\s+/gu, ' ')
    .trim()
}
