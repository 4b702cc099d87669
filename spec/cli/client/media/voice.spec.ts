// Voice and sound by programs of the system: fake ones on a PATH of our own that note how they were called.
import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

import test from 'ava'

import type { Offer } from '../../../../lib/client/events.ts'
import { runLine } from '../../../../lib/cli/client/dispatch.ts'
import type { Forms } from '../../../../lib/cli/client/front.ts'
import { dropRecording, newRecording } from '../../../../lib/cli/client/media/recordings.ts'
import { Sound, soundKind } from '../../../../lib/cli/client/media/sound.ts'
import { createNodeFiles } from '../../../../lib/cli/node-files.ts'
import { systemClock } from '../../../../lib/cli/system-clock.ts'
import { type FakeApp, fakeApp, OFFER } from '../../../helpers/fake-front.ts'
import { scratch } from '../../../helpers/programs.ts'

const WAV = Buffer.concat([Buffer.from('RIFF\0\0\0\0WAVEfmt '), Buffer.alloc(100)])

/** Writes sound into its last argument, then goes on until it is interrupted. */
const RECORDS = `for last; do :; done
printf 'RIFF0000WAVEfmt and so on, a second of it or two, it is long enough' > "$last"
exec /bin/sleep 60`
const PLAYS = 'exit 0'
const FAILS = 'echo "no such device: default" >&2; exit 1'
const PLAYS_LONG = 'exec /bin/sleep 60'

interface World {
  readonly kit: FakeApp
  readonly root: string
  readonly sound: Sound
  readonly offered: { readonly to: string; readonly path: string; readonly bytes: Buffer }[]
  /** Lines \`name arguments\` of all calls. */
  calls(): Promise<string[]>
  files: Offer[]
}

async function world(
  t: Parameters<typeof scratch>[0],
  tools: Readonly<Record<string, string>>,
  sleep: (ms: number) => Promise<void> = () => Promise.resolve(),
): Promise<World> {
  const root = await scratch(t)
  const bin = join(root, 'bin')
  const log = join(root, 'calls')
  await mkdir(bin)
  await writeFile(log, '')
  for (const [name, script] of Object.entries(tools)) {
    const path = join(bin, name)
    await writeFile(path, `#!/bin/sh\necho "${name} $*" >> ${log}\n${script}\n`)
    await chmod(path, 0o755)
  }
  const sound = new Sound({ env: { PATH: bin }, platform: 'linux', clock: systemClock })
  const offered: World['offered'] = []
  t.teardown(async () => {
    for (const { path } of offered) await dropRecording(path)
  })
  const kit = fakeApp(
    {
      whois: (user: string) =>
        user === 'alice' ? Promise.resolve({} as never) : Promise.reject(notFound(user)),
      offerFile: async (to: string, path: string) => {
        offered.push({ to, path, bytes: await readFile(path) })
        return { ...OFFER, direction: 'out', peer: to, name: 'voice.wav', path }
      },
      files: () => Promise.resolve(result.files),
      message: () => Promise.resolve(null),
      cancel: () => Promise.resolve(result.files[0] ?? OFFER),
    },
    {
      sound,
      sleep,
      deps: {
        clock: systemClock,
        log: { debug: () => undefined, error: () => undefined },
        files: createNodeFiles(root),
      } as never,
    },
  )
  const result: World = {
    kit,
    root,
    sound,
    offered,
    files: [],
    calls: async () => (await readFile(log, 'utf8')).trim().split('\n'),
  }
  return result
}

function notFound(user: string): Error {
  return Object.assign(new Error(`No user called @${user}.`), { code: 'E_NOT_FOUND' })
}

