// Every bound of the protocol: name with unit, value, and why it is that value (PROTOCOL 4, 6, 15).
// Frame field lengths are not here: they stand in the frame table itself.

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

export interface Limits {
  /** Nesting of a CBOR item; the deepest structure of the protocol has 6 levels. */
  readonly cborDepth: number

  /** A ClientHello below or above these lengths is not even hashed (4.5). */
  readonly clientHelloMinBytes: number
  readonly handshakeFrameBytes: number
  /** Ciphertext of one record: one file chunk or the largest reply, padded. */
  readonly recordBytes: number
  /** Before login the server holds this much for a stranger, not more. */
  readonly anonymousRecordBytes: number
  /** What one tick queued is cut into records of about this size; a larger frame goes alone. */
  readonly coalescedRecordBytes: number
  /** A record key protects this many records, far below the AES-GCM bound. */
  readonly rekeyRecords: number
  readonly connectionLifeMs: number

  readonly handshakeTimeoutMs: number
  /** Handshakes in progress at once: each costs one RSA private operation in the thread pool. */
  readonly concurrentHandshakes: number
  readonly handshakesPerSecond: number
  readonly handshakeBurst: number
  /** Above this rate the server asks for puzzles. */
  readonly puzzleAboveHandshakesPerSecond: number
  readonly puzzleMinBits: number
  readonly puzzleMaxBits: number
  /** A client refuses harder puzzles: a hostile server must not burn its battery. */
  readonly puzzleRefusedAboveBits: number
  /** Puzzle of a name under attack, instead of a lock-out (5.3). */
  readonly guessPuzzleBits: number
  readonly anonymousFrames: number
  readonly anonymousMs: number
  /** A connection without login; one on which a registration was begun. */
  readonly anonymousLifeMs: number
  readonly registrationMs: number
  /** Connections without login from one address block. */
  readonly anonymousPerAddress: number

  readonly identitySuccessions: number
  readonly serverSuccessions: number
  readonly certificateLifeMs: number
  readonly bundleLifeMs: number
  /** Difference of two clocks that is still accepted. */
  readonly clockSkewMs: number

  readonly devices: number
  readonly goneDevices: number
  readonly loginKeys: number
  readonly members: number
  readonly groupNameCharacters: number
  readonly groupTopicCharacters: number
  /** Above this nobody tells what arrived: every message would be answered a hundred times (8). */
  readonly receiptMembers: number
  /** Replaced states that are kept, for members who were away (8). */
  readonly groupStates: number
  /** A stream may rest on a state that was replaced so recently (6.5). */
  readonly groupGraceMs: number
  /** Devices one stream addresses: one wrap is 1.4 KB. */
  readonly streamDevices: number
  /** Wraps in one `st.open`: 128 x 1.4 KB stay below one record. */
  readonly wrapsPerFrame: number
  readonly streamLifeMs: number
  readonly streamMessages: number
  /** Furthest a receiver ratchets ahead for one message: bounds the work a peer can cause. */
  readonly skipMessages: number
  readonly skippedKeys: number
  readonly skippedKeyLifeMs: number

  readonly textBytes: number
  readonly requestCharacters: number
  readonly displayNameCharacters: number
  readonly previewBytes: number
  /** Before a stranger is accepted (7.3). */
  readonly strangerMessages: number
  readonly strangerFileOffers: number
  /** Between two requests to one person (7.3). */
  readonly requestEveryMs: number

  readonly mailboxMessages: number
  readonly mailboxBytes: number
  readonly mailboxLifeMs: number
  /** Pushed to a device and not yet acknowledged (9.2). */
  readonly unackedMails: number
  readonly unackedMailBytes: number

  /** History of an account on the server, of all devices it ever had. */
  readonly historyBytes: number

  readonly fileBytes: number
  readonly chunkBytes: number
  readonly fileLifeMs: number

