// One run of the server in the foreground: log, banner, signals, and an end in order or, failing that, in time.
import { networkInterfaces } from 'node:os'
import { isatty } from 'node:tty'

import type { RsaPrivateKey } from '../../crypto/rsa.ts'
import { serverFingerprint } from '../../identity/fingerprint.ts'
import { codeOf } from '../../util/errors.ts'
import { EXIT, type ExitCode } from '../exit-codes.ts'
import { openLog, type ProgramLog } from '../log.ts'
import { systemClock } from '../system-clock.ts'
import { programVersion } from '../version.ts'
import { banner, inviteOf, type Standing } from './banner.ts'
import type { MetricsPort } from './metrics-port.ts'
import { type OperatorChannel, openChannel } from './operator/channel.ts'
import { groundOf } from './operator/ground.ts'
import { LiveSettings } from './reload.ts'
import { launchPasswordOrAsk } from './launch-password.ts'
import type { ServerSettings } from './settings.ts'
import { type RunningServer, startServer } from './start.ts'
import { watch } from './watch.ts'

/** Clients get 10 s to have their last requests answered; the store needs moments. */
const CLOSE_MS = 15_000
const STDOUT = 1
const QR_COLUMNS = 60
const QR_ROWS = 30

/** Resolves when the server has ended. A second signal, a crash or a hanging end leave the process at once. */
export async function serve(
  settings: ServerSettings,
  launchKey: Promise<RsaPrivateKey>,
  reread: () => ServerSettings,
): Promise<ExitCode> {
  const log = openLog({
    level: settings.logLevel,
    human: isatty(STDOUT),
    fullAddresses: settings.logAddresses,
    clock: systemClock,
  })
  const stopped = stopSignal(log)
  failStop(log)
  log.print('Generating keys for this start ..')
  const running = await startServer(settings, {
    clock: systemClock,
    log,
    launchKey,
    launchPassword: launchPasswordOrAsk(settings),
    onGeneratingKeys: () => {
      log.print('Generating the identity of this server, once ..')
      log.info('keys.generating', { folder: settings.keys })
    },
  })
  const metrics = await openMetrics(running, settings)
  const live = new LiveSettings(settings, reread, log)
  process.on('SIGHUP', () => {
    live.tryReload(running)
  })
  const channel = await listenToOperator(running, live, log)
  await announce(running, settings, log)
  const watching = watch(running, systemClock, log)
  const signal = await stopped
  log.info('stop.begin', { signal, connections: running.server.stats().connections })
  watching.stop()
  await channel?.close().catch(() => undefined)
  await metrics?.close()
  const inTime = await closeInTime(running, log)
  if (inTime) log.info('stop.done')
  else log.error('stop.incomplete', { what: 'what clients were told is accepted is on the disk' })
  await log.flush()
  process.exit(inTime ? EXIT.ok : EXIT.failure)
}

/** The first SIGINT or SIGTERM; a second one ends the process with what a crash would leave, which is enough. */
function stopSignal(log: ProgramLog): Promise<NodeJS.Signals> {
  // It would kill before the server is up and can read its configuration again.
  process.on('SIGHUP', () => {
    log.info('server.hangup')
  })
  return new Promise((resolve) => {
    let count = 0
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        count += 1
        if (count > 1) process.exit(EXIT.interrupted)
        resolve(signal)
      })
    }
  })
}

/** Read only by who watches: without a port it is not even loaded. */
async function openMetrics(
  running: RunningServer,
  { metricsPort }: ServerSettings,
): Promise<MetricsPort | null> {
  if (metricsPort === 0) return null
  try {
    const { openMetricsPort } = await import('./metrics-port.ts')
    return await openMetricsPort(metricsPort, running, systemClock)
  } catch (error) {
    await running.close().catch(() => undefined)
    throw error
  }
}

/** A server without its operator's ear still serves: signals and its log remain. */
async function listenToOperator(
  running: RunningServer,
  live: LiveSettings,
  log: ProgramLog,
): Promise<OperatorChannel | null> {
  const ground = groundOf(running, live.now, {
    clock: systemClock,
    settings: () => live.now,
    reload: () => Promise.resolve(live.reload(running)),
    stop: () => {
      process.kill(process.pid, 'SIGTERM')
    },
  })
  try {
    return await openChannel(live.now.data, ground, { clock: systemClock, log })
  } catch (error) {
    const cause = error instanceof Error ? error.message : ''
    log.error('operator.deaf', { code: codeOf(error), cause })
    return null
  }
}

/** After an error that nobody expected the state in memory is not to be trusted; the one on the disk is. */
function failStop(log: ProgramLog): void {
  process.on('uncaughtException', (error) => {
    log.error('server.crashed', { cause: error.message })
    process.stderr.write(`securechat-server: ${error.stack ?? error.message}\n`)
    void log.flush().finally(() => process.exit(EXIT.failure))
  })
}

async function closeInTime(running: RunningServer, log: ProgramLog): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => {
      resolve(false)
    }, CLOSE_MS)
  })
  const closed = running.close().then(
    () => true,
    (error: unknown) => {
      log.error('stop.failed', { cause: error instanceof Error ? error.message : String(error) })
      return false
    },
  )
  const inTime = await Promise.race([closed, late])
  clearTimeout(timer)
  return inTime
}

async function announce(
  { srv, port }: RunningServer,
  settings: ServerSettings,
  log: ProgramLog,
): Promise<void> {
  const standing: Standing = {
    settings,
    srv,
    port,
    version: programVersion(),
    pid: process.pid,
    nodeVersion: process.versions.node,
    startMs: performance.now(), // counts from the start of the process
    addresses: Object.values(networkInterfaces()).flatMap((list) => list ?? []),
  }
  const invite = inviteOf(standing)
  if (isatty(STDOUT)) {
    for (const line of banner(standing, await qrOf(invite))) log.print(line)
  } else {
    log.info('server.listening', {
      host: settings.host,
      port,
      version: standing.version,
      pid: standing.pid,
      startMs: Math.round(standing.startMs),
      fingerprint: serverFingerprint(srv),
      invite,
    })
  }
}

/** Null where it would not fit. */
async function qrOf(text: string): Promise<string[] | null> {
  const [cols, rows] = process.stdout.getWindowSize()
  if (cols < QR_COLUMNS || rows < QR_ROWS) return null
  const [{ qrRows }, { createTheme }] = await Promise.all([
    import('../client/qr.ts'),
    import('../theme.ts'),
  ])
  const theme = createTheme({ env: process.env, tty: true })
  const code = qrRows(text, { cols, rows })
  return code?.map((row) => row.map((span) => theme.paint('qr', span.text)).join('')) ?? null
}
