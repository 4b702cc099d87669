// What the person does with files: looks, says yes or no, never mind, later.
import { fail } from '../../util/errors.ts'
import type { Offer } from '../events.ts'
import { isOver, type Transfer } from '../files/transfer.ts'
import type { Core } from './core.ts'

/** Nothing is shown of a group that waits for an answer. */
export function shownFiles({ transfers, groups }: Core): Offer[] {
  const shown = transfers.all().filter(({ conv }) => groups.get(conv)?.standing !== 'pending')
  return shown.map((t) => transfers.offer(t))
}

/** A yes to a stranger's file is a yes to the stranger: the answer must be able to reach them. */
export async function acceptFile(core: Core, number: number): Promise<Offer> {
  const { transfers, peers, acceptance } = core
  const t = transfers.get(number)
  if (t.direction !== 'in' || t.state !== 'offered') {
    fail('E_STATE', `Offer ${number} is not waiting for an answer.`)
  }
  const peer = peers.get(t.acct) ?? fail('E_NOT_FOUND')
  if (peer.blocked) fail('E_BLOCKED', `You have blocked @${peer.pin.user}.`)
  // in a group a yes is for the file alone
  if (peer.conv === t.conv) await acceptance.accept(peer, true)
  const started = await transfers.start(number)
  await core.answers.send(started, 0, false)
  return transfers.offer(started)
}

export async function endFile(
  core: Core,
  number: number,
  state: 'declined' | 'cancelled',
): Promise<Offer> {
  const { transfers } = core
  const t = transfers.get(number)
  // an own file on the server can be taken back until the receiver has it
  const isWaiting = t.direction === 'out' && t.state === 'done' && !isAnswered(t)
  if (isOver(t) && !isWaiting) fail('E_STATE', `Transfer ${number} has ended.`)
  if (state === 'declined' && t.direction === 'out') {
    fail('E_STATE', `Transfer ${number} is your own: !cancel ${number}`)
  }
  const ended = await transfers.halt(number, state)
  if (t.direction === 'in') await core.answers.send(ended, ended.chunks, true)
  else await core.answers.withdraw(ended)
  return transfers.offer(ended)
}

export async function pauseFile({ transfers }: Core, number: number): Promise<Offer> {
  if (isOver(transfers.get(number))) fail('E_STATE', 'That transfer has ended.')
  return transfers.offer(await transfers.halt(number, 'paused'))
}

export async function unpauseFile({ transfers }: Core, number: number): Promise<Offer> {
  if (transfers.get(number).state !== 'paused') fail('E_STATE', 'That transfer is not paused.')
  return transfers.offer(await transfers.start(number))
}

function isAnswered(t: Transfer): boolean {
  return t.receiver === 'received' || t.receiver === 'declined'
}
