// Names of reactions, for keyboards without them: `:+1:` is a thumb. Pure.

const NAMES: Readonly<Record<string, string>> = {
  '+1': '\u{1F44D}',
  thumbsup: '\u{1F44D}',
  '-1': '\u{1F44E}',
  thumbsdown: '\u{1F44E}',
  heart: '\u2764',
  smile: '\u{1F604}',
  grin: '\u{1F601}',
  laugh: '\u{1F602}',
  joy: '\u{1F602}',
  wink: '\u{1F609}',
  sad: '\u{1F622}',
  cry: '\u{1F622}',
  angry: '\u{1F620}',
  think: '\u{1F914}',
  wow: '\u{1F62E}',
  fire: '\u{1F525}',
  tada: '\u{1F389}',
  party: '\u{1F389}',
  clap: '\u{1F44F}',
  pray: '\u{1F64F}',
  thanks: '\u{1F64F}',
  wave: '\u{1F44B}',
  ok: '\u{1F44C}',
  eyes: '\u{1F440}',
  rocket: '\u{1F680}',
  check: '\u2714',
  x: '\u2716',
  question: '\u2753',
  '100': '\u{1F4AF}',
}

/** What was typed as one character; a name that nobody knows comes back as it is. */
export function emojiOf(typed: string): string {
  const [, name = ''] = /^:([a-z0-9+-]+):$/i.exec(typed) ?? []
  return Object.hasOwn(NAMES, name.toLowerCase()) ? (NAMES[name.toLowerCase()] ?? typed) : typed
}
