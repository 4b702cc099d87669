// The metrics port: numbers in the form that Prometheus reads, health as a status, and nothing for anybody else.
import test from 'ava'

import { metricsText } from '../../../lib/cli/server/metrics.ts'
import { openMetricsPort } from '../../../lib/cli/server/metrics-port.ts'
import type { RunningServer } from '../../../lib/cli/server/start.ts'
import { systemClock } from '../../../lib/cli/system-clock.ts'
import { CommitTimes } from '../../../lib/storage/nedb/commit-times.ts'
import { FakeClock } from '../../helpers/fake-clock.ts'

const STATS = {
  ...{ connections: 3, handshakes: 1, devices: 2, streams: 4, messagesAccepted: 50 },
  ...{ fileBytesInFlight: 0, frames: 700, loginFailures: 6 },
  refused: {
    banned: 7,
    full: 8,
    handshake: 9,
    guess: 10,
    rate: 11,
    registration: 12,
    invitation: 13,
  },
}

function running(health: () => 'ok' | 'readonly' | 'down'): RunningServer {
  return {
    server: { stats: () => STATS },
    store: {
      health: () => Promise.resolve(health()),
      mail: { total: () => Promise.resolve({ count: 11, bytes: 1200 }) },
      commits: new CommitTimes(new FakeClock()),
    },
  } as unknown as RunningServer
}

test('how long commits took, as a histogram', async (t) => {
  const clock = new FakeClock()
  const commits = new CommitTimes(clock)
  for (const ms of [0, 3, 70, 5000]) {
    await commits.time(() => {
      clock.advance(ms)
      return Promise.resolve()
    })
  }
  await t.throwsAsync(commits.time(() => Promise.reject(new Error('disk'))))
  t.is(commits.count, 4)
  t.is(commits.totalMs, 5073)
  t.deepEqual(commits.counts, [1, 2, 2, 2, 3, 3, 3])
})

test('every line is a comment or a metric with a number, each with its type', (t) => {
  const text = metricsText({
    stats: STATS,
    waiting: { count: 11, bytes: 1200 },
    commits: { count: 2, counts: [1, 1, 1, 1, 1, 2, 2], totalMs: 300 },
    isHealthy: true,
    lag: { meanMs: 1, maxMs: 40 },
    ...{ rssBytes: 1, uptimeMs: 5000, version: '1.2.3' },
  })
  for (const line of text.trimEnd().split('\n')) {
    t.regex(
      line,
      /^(# (HELP|TYPE) securechat_[a-z_]+ .+|securechat_[a-z_]+(\{[a-z]+="[^"]*"\})? [\d.]+)$/,
    )
  }
  for (const expected of [
    'securechat_connections 3',
    'securechat_login_failures_total 6',
    'securechat_refused_total{reason="banned"} 7',
    'securechat_refused_total{reason="guess"} 10',
    'securechat_refused_total{reason="invitation"} 13',
    'securechat_mails_waiting 11',
    'securechat_commit_seconds_bucket{le="0.5"} 2',
    'securechat_commit_seconds_bucket{le="+Inf"} 2',
    'securechat_commit_seconds_sum 0.3',
    'securechat_event_loop_lag_max_seconds 0.04',
  ]) {
    t.true(text.includes(`\n${expected}\n`), expected)
  }
})

test('metrics and health are answered, other questions are not', async (t) => {
  let health: 'ok' | 'down' = 'ok'
  const metrics = await openMetricsPort(
    0,
    running(() => health),
    systemClock,
  )
  const base = `http://127.0.0.1:${metrics.port}`
  const get = async (path: string, init?: RequestInit): Promise<readonly [number, string]> => {
    const response = await fetch(base + path, init)
    return [response.status, await response.text()]
  }
  const [status, text] = await get('/metrics')
  t.is(status, 200)
  t.regex(text, /\nsecurechat_devices 2\n/)
  t.deepEqual(await get('/health'), [200, 'ok\n'])
  health = 'down'
  t.deepEqual(await get('/health'), [503, 'down\n'])
  t.is((await get('/../etc/passwd'))[0], 404)
  t.is((await get('/metrics', { method: 'POST', body: 'x' }))[0], 405)
  await t.throwsAsync(
    openMetricsPort(
      metrics.port,
      running(() => 'ok'),
      systemClock,
    ),
    {
      code: 'E_CONNECT',
    },
  )
  await metrics.close()
  await t.throwsAsync(get('/health'))
})
