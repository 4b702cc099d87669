// One line of the doctor.
export type Verdict = 'ok' | 'warning' | 'bad'

export interface Check {
  readonly name: string
  readonly verdict: Verdict
  readonly text: string
}

export function check(name: string, verdict: Verdict, text: string): Check {
  return { name, verdict, text }
}
