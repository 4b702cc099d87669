// The numbers of a running server in the text format of Prometheus: counts only, no names, no addresses. Pure.
import type { ServerStats } from '../../server/server.ts'
import { COMMIT_BOUNDS_MS, type CommitTimes } from '../../storage/nedb/commit-times.ts'

export interface Measured {
  readonly stats: ServerStats
  readonly waiting: { readonly count: number; readonly bytes: number }
  readonly commits: Pick<CommitTimes, 'count' | 'counts' | 'totalMs'>
  readonly isHealthy: boolean
  /** Of the event loop since the last look. */
  readonly lag: { readonly meanMs: number; readonly maxMs: number }
  readonly rssBytes: number
  readonly uptimeMs: number
  readonly version: string
}

type Kind = 'gauge' | 'counter'

function metric(name: string, kind: Kind, help: string, value: number, labels = ''): string[] {
  const full = `securechat_${name}`
  return [`# HELP ${full} ${help}`, `# TYPE ${full} ${kind}`, `${full}${labels} ${value}`]
}

export function metricsText(m: Measured): string {
  const { stats, waiting, commits } = m
  const commit = 'securechat_commit_seconds'
  return [
    ...metric('info', 'gauge', 'Version of the server.', 1, `{version="${m.version}"}`),
    ...metric('up_seconds', 'gauge', 'Time since the start.', m.uptimeMs / 1000),
    ...metric('healthy', 'gauge', '1 while the store takes writes.', m.isHealthy ? 1 : 0),
    ...metric('connections', 'gauge', 'Connections, logged in or not.', stats.connections),
    ...metric('handshakes', 'gauge', 'Handshakes under way.', stats.handshakes),
    ...metric('devices', 'gauge', 'Devices that are logged in.', stats.devices),
    ...metric('streams', 'gauge', 'Open sender streams.', stats.streams),
    ...metric('frames_total', 'counter', 'Frames received.', stats.frames),
    ...metric('messages_total', 'counter', 'Messages accepted.', stats.messagesAccepted),
    ...metric('login_failures_total', 'counter', 'Logins that failed.', stats.loginFailures),
    '# HELP securechat_refused_total Connections not taken, and requests refused, by why.',
    '# TYPE securechat_refused_total counter',
    ...Object.entries(stats.refused).map(
      ([reason, count]) => `securechat_refused_total{reason="${reason}"} ${count}`,
    ),
    ...metric('mails_waiting', 'gauge', 'Messages in all mailboxes.', waiting.count),
    ...metric('mails_waiting_bytes', 'gauge', 'Their bytes.', waiting.bytes),
    ...metric('file_bytes_in_flight', 'gauge', 'Chunks in memory.', stats.fileBytesInFlight),
    `# HELP ${commit} Time until a group of writes was on the disk.`,
    `# TYPE ${commit} histogram`,
    ...COMMIT_BOUNDS_MS.map(
      (ms, k) => `${commit}_bucket{le="${ms / 1000}"} ${commits.counts[k] ?? 0}`,
    ),
    `${commit}_bucket{le="+Inf"} ${commits.count}`,
    `${commit}_sum ${commits.totalMs / 1000}`,
    `${commit}_count ${commits.count}`,
    ...metric('event_loop_lag_seconds', 'gauge', 'Mean since the last look.', m.lag.meanMs / 1000),
    ...metric(
      'event_loop_lag_max_seconds',
      'gauge',
      'Maximum since the last look.',
      m.lag.maxMs / 1000,
    ),
    ...metric('memory_bytes', 'gauge', 'Resident memory.', m.rssBytes),
    '',
  ].join('\n')
}
