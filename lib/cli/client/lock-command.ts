// `!lock`: the session ends, its keys leave the memory, and nothing that was shown or typed stays within reach; then only the
// password leads back, also after a new start. What is sent meanwhile waits on the server and is shown after it.
import { codeOf, fail } from '../../util/errors.ts'
import { formsOf, signedIn } from './account-commands.ts'
import type { App } from './app.ts'

export async function lock(app: App): Promise<void> {
  const session = app.requireSession()
  if (!app.front.attended)
    fail('E_STATE', 'There is no screen to lock here. !logout ends the session.')
  const { user } = session.me
  const stays = await session.staysSignedIn()
  await app.hangUp(() => session.logout())
  app.leave(session)
  app.front.conceal?.()
  await app.front.form(() => unlock(app, user, stays))
}

/** Asks until it is the password. Who gives up ends the program: nobody gets behind a lock by cancelling it. */
async function unlock(app: App, user: string, stays: boolean): Promise<void> {
  const forms = formsOf(app, '--username NAME')
  app.front.row(
    '*',
    'Locked. What is written to you meanwhile comes after the password. Ctrl-C quits.',
  )
  for (;;) {
    try {
      const password = await forms.password({ message: `Password of ${user}:` })
      if (password === '') continue
      const lobby = await app.lobby()
      const lockedBy = stays && !app.lock ? 'device' : 'password'
      signedIn(app, await lobby.login({ username: user, password, lock: lockedBy }))
      return
    } catch (error) {
      if (codeOf(error) === 'E_CANCELLED') {
        app.quit()
        return
      }
      if (app.ended) return
      app.showError(error)
    }
  }
}
