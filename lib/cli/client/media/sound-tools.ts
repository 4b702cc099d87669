// The programs that record and play, and what they are told. Best first; none may look into the network, ask anything, or take a
// file for something else than it is.

export type SoundKind = 'wav' | 'ogg' | 'flac' | 'mp3'

export interface Tool {
  readonly name: string
  /** The package it comes with. */
  readonly from: string
  readonly kinds: readonly SoundKind[]
  /** Absent: any. */
  readonly platforms?: readonly string[]
  /** `file` is absolute. */
  readonly args: (file: string, kind: SoundKind, platform: string) => readonly string[]
}

const ALL: readonly SoundKind[] = ['wav', 'ogg', 'flac', 'mp3']
const LINUX: readonly string[] = ['linux', 'freebsd']
/** Speech: 32 KB a second. */
const RATE = '16000'

export const RECORDERS: readonly Tool[] = [
  {
    name: 'arecord',
    from: 'alsa-utils',
    kinds: ['wav'],
    platforms: LINUX,
    args: (file) => ['-q', '-t', 'wav', '-f', 'S16_LE', '-r', RATE, '-c', '1', file],
  },
  {
    name: 'parecord',
    from: 'pulseaudio-utils',
    kinds: ['wav'],
    platforms: LINUX,
    args: (file) => ['--file-format=wav', '--format=s16le', `--rate=${RATE}`, '--channels=1', file],
  },
  {
    name: 'rec',
    from: 'sox',
    kinds: ['wav'],
    args: (file) => ['-q', '-c', '1', '-r', RATE, '-b', '16', file],
  },
  {
    name: 'sox',
    from: 'sox',
    kinds: ['wav'],
    args: (file) => ['-q', '-d', '-c', '1', '-r', RATE, '-b', '16', file],
  },
  {
    name: 'ffmpeg',
    from: 'ffmpeg',
    kinds: ['wav'],
    args: (file, _, platform) => [
      ...['-hide_banner', '-loglevel', 'error', '-nostdin', '-f'],
      ...(platform === 'darwin' ? ['avfoundation', '-i', ':default'] : ['alsa', '-i', 'default']),
      ...['-ac', '1', '-ar', RATE, '-y', file],
    ],
  },
]

export const PLAYERS: readonly Tool[] = [
  {
    name: 'paplay',
    from: 'pulseaudio-utils',
    kinds: ['wav', 'ogg', 'flac'],
    platforms: LINUX,
    args: (file) => [file],
  },
  {
    name: 'aplay',
    from: 'alsa-utils',
    kinds: ['wav'],
    platforms: LINUX,
    args: (file) => ['-q', '-t', 'wav', file],
  },
  {
    name: 'afplay',
    from: 'macOS',
    kinds: ['wav', 'flac', 'mp3'],
    platforms: ['darwin'],
    args: (file) => [file],
  },
  {
    name: 'ffplay',
    from: 'ffmpeg',
    kinds: ALL,
    args: (file, kind) => [
      ...['-nodisp', '-autoexit', '-loglevel', 'error', '-protocol_whitelist', 'file'],
      ...['-f', kind, file],
    ],
  },
  {
    name: 'mpv',
    from: 'mpv',
    kinds: ALL,
    args: (file, kind) => [
      ...['--no-config', '--no-video', '--really-quiet', '--ytdl=no', '--load-scripts=no'],
      ...['--demuxer=lavf', `--demuxer-lavf-format=${kind}`, '--', file],
    ],
  },
  {
    name: 'play',
    from: 'sox',
    kinds: ALL,
    args: (file, kind) => ['-q', '-t', kind, file],
  },
]
