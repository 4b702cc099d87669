// The rows at the end of the screen: transfers, one status row, the prompt and the line being typed. Pure.
import { safeInline } from '../sanitise.ts'
import type { Glyphs } from '../theme.ts'
import type { Editor } from './editor.ts'
import { layout } from './layout.ts'
import { progressRow, type ProgressView } from './progress-row.ts'
import type { Question } from './questions.ts'
import { clipRow, plainText, type Row } from './rows.ts'
import type { Block } from './screen.ts'
import { truncate, width } from './width.ts'

export interface LiveState {
  readonly progress: readonly ProgressView[]
  readonly status: Row
  readonly prompt: Row
  /** In place of the prompt. */
  readonly question: Question | null
  readonly editor: Editor
}

const MAX_PROGRESS_ROWS = 3
const MAX_INPUT_ROWS = 6
/** Left for the answer behind a question. */
const ANSWER_COLS = 8

/** Where there is no room, transfers go first, then the status; the line being typed keeps at least one row. */
export function liveBlock(state: LiveState, cols: number, rows: number, glyphs: Glyphs): Block {
  const input = layout({
    prompt: promptRow(state, cols),
    input: { graphemes: state.editor.line.graphemes, cursor: state.editor.line.cursor },
    cols,
    maxRows: Math.max(1, Math.min(MAX_INPUT_ROWS, rows - 2)),
    newline: glyphs.newline,
  })
  // One row is left for the transcript.
  const room = Math.max(0, rows - 1 - input.rows.length)
  const status = state.status.length === 0 || room === 0 ? [] : [clipRow(state.status, cols - 1)]
  const transfers = progressRows(state.progress, cols, glyphs).slice(0, room - status.length)
  const above = [...transfers, ...status]
  return { rows: [...above, ...input.rows], row: above.length + input.row, col: input.col }
}

function progressRows(views: readonly ProgressView[], cols: number, glyphs: Glyphs): Row[] {
  const shown = views.slice(0, MAX_PROGRESS_ROWS).map((view) => progressRow(view, glyphs, cols))
  const more = views.length - shown.length
  if (more > 0) {
    const text = `  +${more} more transfer${more > 1 ? 's' : ''}`
    shown.push(clipRow([{ text, role: 'muted' }], cols - 1))
  }
  return shown
}

function promptRow({ editor, question, prompt }: LiveState, cols: number): Row {
  if (editor.search !== null) {
    const { query, missed } = editor.search
    return [{ text: `(search${missed ? ', nothing' : ''}) ${safeInline(query)}: `, role: 'muted' }]
  }
  if (question === null) return prompt
  // Whatever is cut, the number and what may be answered stay.
  const number = `[${question.number}] `
  const choices = ` ${question.choices} `
  const room = cols - 1 - ANSWER_COLS - width(number) - width(choices)
  const text = truncate(plainText(question.text), Math.max(0, room))
  return [{ text: number + text + choices, role: 'question' }]
}
