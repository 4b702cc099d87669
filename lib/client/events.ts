// Everything a session tells its front end, as one discriminated union: the line mode, the JSON mode and the tests read
// the same events. Texts from other people are raw here (PROTOCOL 13 is applied by whoever shows them); ids are hex.
import type { ErrorCode } from '../util/errors.ts'
import type { DirectView } from './direct-api.ts'
import type { GroupChange, GroupDelivery, GroupInfo } from './group-api.ts'
import type { Trust } from './trust.ts'

/** PROTOCOL 9.1. */
export type MessageState = 'queued' | 'sent' | 'accepted' | 'delivered' | 'read' | 'held' | 'failed'

/** What one line of a conversation says. */
export type MessageBody =
  | { readonly kind: 'text'; readonly text: string }
  /** `offer` is the number for accept and decline. */
  | {
      readonly kind: 'file'
      readonly offer: number
      readonly name: string
      readonly size: number
      readonly caption?: string
    }
  /** An explicit chat request (PROTOCOL 7.3); `request` is the number for accept and decline. */
  | { readonly kind: 'request'; readonly request: number; readonly note: string }
  /** Something was sent and could not be read yet; it fills itself when the sender answers (PROTOCOL 9.4). */
  | {
      readonly kind: 'placeholder'
      readonly why: 'no-key' | 'gap' | 'bad' | 'removed-device'
    }
  /** Its author took it back, or (`admin`) an admin of the group removed it. */
  | { readonly kind: 'deleted'; readonly by: string; readonly admin?: true }
  /** The conversation's timer was set (PROTOCOL 7.1 timer); 0: messages stay. */
  | { readonly kind: 'timer'; readonly seconds: number }
  /** Who is in a group, and what it is called, changed. */
  | { readonly kind: 'group'; readonly changes: readonly GroupChange[]; readonly by: string }
  /** A payload of a newer version. */
  | { readonly kind: 'unsupported'; readonly what: string }

/** All of one emoji on one message. */
export interface ReactionView {
  readonly emoji: string
  /** Usernames. */
  readonly from: readonly string[]
}

/** The message that another one answers, as far as it is here. */
export interface AnsweredView {
  readonly number: number
  readonly from: string
  readonly body: MessageBody
}

export interface MessageView {
  /** Short number printed on the line; unique in this profile, grows with arrival. */
  readonly number: number
  /** It does not stand where it arrived, but before the message of this number. */
  readonly before?: number
  /** Message id; empty for a placeholder. */
  readonly mid: string
  readonly conv: string
  /** The other person's username (for notes to oneself: one's own), or `#name` of a group. */
  readonly chat: string
  /** The author's username and account. */
  readonly from: string
  readonly acct: string
  readonly own: boolean
  /** When the author's device says it was written, ms; not believed when `timeDoubtful` (PROTOCOL 6.5, 7). */
  readonly ts: number
  /** When it arrived here (own: when it was written), ms. */
  readonly at: number
  /** What to show as its time: `ts`, but not later than `at`, and `at` when that is not believed. */
  readonly saidAt: number
  readonly timeDoubtful: boolean
  readonly body: MessageBody
  /** Own messages only. */
  readonly state?: MessageState
  /** Own messages in small groups: how many have it. */
  readonly delivery?: GroupDelivery
  /** Usernames of members of the group to whom it was not sent. */
  readonly notTo?: readonly string[]
  /** It came by way of a resend. */
  readonly resent: boolean
  /** The body is not what was sent first. */
  readonly edited?: true
  readonly reactions?: readonly ReactionView[]
  readonly pinned?: true
  /** 'unknown': it answers something that is not here. */
  readonly answers?: AnsweredView | 'unknown'
  /** It vanishes so long after it was shown (own: accepted), ms. */
  readonly ttlMs?: number
  /** That time is running: when it is over. */
  readonly expires?: number
}

export type MessageChange = 'edited' | 'deleted' | 'reacted' | 'unreacted' | 'pinned' | 'unpinned'

/** A message that is safe in the outbox. */
export interface SentMessage {
  readonly mid: string
  readonly number: number
  readonly chat: string
  readonly conv: string
  readonly state: MessageState
}

export interface ContactInfo {
  readonly user: string
  readonly acct: string
  /** Chosen by the contact, end-to-end; never show it without the username. Empty when unknown. */
  readonly displayName: string
  readonly formerNames: readonly string[]
  readonly trust: Trust
  /** Why trust is 'blocked'. */
  readonly alarm?: ErrorCode
  /** Both sides may write freely (PROTOCOL 7.3). */
  readonly accepted: boolean
  /** Not accepted. us: they wrote or asked. them: we did. nobody: we asked, and they declined. */
  readonly waitsFor?: 'us' | 'them' | 'nobody'
  readonly blockedByMe: boolean
  /** The server has no such account any more. */
  readonly deleted?: true
  readonly devices: number
  readonly conv: string
}

export type ContactChange =
  /** First message from a stranger: show the "new contact" banner. */
  | 'new'
  /** The conversation is accepted by both now. */
  | 'accepted'
  /** We said no to their request, or they to ours. */
  | 'declined'
  | 'renamed'
  | 'new-device'
  | 'removed-device'
  /** trust is 'changed' now. */
  | 'key-changed'
  /** trust is 'blocked' now; `contact.alarm` says why. */
  | 'identity-alarm'
  /** trust is 'unverified' or 'verified' again. */
  | 'trusted'
  | 'verified'
  | 'profile'
  | 'blocked'
  | 'unblocked'
  | 'lookalike'

