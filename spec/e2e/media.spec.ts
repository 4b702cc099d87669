// Pictures and voice between the real programs: the compiled worker decodes, the tools of the system are fake ones.
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import anyTest from 'ava'

import { encodePng } from '../../lib/cli/client/media/png.ts'
import { signInFriends, startStage } from '../helpers/cast.ts'
import { scratch } from '../helpers/programs.ts'
import { openScreen } from '../helpers/screen.ts'

const test = anyTest.serial

/** Four quarters: red, green, blue, white. */
function picture(): Uint8Array {
  const [width, height] = [40, 40]
  const data = new Uint8Array(width * height * 4)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [r, g, b] = [
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
        [255, 255, 255],
      ][(y < 20 ? 0 : 2) + (x < 20 ? 0 : 1)] as [number, number, number]
      data.set([r, g, b, 255], (y * width + x) * 4)
    }
  }
  return encodePng({ width, height, data })
}

async function tool(bin: string, name: string, script: string): Promise<void> {
  const path = join(bin, name)
  await writeFile(path, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
}

test('a picture is seen when it has come; a voice message goes the other way and is heard', async (t) => {
  const root = await scratch(t)
  const server = await startStage(t, root)
  const { alice, bob } = await signInFriends(t, server, root)
  alice.end()
  await alice.exited

  const bin = join(root, 'bin')
  await mkdir(bin)
  await tool(
    bin,
    'arecord',
    `for last; do :; done\nprintf 'RIFF0000WAVEfmt of a voice, long enough to be one' > "$last"\nexec sleep 60`,
  )
  await tool(bin, 'paplay', `cat "$1" > ${join(root, 'heard')}`)
  const screen = openScreen(
    t,
    [server.uri, '-u', 'alice', '--download-dir', join(root, 'downloads')],
    {
      SECURECHAT_HOME: join(root, 'alice'),
      COLORTERM: 'truecolor',
      PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    },
  )
  await screen.waitFor(/Signed in as alice/)

  const sent = join(root, 'photo')
  await writeFile(sent, picture())
  bob.line(`!file alice ${sent}`)
  const [, number = ''] = await screen.waitFor(/photo[\s\S]*?!accept (\d+)/)
  screen.type(`!accept ${number}\r`)
  await screen.waitFor(/complete and unaltered[\s\S]*\n {2}\u2580{38,40}\n/u)
  t.regex(screen.raw, /\[38;2;255;0;0m.*\[38;2;0;255;0m/u)
  t.regex(screen.raw, /\[38;2;0;0;255m.*\[38;2;255;255;255m/u)

  screen.type('!voice bob\r')
  await screen.waitFor(/Recording for @bob[^\n]*Send it\?/)
  await new Promise((resolve) => setTimeout(resolve, 500)) // somebody speaks
  screen.type('y\r')
  const [, voice = ''] = await screen.waitFor(/\[(\d+)\] Offered voice-[\d-]+\.wav/)
  const [, offer = ''] = await bob.waitFor(/voice-[\d-]+\.wav[^\n]*!accept (\d+)/)
  bob.line(`!accept ${offer}`)
  const [, path = ''] = await bob.waitFor(/complete and unaltered: (\S+\.wav)/)
  t.regex(await readFile(path, 'latin1'), /^RIFF0000WAVEfmt of a voice/)

  await writeFile(join(root, 'song.wav'), 'RIFF0000WAVEfmt a song')
  bob.line(`!file alice ${join(root, 'song.wav')}`)
  const [, song = ''] = await screen.waitFor(/song\.wav[\s\S]*?!accept (\d+)/)
  screen.type(`!accept ${song}\r`)
  await screen.waitFor(/song\.wav[^\n]*complete and unaltered/)
  screen.type(`!play ${song}\r`)
  await screen.waitFor(/Playing song\.wav[^\n]*with paplay/)
  let heard = ''
  for (let i = 0; i < 200 && heard === ''; i++) {
    heard = await readFile(join(root, 'heard'), 'latin1').catch(() => '')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  t.is(heard, 'RIFF0000WAVEfmt a song')
  t.not(voice, song)
  screen.type('!quit\r')
  t.deepEqual(await screen.exited, { code: 0, signal: 0 })
})
