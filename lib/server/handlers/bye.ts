// The client leaves properly; what was accepted stays accepted.
import type { PushHandler } from '../handler.ts'

export const bye: PushHandler<'bye'> = (caller) => {
  void caller.bye()
}
