// What a front end keeps for itself on this device: the `notebook` of a Session. Sealed like everything in the local store,
// sent nowhere, gone with the device. Works offline.

export interface Notebook {
  /** A small text by its name ([a-z-]+); null when there is none. */
  read(name: string): Promise<string | null>
  /** Durable when it resolves. */
  write(name: string, text: string): Promise<void>
  /** Lines that were typed, oldest first; at most the newest 500. */
  lines(): Promise<readonly string[]>
  /** `conv`: the conversation whose words they are, with which they go; '' for none. Resolves when it is durable. */
  addLine(text: string, conv: string): Promise<void>
  /** Drops the lines of one conversation. */
  forgetLines(conv: string): Promise<void>
}
