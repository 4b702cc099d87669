// Lengths of time as people write them: `90s`, `5m`, `1h`, `2d`, `1w`. Pure.

const UNITS: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 7 * 86_400,
}

/** In seconds; null for anything else. */
export function parseSpan(typed: string): number | null {
  const [, count = '', unit = ''] = /^(\d{1,6})([smhdw])$/i.exec(typed) ?? []
  const seconds = UNITS[unit.toLowerCase()]
  return seconds === undefined ? null : Number(count) * seconds
}

/** In the largest unit, up to days, that leaves no rest: parseSpan reads it again. Whole seconds. */
export function spanText(ms: number): string {
  const seconds = ms / 1000
  const unit = ['d', 'h', 'm'].find((each) => seconds % (UNITS[each] ?? 1) === 0) ?? 's'
  return `${seconds / (UNITS[unit] ?? 1)}${unit}`
}
