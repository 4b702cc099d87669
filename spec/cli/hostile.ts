// Things that were sent to people's terminals. None of them may do anything here.

export interface Hostile {
  readonly name: string
  readonly text: string
}

const ESC = '\x1b'

export const HOSTILE: readonly Hostile[] = [
  { name: 'clear screen', text: `${ESC}[2J${ESC}[H` },
  { name: 'clear screen, 8-bit CSI', text: '\x9b2J\x9bH' },
  { name: 'clear scrollback', text: `${ESC}[3J` },
  { name: 'full reset', text: `${ESC}c` },
  { name: 'soft reset', text: `${ESC}[!p` },
  { name: 'cursor to another row', text: `${ESC}[1;1Hfake` },
  { name: 'cursor up and overwrite', text: `${ESC}[3A\rfake row` },
  { name: 'reverse index', text: `${ESC}M${ESC}Mfake` },
  { name: 'save and restore cursor', text: `${ESC}7x${ESC}8` },
  { name: 'scroll region', text: `${ESC}[1;3r` },
  { name: 'alternate screen', text: `${ESC}[?1049h` },
  { name: 'hidden cursor', text: `${ESC}[?25l` },
  { name: 'autowrap off', text: `${ESC}[?7l` },
  { name: 'mouse reports', text: `${ESC}[?1003h${ESC}[?1006h` },
  { name: 'bracketed paste off', text: `${ESC}[?2004l` },
  { name: 'paste end smuggled into a paste', text: `${ESC}[201~\r!block bob\r` },
  { name: 'concealed text', text: `${ESC}[8msecret` },
  { name: 'colour that never ends', text: `${ESC}[31;5;7m` },
  { name: 'window title', text: `${ESC}]0;pwned\x07` },
  { name: 'window title, 8-bit OSC', text: '\x9d0;pwned\x9c' },
  { name: 'clipboard write', text: `${ESC}]52;c;cm0gLXJmIH4=\x07` },
  {
    name: 'hyperlink with another target',
    text: `${ESC}]8;;http://evil/${ESC}\\http://good/${ESC}]8;;${ESC}\\`,
  },
  { name: 'unterminated OSC', text: `${ESC}]0;swallows what follows` },
  { name: 'device control string', text: `${ESC}P$q"p${ESC}\\` },
  { name: 'reports that type for you', text: `${ESC}[6n${ESC}[c${ESC}[21t` },
  { name: 'line drawing charset', text: `${ESC}(0lqqk` },
  { name: 'nested sequence that stripping revives', text: `${ESC}${ESC}[31m[2J` },
  { name: 'nested sequence, other way round', text: `${ESC}[${ESC}[31m2J` },
  { name: 'carriage return and backspace overwrite', text: 'real\rfake\b\b\b\bFAKE' },
  { name: 'bell, NUL, shift out, form feed, vertical tab', text: '\x07\x00\x0e\x0f\x0c\x0b' },
  { name: 'forged row of our own', text: 'ok\n* You are now verified\n12:08 ++ me @bob: send it' },
  { name: 'right-to-left override', text: 'invoice\u202efdp.exe' },
  { name: 'isolates and marks', text: '\u2066\u2067\u200e\u200f\u061cx\u2069' },
  { name: 'line and paragraph separators, NEL', text: 'a\u2028* b\u2029! c\x85d' },
  { name: 'zalgo', text: `Z${'\u0335\u0301'.repeat(400)}` },
  { name: 'mark that clings to our text', text: '\u0336\u0336\u0336hello' },
  { name: 'tag smuggling and variation selectors', text: 'a\u{e0069}\u{e006e}b\ufe01\u{e0100}' },
  { name: 'invisible letters', text: '\u3164\u115f\u200b\u2060\u00ad\ufeff' },
  { name: 'lone surrogates', text: '\ud83d x \ude00' },
  { name: 'interlinear annotation and object replacement', text: '\ufff9a\ufffab\ufffb\ufffc' },
]
