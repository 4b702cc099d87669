// Settings that a running server can change, and the budgets that follow from some of them. Everything else is built into
// sessions, stores or keys at the start.
import { BucketTable, type Rate } from '../util/rate.ts'
import type { ServerConfig } from './config.ts'
import { NewRecipients } from './new-recipients.ts'
import type { Services } from './services.ts'

const MINUTE_S = 60
const DAY_S = 24 * 60 * 60
/** Asking for names is an oracle, so it is limited; trying several until one is free is human. */
const NAME_TRIES_PER_REGISTRATION = 10

type Tables = {
  readonly [K in keyof Services as Services[K] extends BucketTable ? K : never]: Services[K]
}
type Budgets = Tables & Pick<Services, 'newRecipients'>

const RATES: { readonly [K in keyof Tables]: (config: ServerConfig) => Rate } = {
  sendBudgets: (c) => ({ perSecond: c.sendsPerSecond, burst: c.sendBurst }),
  requestBudgets: (c) => ({ perSecond: c.requestsPerSecond, burst: c.requestBurst }),
  lookups: (c) => perMinute(c.directoryPerMinute),
  lookupsByName: (c) => perMinute(c.directoryByNamePerMinute),
  finds: (c) => perMinute(c.directoryFindsPerMinute),
  sightings: (c) => perMinute(c.presencePerMinute),
  listChanges: (c) => perDay(c.listChangesPerDay),
  registrations: (c) => perDay(c.registrationsPerDay),
  registrationAttempts: (c) => perDay(NAME_TRIES_PER_REGISTRATION * c.registrationsPerDay),
}
const TABLES = Object.keys(RATES) as (keyof Tables)[]

/** By name; see `Server.reconfigure`. */
export const LIVE_SETTINGS: ReadonlySet<string> = new Set<keyof ServerConfig>([
  'registration',
  'email',
  'directory',
  'presence',
  'registrationPuzzleBits',
  'registrationsPerDay',
  'maxClients',
  'maxClientsPerAddress',
  'anonymousLifeMs',
  'anonymousPerAddress',
  'sendsPerSecond',
  'sendBurst',
  'requestsPerSecond',
  'requestBurst',
  'directoryPerMinute',
  'directoryByNamePerMinute',
  'directoryFindsPerMinute',
  'presencePerMinute',
  'newRecipientsPerDay',
  'listChangesPerDay',
  'inactiveAccountDays',
  'blobsPerAccount',
])

export function buildBudgets(config: ServerConfig): Budgets {
  const tables = TABLES.map((name) => [name, new BucketTable(RATES[name](config))] as const)
  return {
    ...(Object.fromEntries(tables) as Tables),
    newRecipients: new NewRecipients(config.newRecipientsPerDay),
  }
}

/** Only those that differ: a changed one starts afresh for everybody, from each device's next login. */
export function changeBudgets(budgets: Budgets, before: ServerConfig, now: ServerConfig): void {
  for (const name of TABLES) {
    const [old, next] = [RATES[name](before), RATES[name](now)]
    if (old.perSecond !== next.perSecond || old.burst !== next.burst) budgets[name].change(next)
  }
  if (before.newRecipientsPerDay !== now.newRecipientsPerDay) {
    budgets.newRecipients.change(now.newRecipientsPerDay)
  }
}

function perMinute(count: number): Rate {
  return { perSecond: count / MINUTE_S, burst: 2 * count }
}

function perDay(count: number): Rate {
  return { perSecond: count / DAY_S, burst: count }
}
