// Builds the parts of a session and ties them together. Nothing runs before `start`; everything a part needs of another one
// that is built later goes through a function.
import { openConversations } from './conversations-of.ts'
import { Core, type CoreOptions } from './core.ts'
import { openPeople } from './people-of.ts'
import { openTraffic } from './traffic-of.ts'

export async function buildCore(options: CoreOptions): Promise<Core> {
  const core = new Core(options)
  await openPeople(core)
  await openConversations(core)
  await openTraffic(core)
  await core.messages.sweep(core.clock.now())
  core.expiry.start()
  return core
}