/** Answers the question as soon as the recorder has written something. */
function answering(w: World, yes: boolean): Forms {
  return {
    confirm: async (message: string) => {
      w.kit.front.said.push(`form ${message}`)
      while ((await w.calls()).join('') === '') await new Promise((r) => setImmediate(r))
      for (;;) {
        const [, path = ''] = /(\/\S+\.wav)/.exec((await w.calls()).join('\n')) ?? []
        if (existsSync(path) && (await readFile(path)).length > 44) return yes
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
  } as unknown as Forms
}

test('a recording is sent as a file when the person says so', async (t) => {
  const w = await world(t, { arecord: RECORDS })
  w.kit.front.forms = answering(w, true)
  t.is(await runLine(w.kit.app, '!voice alice'), null)
  t.is(w.offered.length, 1)
  t.is(w.offered[0]?.to, 'alice')
  t.regex(w.offered[0]?.path ?? '', /voice-\d{4}-\d\d-\d\d-\d{4}\.wav$/)
  t.is(w.offered[0]?.bytes.toString('latin1', 0, 4), 'RIFF')
  t.regex((await w.calls())[0] ?? '', /^arecord -q -t wav -f S16_LE -r 16000 -c 1 \//)
  t.regex(w.kit.front.said.join('\n'), /form Recording for @alice, at most 120 s\. Send it\?/)
  const folder = dirname(w.offered[0]?.path ?? '')
  t.true(existsSync(folder), 'the upload reads it')
  const path = w.offered[0]?.path ?? ''
  w.kit.emit({ type: 'file-done', offer: { ...OFFER, direction: 'out', path } })
  while (existsSync(folder)) await new Promise((resolve) => setImmediate(resolve))
})

test('a recording that is cancelled is not kept; what is no recording is not touched', async (t) => {
  const w = await world(t, {})
  const path = await newRecording(Date.UTC(2026, 10, 20))
  const others = [join(w.root, basename(path)), join(dirname(path), 'other.wav')]
  for (const each of [path, ...others]) await writeFile(each, WAV)
  for (const each of [...others, undefined, '', '/']) await dropRecording(each)
  t.true([path, ...others].every((each) => existsSync(each)))
  w.files = [{ ...OFFER, direction: 'out', state: 'running', path }]
  t.is(await runLine(w.kit.app, '!cancel 3'), null)
  t.false(existsSync(dirname(path)))
  t.true(existsSync(others[0] ?? ''))
})

test('what is not wanted leaves nothing', async (t) => {
  const w = await world(t, { arecord: RECORDS })
  w.kit.front.forms = answering(w, false)
  t.is(await runLine(w.kit.app, '!voice alice'), null)
  t.deepEqual(w.offered, [])
  t.is(w.kit.front.said.at(-1), '* Nothing was sent.')
  const [, path = ''] = /(\/\S+\.wav)/.exec((await w.calls()).join('\n')) ?? []
  t.false(existsSync(dirname(path)))
})

test('for so many seconds, without a terminal', async (t) => {
  const w = await world(t, { parecord: RECORDS })
  const error = await runLine(w.kit.app, '!voice alice')
  t.is(error?.code, 'E_USAGE')
  t.regex(error?.message ?? '', /!voice alice 10/)
  const long = await world(t, { parecord: RECORDS }, async () => {
    await answering(long, true).confirm('', true)
  })
  t.is(await runLine(long.kit.app, '!voice alice 3'), null)
  t.is(long.offered.length, 1)
  t.regex(long.kit.front.said.join('\n'), /\* Recording 3 s for @alice with parecord\./)
  t.regex((await long.calls())[0] ?? '', /^parecord --file-format=wav /)
})

test('a recorder that cannot: its reason, cleaned, and nothing is sent', async (t) => {
  const w = await world(t, { arecord: `printf 'no \\033[2Jdevice\\n' >&2; exit 1` })
  w.kit.front.forms = { confirm: () => new Promise(() => undefined) } as unknown as Forms
  const error = await runLine(w.kit.app, '!voice alice')
  t.is(error?.code, 'E_FILE')
  t.is(error?.message, 'arecord cannot record: no \ufffd[2Jdevice')
  t.deepEqual(w.offered, [])
})

test('a recorder that writes nothing is no message', async (t) => {
  const w = await world(t, { arecord: 'exec /bin/sleep 60' })
  w.kit.front.forms = { confirm: () => Promise.resolve(true) } as unknown as Forms
  const error = await runLine(w.kit.app, '!voice alice')
  t.regex(error?.message ?? '', /recorded nothing|cannot record/)
  t.deepEqual(w.offered, [])
})

test('no program: which ones would do', async (t) => {
  const w = await world(t, {})
  await writeFile(join(w.root, 'a.wav'), WAV)
  w.files = [{ ...OFFER, state: 'done', path: join(w.root, 'a.wav') }]
  w.kit.front.forms = {} as Forms
  t.is(
    (await runLine(w.kit.app, '!voice alice'))?.message,
    'There is no program here to record with. One of: arecord (alsa-utils), parecord (pulseaudio-utils), rec (sox), sox, ffmpeg.',
  )
  t.regex(
    (await runLine(w.kit.app, '!play 3'))?.message ?? '',
    /^There is no program here to play with\. One of: paplay \(pulseaudio-utils\), aplay/,
  )
})

for (const [line, code] of [
  ['!voice alice 0', 'E_USAGE'],
  ['!voice alice 121', 'E_USAGE'],
  ['!voice alice soon', 'E_USAGE'],
  ['!voice', 'E_USAGE'],
  ['!voice #nobody 3', 'E_NOT_FOUND'],
  ['!play x', 'E_USAGE'],
  ['!play 99', 'E_NOT_FOUND'],
  ['!play 3', 'E_STATE'],
  ['!show 3', 'E_STATE'],
  ['!show 99', 'E_NOT_FOUND'],
] as const) {
  test(`refused: ${line}`, async (t) => {
    const w = await world(t, { arecord: RECORDS })
    w.files = [{ ...OFFER, state: 'running' }]
    t.is((await runLine(w.kit.app, line))?.code, code)
    t.is((await readdir(w.root)).includes('voice'), false)
    t.is((await w.calls()).join(''), '')
  })
}

test('a sound is played as what it is, by a program that can', async (t) => {
  const w = await world(t, { ffplay: PLAYS, aplay: PLAYS })
  const path = join(w.root, 'a.wav')
  w.files = [{ ...OFFER, state: 'done', path }]
  await writeFile(path, WAV)
  t.is(await runLine(w.kit.app, '!play 3'), null)
  await writeFile(path, Buffer.from('OggS and so on'))
  t.is(await runLine(w.kit.app, '!play 3'), null)
  t.deepEqual(await w.calls(), [
    `aplay -q -t wav ${path}`,
    `ffplay -nodisp -autoexit -loglevel error -protocol_whitelist file -f ogg ${path}`,
  ])
  t.regex(w.kit.front.said[0] ?? '', /^\* Playing doc\.pdf \(2\.1 MB\) with aplay\./)
})

test('what is no sound is never given to a player: playlists, pages, programs', async (t) => {
  const w = await world(t, { mpv: PLAYS, ffplay: PLAYS })
  const path = join(w.root, 'song.mp3')
  w.files = [{ ...OFFER, state: 'done', path }]
  for (const text of [
    '#EXTM3U\nhttp://evil.example/',
    'ffconcat version 1.0',
    'RIFF....AVI ',
    '',
  ]) {
    await writeFile(path, text)
    t.is((await runLine(w.kit.app, '!play 3'))?.code, 'E_FORMAT', text)
  }
  t.is((await w.calls()).join(''), '')
})

test('a player that fails says why; one that is stopped says nothing', async (t) => {
  const w = await world(t, { aplay: FAILS })
  const path = join(w.root, 'a.wav')
  await writeFile(path, WAV)
  w.files = [{ ...OFFER, state: 'done', path }]
  t.is(
    (await runLine(w.kit.app, '!play 3'))?.message,
    'aplay cannot play it: no such device: default',
  )

  const long = await world(t, { aplay: PLAYS_LONG })
  long.files = w.files
  t.is(await runLine(long.kit.app, '!play stop'), null)
  t.is(long.kit.front.said.at(-1), '* Nothing is playing.')
  const playing = runLine(long.kit.app, '!play 3')
  while (!long.kit.front.said.some((row) => row.startsWith('* Playing'))) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.is(await runLine(long.kit.app, '!play stop'), null)
  t.is(long.kit.front.said.at(-1), '* Stopped.')
  t.is(await playing, null)
})

test('nothing goes on playing when the messenger ends', async (t) => {
  const w = await world(t, { aplay: PLAYS_LONG })
  const path = join(w.root, 'a.wav')
  await writeFile(path, WAV)
  w.files = [{ ...OFFER, state: 'done', path }]
  const playing = runLine(w.kit.app, '!play 3')
  while (!w.kit.front.said.some((row) => row.startsWith('* Playing'))) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  w.sound.stop()
  t.is(await playing, null)
})

test('sounds are known by their first bytes', (t) => {
  t.is(soundKind(WAV), 'wav')
  t.is(soundKind(Buffer.from('fLaC')), 'flac')
  t.is(soundKind(Buffer.from('ID3\x03')), 'mp3')
  t.is(soundKind(Buffer.from([0xff, 0xfb, 0x90])), 'mp3')
  for (const bytes of [Buffer.alloc(0), Buffer.from('ID'), Buffer.from([0xff, 0xd8, 0xff])]) {
    t.throws(() => soundKind(bytes), { code: 'E_FORMAT' })
  }
})
