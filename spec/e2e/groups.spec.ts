// A group of three, in pipes: made, talked in, a file for all, somebody removed.

import test from 'ava'

import { signIn, signInFriends, startStage } from '../helpers/cast.ts'
import { scratch, writeScratchFile } from '../helpers/programs.ts'

test.serial('three people and a group; whoever is removed reads nothing later', async (t) => {
  const root = await scratch(t)
  const server = await startStage(t, root)
  // bob knows alice, so the group is there at once; carol does not, and is asked
  const { alice, bob } = await signInFriends(t, server, root)
  const carol = await signIn(t, server, root, 'carol')
  alice.line('!group team bob carol')
  const [, invitation = ''] = await carol.waitFor(/!accept (\d+)/)
  carol.line(`!accept ${invitation}`)
  alice.line('#team hello all')
  await bob.waitFor(/^#team alice: hello all$/m)
  await carol.waitFor(/^#team alice: hello all$/m)
  carol.line('#team thanks')
  await bob.waitFor(/^#team carol: thanks$/m)
  await alice.waitFor(/^#team carol: thanks$/m)

  const path = await writeScratchFile(root, 'plan.txt', Buffer.from('the plan'))
  alice.line(`!file #team ${path}`)
  for (const member of [bob, carol]) {
    const [, offer = ''] = await member.waitFor(/plan\.txt[\s\S]*!accept (\d+)/)
    member.line(`!accept ${offer}`)
    await member.waitFor(/plan\.txt[^\n]*complete and unaltered/)
  }

  alice.line('!kick #team carol yes')
  await carol.waitFor(/removed you/)
  alice.line('#team without carol')
  await bob.waitFor(/^#team alice: without carol$/m)
  carol.line('#team am I still here?')
  await carol.waitFor(/not a member of #team/)
  carol.line('!history #team')
  for (const program of [alice, bob, carol]) program.end()
  t.deepEqual(await Promise.all([alice.exited, bob.exited]), [0, 0])
  await carol.exited
  t.false(carol.stdout.includes('without carol'))
})
