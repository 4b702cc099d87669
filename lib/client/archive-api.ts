// The archive as front ends see it: the sealed history on the server, and what came back from it.
import type { MessageView } from './events.ts'

export interface RestoreProgress {
  /** Messages that came back so far, and about how many there are. */
  readonly restored: number
  readonly expected: number
  /** Nothing more is expected; true at once on the first device of an account. */
  readonly done: boolean
}

export interface ArchiveStatus {
  /** Batches of this device on the server. */
  readonly batches: number
  readonly restore: RestoreProgress
}

export interface ArchiveApi {
  status(): ArchiveStatus
  /** Appends now what would be appended within a minute. E_CLOSED when offline. */
  flush(): Promise<void>
  /** Resolves when the restore has ended, or the session. */
  restored(): Promise<RestoreProgress>
  /** All of one chat, oldest first, read as it is asked for. The local store has everything once the restore has ended. */
  messages(chat: string): AsyncIterable<MessageView>
}
