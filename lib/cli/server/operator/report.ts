// The state of a server in numbers, for `status`, `doctor` and the metrics port.
import { statfs } from 'node:fs/promises'

import { serverFingerprint } from '../../../identity/fingerprint.ts'
import type { ServerStats } from '../../../server/server.ts'
import { programVersion } from '../../version.ts'
import type { ServerSettings } from '../settings.ts'
import type { RunningServer } from '../start.ts'

export interface Report {
  readonly version: string
  readonly running: boolean
  readonly pid: number
  readonly uptimeMs: number
  readonly fingerprint: string
  readonly host: string
  readonly port: number
  readonly registration: string
  readonly connections: number
  readonly maxClients: number
  readonly devices: number
  readonly accounts: number
  readonly mails: number
  readonly mailBytes: number
  readonly messagesAccepted: number
  readonly bans: number
  readonly loginFailures: number
  readonly refused: ServerStats['refused']
  readonly store: 'ok' | 'readonly' | 'down'
  readonly diskFreeBytes: number | null
  readonly freeBytes: number
  readonly fileQuotaBytes: number
  readonly mailboxQuotaBytes: number
  readonly historyBytes: number
  /** 0: as much as the disk takes. */
  readonly fileTotalBytes: number
  readonly mailTotalBytes: number
  readonly historyTotalBytes: number
  readonly rssBytes: number
  /** ms since 1970 of the last backup written from here; null: none is known. */
  readonly backupAt: number | null
  /** Where `move` has put this server, so that it does not start here again. */
  readonly moved: { readonly at: number; readonly file: string } | null
}

export async function reportOf(
  running: RunningServer,
  settings: ServerSettings,
  now: number,
  more: Pick<Report, 'uptimeMs' | 'backupAt' | 'moved'> & { readonly isRunning: boolean },
): Promise<Report> {
  const { server, store, srv } = running
  const stats = server.stats()
  const [accounts, waiting, bans, health, disk] = await Promise.all([
    server.users.count(),
    store.mail.total(),
    server.bans.all(now),
    store.health(),
    statfs(settings.data).catch(() => null),
  ])
  return {
    version: programVersion(),
    running: more.isRunning,
    pid: process.pid,
    uptimeMs: Math.round(more.uptimeMs),
    fingerprint: serverFingerprint(srv),
    host: settings.host,
    port: running.port,
    registration: settings.registration,
    connections: stats.connections,
    maxClients: settings.maxClients,
    devices: stats.devices,
    accounts,
    mails: waiting.count,
    mailBytes: waiting.bytes,
    messagesAccepted: stats.messagesAccepted,
    bans: bans.length,
    loginFailures: stats.loginFailures,
    refused: stats.refused,
    store: health,
    diskFreeBytes: disk === null ? null : disk.bavail * disk.bsize,
    freeBytes: settings.freeBytes,
    fileQuotaBytes: settings.fileQuotaBytes,
    mailboxQuotaBytes: settings.mailboxQuotaBytes,
    historyBytes: settings.historyBytes,
    fileTotalBytes: settings.fileTotalBytes,
    mailTotalBytes: settings.mailTotalBytes,
    historyTotalBytes: settings.historyTotalBytes,
    rssBytes: process.memoryUsage.rss(),
    backupAt: more.backupAt,
    moved: more.moved,
  }
}
