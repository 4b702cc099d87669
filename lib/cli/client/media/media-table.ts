// The commands about pictures and voice, as rows of the command table.
import type { Command } from '../command.ts'
import { play, show, voice } from './media-commands.ts'

export const MEDIA_COMMANDS: readonly Command[] = [
  {
    name: 'show',
    group: 'Files',
    usage: 'NUMBER',
    summary: 'Shows a file that is a picture: PNG, JPEG or GIF. !set preview off: only when asked.',
    example: '!show 3',
    needs: 'login',
    args: [1, 1],
    run: show,
  },
  {
    name: 'voice',
    group: 'Files',
    usage: 'CHAT [SECONDS]',
    summary: 'Records a voice message and sends it as a file; without SECONDS until you say so.',
    example: '!voice alice',
    needs: 'login',
    args: [1, 2],
    run: voice,
  },
  {
    name: 'play',
    group: 'Files',
    usage: 'NUMBER|stop',
    summary: 'Plays a file that is sound: WAV, Ogg, FLAC or MP3.',
    example: '!play 3',
    needs: 'login',
    args: [1, 1],
    run: play,
  },
]
