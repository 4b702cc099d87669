// The published vectors, as JSON with hex strings.
import { readFileSync } from 'node:fs'

export interface Vectors {
  readonly ctx: readonly { label: string; parts: string[]; out: string }[]
  readonly hkdf: { ikm: string; salt: string; info: string; len: number; out: string }
  readonly seal: { key: string; aad: string; salt: string; pt: string; out: string }
  readonly padme: readonly { len: number; floor256: number; floor512: number; floor1024: number }[]
  readonly cbor_reject: readonly { bytes: string; why: string; strict: boolean }[]
  readonly handshake: {
    readonly sik: string
    readonly slk: string
    readonly clk: string
    readonly client_x25519_seed: string
    readonly server_x25519_seed: string
    readonly c_seed: string
    readonly s_seed: string
    readonly time: number
    readonly srv: string
    readonly SH: string
    readonly CH: string
    readonly SA: string
    readonly h0: string
    readonly h1: string
    readonly h2: string
    readonly c2s_key: string
    readonly c2s_iv: string
    readonly s2c_key: string
    readonly s2c_iv: string
    readonly exporter: string
  }
  readonly records: readonly { seq: number; frames: string[]; record: string }[]
  readonly key_after_rekey: string
  readonly rebind: {
    readonly session_key: string
    readonly c2s_key: string
    readonly c2s_iv: string
    readonly s2c_key: string
    readonly s2c_iv: string
    readonly exporter: string
  }
  readonly link: {
    readonly psk: string
    readonly sess: string
    readonly dialer_seed: string
    readonly listener_seed: string
    readonly P1: string
    readonly P2: string
    readonly c2s_key: string
    readonly c2s_iv: string
    readonly s2c_key: string
    readonly s2c_iv: string
    readonly exporter: string
  }
  readonly ids: {
    readonly srv: string
    readonly aik: string
    readonly acct: string
    readonly other_acct: string
    readonly conv: string
    readonly id: string
    readonly mid: string
  }
  readonly names: readonly { in: string; folded: string; valid_after_folding: boolean }[]
  readonly device_lists: readonly {
    b: string
    s: string
    ik: string[]
    ss: string[]
    hash: string
    events: string[]
  }[]
  readonly stream: {
    readonly dsk: string
    readonly S: string
    readonly ephemeral_seed: string
    readonly head: string
    readonly hp: string
    readonly com: string
    readonly ck0: string
    readonly recipients: readonly {
      acct: string
      dev: string
      dsk: string
      bundle_b: string
      bundle_s: string
      klid: string
      rsa: string
      x25519_seed: string
      mlkem_seed: string
      encaps_m: string
      wrap: [string, string, string]
    }[]
    readonly messages: readonly { i: number; n: string; c: string; text: string; mid: string }[]
  }
  readonly file: {
    readonly fk: string
    readonly fid: string
    readonly k: string
    readonly nk: string
    readonly chunks: readonly { i: number; last: boolean; pt: string; out: string }[]
  }
  readonly safety: { srv: string; acct: string; aik: string; digits: string }
  readonly at_rest: {
    readonly root: string
    readonly epoch: number
    readonly history_key: string
    readonly blob_key_blocks: string
    readonly export_key: string
    readonly vault_key: string
  }
  readonly text: readonly { in: string; out: string }[]
  readonly file_names: readonly { in: string; out: string }[]
}

export const vectors = JSON.parse(
  readFileSync(new URL('../fixtures/vectors/protocol.json', import.meta.url), 'utf8'),
) as Vectors
