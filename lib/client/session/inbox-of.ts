// The way in, tied to the parts of a session: opening, judging and storing of what arrives.
import { GroupDispatch, type GroupDispatchDeps } from '../groups/group-dispatch.ts'
import { GroupReceipts } from '../groups/group-receipts.ts'
import type { Names } from '../messages/view.ts'
import { Dispatch, type DispatchDeps } from '../inbox/dispatch.ts'
import { Gossiper, type GossiperDeps } from '../inbox/gossiper.ts'
import { Inbox, type InboxDeps } from '../inbox/inbox.ts'
import { Opening, type OpeningDeps } from '../inbox/opened.ts'

export interface InboxParts
  extends
    Omit<InboxDeps, 'opening' | 'dispatch' | 'groupDispatch' | 'gossiper' | 'userOf'>,
    Omit<OpeningDeps, 'peers'>,
    Omit<DispatchDeps, 'needless'>,
    Omit<GossiperDeps, 'peers'> {
  /** In groups. */
  readonly inGroups: Pick<GroupDispatchDeps, 'book' | 'accepted' | 'warn'>
  readonly names: Names
}

export function openInbox(parts: InboxParts): Inbox {
  const { acct, messages, names, emit, gaps, groups, inGroups, tellsReads } = parts
  const needless = (key: string): Promise<void> => gaps.needless(key)
  return new Inbox({
    ...parts,
    userOf: names.user,
    opening: new Opening(parts),
    dispatch: new Dispatch({ ...parts, needless }),
    groupDispatch: new GroupDispatch({
      ...{ ...parts, ...inGroups, me: acct, groups, needless },
      receipts: new GroupReceipts({ me: acct, groups, messages, names, emit, tellsReads }),
    }),
    gossiper: new Gossiper(parts),
  })
}
