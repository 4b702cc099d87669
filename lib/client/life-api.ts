// What can be done with messages and chats after they were said: the `life` of a Session. Numbers are those of MessageView,
// `chat` is a username, `#name` of a group or the number of a chat; everything works offline.
import type { ContactInfo, MessageState, MessageView, SentMessage } from './events.ts'
import type { GroupInfo, MemberDelivery } from './group-api.ts'

/** One form of a message that was edited. */
export interface MessageVersion {
  readonly text: string
  readonly at: number
}

export interface MessageInfo {
  readonly message: MessageView
  /** Oldest first; one: it was never edited. None: it is no text, or it was deleted. */
  readonly versions: readonly MessageVersion[]
  /** Own messages: what is known of its way. */
  readonly state?: MessageState
  /** Own messages in small groups: how far it got with each member it went to. */
  readonly members?: readonly MemberDelivery[]
}

export interface SearchQuery {
  readonly chat?: string
  /** Default 50. */
  readonly limit?: number
  /** Lines before and after each hit. Default 0. */
  readonly context?: number
  readonly since?: number
  readonly until?: number
}

export interface SearchHit {
  readonly message: MessageView
  readonly before: readonly MessageView[]
  readonly after: readonly MessageView[]
}

/** What a chat is, besides its messages. */
export interface ChatState {
  readonly conv: string
  /** Short and stable: what people type. */
  readonly number: number
  /** As people type it: a username, or `#name`. */
  readonly user: string
  readonly group?: GroupInfo
  readonly notes: boolean
  /** 0: not muted; Infinity: without end. */
  readonly mutedUntil: number
  /** 0: messages stay. */
  readonly timerSeconds: number
}

export const CHOICES = ['receipts', 'requests', 'presence', 'bell', 'preview'] as const
export type ChoiceName = (typeof CHOICES)[number]

export interface Life {
  /** E_NOT_FOUND: no such message here. E_STATE: it cannot be answered. */
  reply(number: number, text: string): Promise<SentMessage>
  /** Own texts only, within 7 days. E_STATE */
  edit(number: number, text: string): Promise<MessageView>
  /** Own messages, and as an admin of a group those of others: for everybody. E_STATE */
  remove(number: number): Promise<MessageView>
  /** `emoji` is one character; `on` false takes it back. */
  react(number: number, emoji: string, on: boolean): Promise<MessageView>
  /** On this device. */
  pin(number: number, on: boolean): Promise<MessageView>
  pins(chat: string): Promise<readonly MessageView[]>
  info(number: number): Promise<MessageInfo>
  /** A person has seen these: their time begins to run, if they have one. */
  shown(numbers: readonly number[]): Promise<void>

  /** Newest first. */
  search(text: string, query?: SearchQuery): Promise<readonly SearchHit[]>
  chatOf(chat: string): Promise<ChatState>
  isMuted(conv: string): boolean
  /** ms since 1970; 0 ends it, Infinity: without end. */
  mute(chat: string, until: number): Promise<ChatState>
  /** Removes the chat with all its messages from this device. */
  deleteChat(chat: string): Promise<void>
  /** An explicit request: nothing else goes between the two before it is accepted. E_STATE when there is nothing to ask for. */
  request(user: string, note: string): Promise<SentMessage>
  /** Everybody sees it and follows it; 0 turns it off. In groups admins only (E_NOT_ADMIN). */
  disappear(chat: string, seconds: number): Promise<SentMessage>
  /** E_USAGE for a group. */
  contactOf(chat: string): Promise<ContactInfo>

  choice(name: ChoiceName): string
  /** E_USAGE with the values that are possible. */
  choose(name: ChoiceName, value: string): Promise<void>
}
