// Settings that are wrong, or right one by one and of no use together.
import type { SecureChatError } from '../../../util/errors.ts'
import type { ServerSettings } from '../settings.ts'
import { type Check, check } from './check.ts'

/** Nothing starts with them; a server that runs has others. */
export function wrongSettings(wrong: readonly SecureChatError[]): Check[] {
  return wrong.map(({ message }) => check('config', 'bad', message))
}

const OF_ALL = [
  ['fileQuotaBytes', 'fileTotalBytes'],
  ['mailboxQuotaBytes', 'mailTotalBytes'],
  ['historyBytes', 'historyTotalBytes'],
] as const

/** Addresses to listen on that cover the one of the metrics port. */
const WITH_LOOPBACK: readonly string[] = ['0.0.0.0', '::', '127.0.0.1', 'localhost']

/** Empty: nothing contradicts itself. */
export function contradictions(settings: ServerSettings): Check[] {
  const found: Check[] = []
  const { host, port, metricsPort } = settings
  if (metricsPort !== 0 && metricsPort === port && WITH_LOOPBACK.includes(host)) {
    found.push(check('config', 'bad', 'metricsPort is the port of the server: it cannot start'))
  }
  const warn = (text: string): void => {
    found.push(check('config', 'warning', text))
  }
  if (settings.publicHost === null && settings.host === '0.0.0.0') {
    warn('no publicHost: invitations carry a guessed address')
  }
  if (settings.newRecipientsPerDay > 0 && settings.newRecipientsPerDay < 100) {
    warn('newRecipientsPerDay below 100: large groups fail')
  }
  if (settings.fileBytes > settings.fileQuotaBytes) {
    warn('fileBytes above fileQuotaBytes: the largest files never fit')
  }
  for (const [one, all] of OF_ALL) {
    if (settings[all] > 0 && settings[one] > settings[all]) {
      warn(`${one} above ${all}: a single account could use up what is there for all`)
    }
  }
  if (settings.registration === 'open' && settings.registrationsPerDay === 0) {
    warn('registration is open without a limit')
  }
  return found
}
