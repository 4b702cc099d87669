// The contract of a Store, shared by every adapter: a case is a sentence of ports.ts and the code that proves it.
import test from 'ava'
import type { ExecutionContext } from 'ava'

import type { Store } from '../../lib/storage/ports.ts'
import { LOG_CASES, LOG_DURABLE_CASES } from './contract/logs.ts'
import { MAIL_CASES, MAIL_DURABLE_CASES } from './contract/mail.ts'
import { RECORD_CASES, RECORD_DURABLE_CASES } from './contract/records.ts'
import type { SettableClock } from './helpers.ts'

/** The limits with which an adapter is to be made, small enough to be reached. */
export const CONTRACT_LIMITS = {
  mailbox: {
    boxCount: 40,
    boxBytes: 4000,
    totalBytes: 9000,
    senderBoxCount: 10,
    senderBoxBytes: 1000,
    senderTotalBytes: 5000,
  },
  logBytes: 5000,
} as const

export interface Subject {
  readonly store: Store
  readonly clock: SettableClock
  /** Closes the store and opens it again on the same data. */
  reopen(): Promise<Store>
}

export type Case = (t: ExecutionContext, subject: Subject) => Promise<void>
export type Cases = Readonly<Record<string, Case>>

export interface Adapter {
  readonly name: string
  readonly isDurable: boolean
  make(t: ExecutionContext): Promise<Subject>
}

const CLOSED_CASES: Cases = {
  'a closed store refuses every call, and closing it again is no mistake': async (t, { store }) => {
    await store.records.put('acc', 'a', new Uint8Array(1))
    await store.close()
    await store.close()
    const from = { from: 'a', isOwn: false, likelyAcked: false }
    const mail = { box: 'b', id: 'i', body: new Uint8Array(1), expires: 1e15, ...from }
    const calls = [
      () => store.records.get('acc', 'a'),
      () => store.records.put('acc', 'a', new Uint8Array(1)),
      () => store.mail.append([mail]),
      () => store.mail.read('b', 0, 1),
      () => store.logs.head('l'),
    ]
    for (const call of calls) await t.throwsAsync(call, { code: 'E_CLOSED' })
    t.is(await store.health(), 'down')
  },
}

const keeps = test.macro({
  async exec(t: ExecutionContext, adapter: Adapter, run: Case) {
    const subject = await adapter.make(t)
    t.teardown(() => subject.store.close())
    await run(t, subject)
  },
  title: (given, adapter: Adapter) => `${adapter.name}: ${given ?? ''}`,
})

export function storeContract(adapter: Adapter): void {
  const always = { ...RECORD_CASES, ...MAIL_CASES, ...LOG_CASES, ...CLOSED_CASES }
  const durable = { ...RECORD_DURABLE_CASES, ...MAIL_DURABLE_CASES, ...LOG_DURABLE_CASES }
  const cases = adapter.isDurable ? { ...always, ...durable } : always
  for (const [title, run] of Object.entries(cases)) test(title, keeps, adapter, run)
}
