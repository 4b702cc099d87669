// What can be done with messages and chats after they were said: the `life` of a Session. Numbers are those of MessageView,
// `chat` is a username, `#name` or the number of a chat; everything works offline.
import type { GroupInfo, MemberDelivery } from './group-api.ts'
import type { ContactInfo, MessageState, MessageView, SentMessage } from './events.ts'

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
  /** In groups: how far it got to each of the others. */
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
  /** `#name` of a group. */
  readonly user: string
  readonly group?: GroupInfo
  readonly notes: boolean
  /** 0: not muted; Infinity: without end. */
  readonly mutedUntil: number
  /** 0: messages stay. */
  readonly timerSeconds: number
}

export const CHOICES = ['receipts', 'requests', 'bell'] as const
export type ChoiceName = (typeof CHOICES)[number]

export interface Life {
  /** E_NOT_FOUND: no such message here. E_STATE: it cannot be answered. */
  reply(number: number, text: string): Promise<SentMessage>
  /** Own texts only, within 7 days. E_STATE */
  edit(number: number, text: string): Promise<MessageView>
  /** Own messages only: for everybody. E_STATE */
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
  /** Both sides see it and follow it; 0 turns it off. */
  disappear(chat: string, seconds: number): Promise<SentMessage>
  contactOf(chat: string): Promise<ContactInfo>

  choice(name: ChoiceName): string
  /** E_USAGE with the values that are possible. */
  choose(name: ChoiceName, value: string): Promise<void>
}