export type ConnectionState =
  | { readonly state: 'online' }
  | { readonly state: 'connecting'; readonly attempt: number }
  /** No further try when `nextTryMs` is absent. */
  | {
      readonly state: 'offline'
      readonly code: ErrorCode
      readonly reason: string
      readonly nextTryMs?: number
    }

export type TransferState =
  /** Incoming, unanswered. */
  | 'offered'
  /** Accepted; bytes move, or wait for the other side or the connection. */
  | 'running'
  | 'waiting'
  | 'paused'
  | 'done'
  | 'declined'
  | 'cancelled'
  | 'failed'

/** What a receiver says to a file. */
export type FileAnswer = 'accepted' | 'received' | 'declined'

/** A file on its way in or out. */
export interface Offer {
  /** For accept, decline, cancel; unique in this profile. */
  readonly number: number
  readonly direction: 'in' | 'out'
  /** The other person's username; of an own file in a group `#name`. */
  readonly peer: string
  /** Incoming: the cleaned name it will be saved under (before " (1)" is added). Outgoing: the base name. */
  readonly name: string
  readonly size: number
  readonly mime?: string
  readonly state: TransferState
  /** Bytes moved so far. */
  readonly bytes: number
  /** Outgoing: what the receiver said. */
  readonly receiver?: FileAnswer
  /** Outgoing, in a group: what each member said so far. */
  readonly receivers?: readonly { readonly user: string; readonly answer: FileAnswer }[]
  /** Incoming and done: where it is. Outgoing: what is read. */
  readonly path?: string
  /** Of the message that carries the offer. */
  readonly mid: string
  readonly expires: number
  readonly code?: ErrorCode
}

export interface RestoreProgress {
  /** Messages that came back so far, and about how many there are. */
  readonly restored: number
  readonly expected: number
  /** Nothing more is expected; true at once on the first device of an account. */
  readonly done: boolean
}

export type ClientEvent =
  | {
      readonly type: 'message'
      readonly message: MessageView
      /** It replaces the placeholder with this same number. */
      readonly fills: boolean
    }
  | {
      readonly type: 'message-state'
      readonly number: number
      readonly mid: string
      readonly chat: string
      readonly state: MessageState
      /** held, failed: why. */
      readonly code?: ErrorCode
      readonly reason?: string
    }
  /** Something was done to a message that is here; `message` is what it is now. */
  | {
      readonly type: 'message-change'
      readonly change: MessageChange
      readonly message: MessageView
      /** What it was before. */
      readonly was: MessageBody
      /** Who did it. */
      readonly by: string
      readonly own: boolean
      /** reacted, unreacted */
      readonly emoji?: string
    }
  /** Its time is over: it is not here any more. */
  | { readonly type: 'message-expired'; readonly number: number; readonly chat: string }
  | { readonly type: 'file-offer'; readonly offer: Offer }
  /** At most four a second and transfer; the last one (bytes = size) always comes. */
  | {
      readonly type: 'file-progress'
      readonly offer: Offer
      readonly bytesPerSecond: number
      /** Absent while unknown. */
      readonly etaMs?: number
    }
  | { readonly type: 'file-done'; readonly offer: Offer }
  | {
      readonly type: 'file-failed'
      readonly offer: Offer
      readonly code: ErrorCode
      readonly reason: string
    }
  /** What the receiver of an own file answered. */
  | { readonly type: 'file-answer'; readonly offer: Offer }
  | {
      readonly type: 'contact'
      readonly change: ContactChange
      readonly contact: ContactInfo
      /** renamed: the name before. lookalike: the known name it resembles. */
      readonly other?: string
      /** accepted, declined: by us (false: by them); absent: another device knows. */
      readonly own?: boolean
    }
  /** We are in a group now, or it changed; a new pending one waits for an answer by its number. Its lines are messages, too. */
  | {
      readonly type: 'group'
      readonly group: GroupInfo
      readonly changes: readonly GroupChange[]
      /** Who did it. */
      readonly by: string
      readonly own: boolean
    }
  /** An introduction, or the path between the two, has changed. */
  | { readonly type: 'direct'; readonly direct: DirectView }
  | { readonly type: 'connection'; readonly connection: ConnectionState }
  | {
      readonly type: 'notice'
      readonly level: 'info' | 'warning' | 'alarm'
      readonly code: ErrorCode | null
      readonly text: string
      /** The person it is about. */
      readonly user?: string
    }
  /** The history comes back onto this device: at most every 5 s, and once with `done`. */
  | { readonly type: 'restore'; readonly progress: RestoreProgress }
  /** New inbox keys are published. */
  | { readonly type: 'keys'; readonly why: 'launch' | 'daily' | 'asked'; readonly n: number }
  /** The session is over: another session of this device, or the device was removed. Nothing follows but 'closed'. */
  | { readonly type: 'forced-logout'; readonly code: ErrorCode; readonly text: string }
  | { readonly type: 'closed' }
