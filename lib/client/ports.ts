// What the messenger needs of the machine it runs on, as small ports: files and sockets are opened by cli/, never here.
import type { Duplex } from 'node:stream'
import type { PasswordFinish } from './account/password-finish.ts'
import type { Store } from '../storage/ports.ts'
import type { Bytes } from '../util/bytes.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import type { KeyMaker } from './account/key-maker.ts'

/** Opens a TCP connection; rejects with E_CONNECT or E_TIMEOUT. */
export type Dial = (host: string, port: number) => Promise<Duplex>

/**
 * One person's client folder: a small index that is readable without any key (known servers, list of profiles),
 * and one folder per profile (an account on this device).
 */
export interface ClientHome {
  /** Null before the first write. */
  readIndex(): Promise<Bytes | null>
  /**
   * Replaces the index by what `change` makes of it, atomically (temp, fsync, rename; mode 0600) and alone: no other client of
   * this folder changes it meanwhile. E_LOCKED when one does not get done with it.
   */
  changeIndex(change: (before: Bytes | null) => Bytes): Promise<void>
  /** Opens the folder `name` ([a-z0-9-]+), making it if needed, and locks it: E_LOCKED when another process has it. */
  openProfile(name: string): Promise<ProfileFolder>
  /** Deletes the folder with everything in it. It must not be open. */
  removeProfile(name: string): Promise<void>
  /** Gives the folder another name, so that a fresh one can take its place; resolves to where its data is now. */
  setAside(name: string): Promise<string>
}

export interface ProfileFolder {
  /** Null when there is no such file. `name` is [a-z0-9-]+. */
  readKeyFile(name: string): Promise<Bytes | null>
  /** Replaces it atomically (temp, fsync, rename; mode 0600). */
  writeKeyFile(name: string, bytes: Bytes): Promise<void>
  removeKeyFile(name: string): Promise<void>
  /** The sealed local store; every line on disk is encrypted under a key derived from `key` (32 bytes). */
  openStore(key: Bytes): Promise<Store>
  /** Releases the lock. The store must be closed before. */
  close(): Promise<void>
}

/** A file opened for reading. */
export interface FileReader {
  readonly size: number
  readonly modifiedMs: number
  /** Exactly `length` bytes unless the end comes first. */
  read(offset: number, length: number): Promise<Bytes>
  close(): Promise<void>
}

/** A file being received; opened for reading as well, to check what is there after a restart. */
export interface FileWriter {
  readonly size: number
  read(offset: number, length: number): Promise<Bytes>
  /** Writes all bytes (loops on short writes). E_DISK_FULL when there is no room. */
  write(offset: number, bytes: Bytes): Promise<void>
  truncate(size: number): Promise<void>
  sync(): Promise<void>
  close(): Promise<void>
}

/** The person's own files. Every failure is E_FILE or E_DISK_FULL with a sentence that names the path. */
export interface FileAccess {
  /** Makes a name from the network fit for the download folder: one path component, harmless (PROTOCOL 13). */
  cleanName(name: string): string
  /** The last component of a path of this machine. */
  baseName(path: string): string
  /** Refuses a missing or unreadable file, a directory, a device. */
  openRead(path: string): Promise<FileReader>
  /**
   * Opens `name` in the download folder (made if needed). 'create': O_CREAT|O_EXCL|O_NOFOLLOW, mode 0600, null when the
   * name is taken; 'resume': an existing regular file, O_NOFOLLOW, null when there is none.
   */
  openDownload(name: string, how: 'create' | 'resume'): Promise<FileWriter | null>
  /** Gives a finished download its name without replacing anything: null when `to` exists, else the full path. */
  renameDownload(from: string, to: string): Promise<string | null>
  removeDownload(name: string): Promise<void>
  /** Free bytes where downloads go; null when unknown. */
  freeBytes(): Promise<number | null>
}

/** What direct connections need of this machine. Names are resolved there: only addresses are ever told to anybody. */
export interface DirectPort {
  /** On the port of the settings (0: any above 1023). @throws E_CONNECT E_CONFIG */
  listen(
    onConnection: (duplex: Duplex) => void,
  ): Promise<{ readonly port: number; close(): Promise<void> }>
  /** Of this machine and of the host name it is known by, if one is set. */
  addresses(): Promise<readonly string[]>
  /** Whether addresses of one's own networks may be told and dialled. */
  readonly lan: boolean
}

export type Step =
  /** Two RSA key pairs and the inbox key, off the event loop. */
  | 'generating-keys'
  | 'connecting'
  /** Argon2id, about half a second of one core. */
  | 'stretching-password'
  | 'registering'
  | 'logging-in'
  | 'opening-store'
  | 'publishing-keys'

export interface ClientDeps {
  readonly dial: Dial
  readonly home: ClientHome
  readonly files: FileAccess
  /** Absent: no direct connections. */
  readonly direct?: DirectPort
  readonly clock: Clock
  readonly log: Log
  /** Where fresh private keys come from; default: made in the thread pool. For specs, which have theirs ready. */
  readonly keys?: KeyMaker
  /** Where and how passwords are stretched; default: here, as PROTOCOL 5.2 has it. */
  readonly finish?: PasswordFinish
  /** Shown to the server in the handshake, <= 32 characters. */
  readonly agent?: string
  /** Asked once per unknown server without an invite, before anything is sent to it; absent = refuse. */
  confirmServer?(server: ServerCheck): Promise<boolean>
  onStep?(step: Step): void
  /** Something a person has to know before there is a session to tell it. */
  onNotice?(text: string): void
}

export interface ServerCheck {
  readonly host: string
  readonly port: number
  /** base32(srv[0:20]) in groups, to be compared with what the operator published. */
  readonly fingerprint: string
}
