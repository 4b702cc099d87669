// Metrics and health over HTTP, on this machine only: whoever watches from elsewhere comes through a tunnel or an agent.
// The one home of node:http.
import { createServer } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'

import type { Clock } from '../../util/clock.ts'
import { fail } from '../../util/errors.ts'
import { programVersion } from '../version.ts'
import { type Measured, metricsText } from './metrics.ts'
import type { RunningServer } from './start.ts'

const HOST = '127.0.0.1'
const RESOLUTION_MS = 20
const REQUEST_MS = 5000
const NS_PER_MS = 1e6

export interface MetricsPort {
  readonly port: number
  close(): Promise<void>
}

/** @throws E_CONNECT */
export async function openMetricsPort(
  port: number,
  running: RunningServer,
  clock: Clock,
): Promise<MetricsPort> {
  const since = clock.monotonic()
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  const measure = async (): Promise<Measured> => {
    const { server, store } = running
    const ms = (ns: number): number =>
      Number.isFinite(ns) ? Math.max(0, ns / NS_PER_MS - RESOLUTION_MS) : 0
    const lag = { meanMs: ms(delay.mean), maxMs: ms(delay.max) }
    delay.reset()
    return {
      stats: server.stats(),
      waiting: await store.mail.total(),
      commits: store.commits,
      isHealthy: (await store.health()) === 'ok',
      lag,
      rssBytes: process.memoryUsage.rss(),
      uptimeMs: clock.monotonic() - since,
      version: programVersion(),
    }
  }
  const answer = async (path: string): Promise<readonly [number, string]> => {
    if (path === '/metrics') return [200, metricsText(await measure())]
    if (path !== '/health') return [404, '/metrics or /health\n']
    const health = await running.store.health()
    return [health === 'ok' ? 200 : 503, `${health}\n`]
  }
  const http = createServer({ requestTimeout: REQUEST_MS }, (request, response) => {
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    const answering = isRead ? answer(request.url ?? '') : Promise.resolve([405, ''] as const)
    answering.then(
      ([status, text]) => {
        response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
        response.end(text)
      },
      () => {
        response.writeHead(503).end('down\n')
      },
    )
  })
  http.maxConnections = 16
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject)
    http.listen(port, HOST, resolve)
  }).catch((cause: unknown) => {
    delay.disable()
    fail('E_CONNECT', `The metrics port ${HOST}:${port} cannot be used: choose another.`, cause)
  })
  const address = http.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () => {
      delay.disable()
      http.closeAllConnections()
      http.close()
      return Promise.resolve()
    },
  }
}
