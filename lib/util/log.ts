// The log port. Rule for every caller: no content, no secret, no name, no full address - ids and counts only.

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>

export interface Log {
  debug(event: string, fields?: LogFields): void
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  error(event: string, fields?: LogFields): void
}

function ignore(): void {
  // a log that nobody reads
}

export const silentLog: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore }
