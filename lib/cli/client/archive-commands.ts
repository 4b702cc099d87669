// Commands about what was said long ago: the export of a chat.
import { fail } from '../../util/errors.ts'
import { writeNewFile } from '../new-file.ts'
import { isolate, safeInline } from '../sanitise.ts'
import type { App } from './app.ts'
import { conversationOf } from './chat-target.ts'
import { chatWord, isGroupName } from './chat-words.ts'
import { exportLines } from './export-format.ts'
import { restoring } from './restore-row.ts'

const USAGE = 'Usage: !export CHAT FILE [--json] [--force]   Example: !export alice alice.md'

export async function exportChat(app: App, args: readonly string[]): Promise<void> {
  const options = args.filter((arg) => arg.startsWith('--'))
  const [typed, path, ...more] = args.filter((arg) => !arg.startsWith('--'))
  const isKnown = options.every((option) => option === '--json' || option === '--force')
  if (typed === undefined || path === undefined || more.length > 0 || !isKnown) {
    fail('E_USAGE', USAGE)
  }
  const session = app.requireSession()
  const { chat: name } = await conversationOf(session, typed)
  if (!session.archive.status().restore.done) {
    if (session.status().connection.state !== 'online') {
      fail('E_CONNECT', 'Your history has not come back yet, and you are offline. Connect first.')
    }
    app.front.row('*', `${restoring(session.archive.status().restore)} The export waits for it.`)
    await session.archive.restored()
  }
  const format = options.includes('--json') ? 'json' : 'markdown'
  const lines = exportLines(format, name, session.archive.messages(name))
  let count = 0
  async function* counted(): AsyncGenerator<string> {
    for await (const view of lines) {
      count += view.startsWith('- ') || format === 'json' ? 1 : 0
      yield view
    }
  }
  const written = await writeNewFile(path, counted(), { replace: options.includes('--force') })
  const what = count === 1 ? '1 message' : `${String(count)} messages`
  app.front.row(
    '*',
    `${what} ${isGroupName(name) ? 'in' : 'with'} ${chatWord(name)}: ${isolate(safeInline(written))}`,
  )
}
