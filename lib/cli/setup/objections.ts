// What is wrong with settings that are right one by one: no server that people would find again.
import type { ServerSettings } from '../server/settings.ts'

/** Null: nothing is wrong with the port. */
export function portObjection({
  port,
  metricsPort,
}: Pick<ServerSettings, 'port' | 'metricsPort'>): string | null {
  if (port === 0) {
    return 'People get the port with their invite, so it has to stay the same: choose one from 1 to 65535.'
  }
  return port === metricsPort
    ? `Port ${port} is the one of the metrics (metricsPort): choose another for one of them.`
    : null
}