  readonly sendsPerSecond: number
  readonly sendBurst: number
  /** Mailboxes a message reaches for one unit of `sendsPerSecond`: a stream to 512 devices is not the price of one. */
  readonly copiesPerSend: number
  readonly newRecipientsPerDay: number
  readonly directoryPerMinute: number
  readonly directoryByNamePerMinute: number
  /** Names that begin alike, in one answer; who wants the others types more of the name (14.2). */
  readonly foundNames: number
  readonly directoryFindsPerMinute: number
  /** Accounts whose online state one request asks for. */
  readonly seenAccounts: number
  readonly presencePerMinute: number
  readonly registrationsPerDay: number
  /** Every list is signed, stored and fetched by all who write to the account. */
  readonly listChangesPerDay: number
  /** Replaced lists the server keeps: who was away for longer than these cannot follow the account any more. */
  readonly replacedLists: number
  readonly openRequests: number
  /** Wrong logins of one (name, address block) before delays begin (5.3). */
  readonly freeGuesses: number
  readonly guessDelayMaxMs: number
  readonly guessesPerDayBeforePuzzle: number
  readonly renamesPerMonth: number

  /** The log of a server names who was turned away this often. */
  readonly reportEveryMs: number
  /** Networks told apart meanwhile, for each reason; the one seen longest ago makes room. */
  readonly reportedNetworks: number
  /** Lines for each reason; the other networks share one. */
  readonly reportedLines: number

  readonly requestTimeoutMs: number
  readonly pingIdleMs: number
}

export const LIMITS: Limits = {
  cborDepth: 8,

  clientHelloMinBytes: 400,
  handshakeFrameBytes: 4 * KiB,
  recordBytes: 256 * KiB,
  anonymousRecordBytes: 64 * KiB,
  coalescedRecordBytes: 64 * KiB,
  rekeyRecords: 65_536,
  connectionLifeMs: DAY_MS,

  handshakeTimeoutMs: 5000,
  concurrentHandshakes: 64,
  handshakesPerSecond: 5,
  handshakeBurst: 20,
  puzzleAboveHandshakesPerSecond: 100,
  puzzleMinBits: 16,
  puzzleMaxBits: 22,
  puzzleRefusedAboveBits: 24,
  guessPuzzleBits: 22,
  anonymousFrames: 16,
  anonymousMs: 30_000,
  anonymousLifeMs: 60_000,
  registrationMs: 15 * MINUTE_MS,
  anonymousPerAddress: 64,

  identitySuccessions: 4,
  serverSuccessions: 3,
  certificateLifeMs: DAY_MS,
  bundleLifeMs: 31 * DAY_MS,
  clockSkewMs: 5 * MINUTE_MS,

  devices: 10,
  goneDevices: 32,
  loginKeys: 4,
  members: 100,
  groupNameCharacters: 64,
  groupTopicCharacters: 280,
  receiptMembers: 20,
  groupStates: 64,
  groupGraceMs: DAY_MS,
  streamDevices: 512,
  wrapsPerFrame: 128,
  streamLifeMs: DAY_MS,
  streamMessages: 1000,
  skipMessages: 1000,
  skippedKeys: 2000,
  skippedKeyLifeMs: 7 * DAY_MS,

  textBytes: 8 * KiB,
  requestCharacters: 280,
  displayNameCharacters: 64,
  previewBytes: 8 * KiB,
  strangerMessages: 5,
  strangerFileOffers: 1,
  requestEveryMs: 30 * DAY_MS,

  mailboxMessages: 5000,
  mailboxBytes: 64 * MiB,
  mailboxLifeMs: 31 * DAY_MS,
  unackedMails: 256,
  unackedMailBytes: MiB,

  historyBytes: 256 * MiB,

  fileBytes: 2 * GiB,
  chunkBytes: 64 * KiB,
  fileLifeMs: 14 * DAY_MS,

  sendsPerSecond: 20,
  sendBurst: 100,
  copiesPerSend: 8,
  newRecipientsPerDay: 20,
  directoryPerMinute: 60,
  directoryByNamePerMinute: 30,
  foundNames: 20,
  directoryFindsPerMinute: 10,
  seenAccounts: 64,
  presencePerMinute: 30,
  registrationsPerDay: 5,
  listChangesPerDay: 20,
  replacedLists: 500,
  openRequests: 256,
  freeGuesses: 5,
  guessDelayMaxMs: HOUR_MS,
  guessesPerDayBeforePuzzle: 100,
  renamesPerMonth: 2,

  reportEveryMs: MINUTE_MS,
  reportedNetworks: 500,
  reportedLines: 5,

  requestTimeoutMs: 20_000,
  pingIdleMs: 30_000,
}

/** What a message to so many devices costs of the budget for sending (PROTOCOL 15). */
export function sendCost(devices: number): number {
  return Math.max(1, Math.ceil(devices / LIMITS.copiesPerSend))
}
