// Both ends of a direct connection, from a stream to records (PROTOCOL 12). Whoever does not know the secret gets no byte
// and costs one MAC; how many may try at a time is for the owner of the listener.
import type { Duplex } from 'node:stream'

import { X25519Key } from '../crypto/x25519.ts'
import type { Bytes } from '../util/bytes.ts'
import type { Clock } from '../util/clock.ts'
import { fail, SecureChatError } from '../util/errors.ts'
import { CLIENT_CONNECTION_LIMITS, Connection } from './connection.ts'
import { HelloExchange, LINK_HELLOS } from './hello-exchange.ts'
import type { ChannelKeys } from './key-schedule.ts'
import { answerLink, dialLink, finishLink, type LinkSecret, sessionOf } from './link.ts'
import { Transport } from './transport.ts'
import { Upkeep } from './upkeep.ts'

/** For the one hello of the other side. */
const TIMEOUT_MS = 5000

export interface LinkTerms {
  readonly secret: LinkSecret
  /** A genuine P1 that came, or one of ours before it is sent. False: it was there before, a replay or a reflection. */
  readonly isFresh: (p1: Bytes) => boolean
}

/**
 * Takes over the stream; on failure it is closed without a byte. `whose`: the terms of the introduction that the other side
 * names; rejects when there is none. @throws E_HANDSHAKE E_TIMEOUT E_CLOSED
 */
export function acceptLink(
  duplex: Duplex,
  clock: Clock,
  whose: (sess: Bytes) => Promise<LinkTerms>,
): Promise<Connection> {
  return overStream(duplex, false, clock, async (exchange, receive) => {
    const p1 = await receive()
    const { secret, isFresh } = await whose(sessionOf(p1))
    exchange.throwIfAborted()
    const { frame, keys } = answerLink(secret, p1, new X25519Key())
    if (!isFresh(p1)) fail('E_HANDSHAKE', 'The handshake failed.')
    exchange.send(frame)
    return keys
  })
}

/** As acceptLink, by the side that dialled. */
export function connectLink(
  duplex: Duplex,
  clock: Clock,
  { secret, isFresh }: LinkTerms,
): Promise<Connection> {
  return overStream(duplex, true, clock, async (exchange, receive) => {
    const ephemeral = new X25519Key()
    const p1 = dialLink(secret, ephemeral)
    isFresh(p1)
    exchange.send(p1)
    return finishLink(secret, ephemeral, p1, await receive())
  })
}

async function overStream(
  duplex: Duplex,
  dialled: boolean,
  clock: Clock,
  handshake: (exchange: HelloExchange, receive: () => Promise<Bytes>) => Promise<ChannelKeys>,
): Promise<Connection> {
  const transport = new Transport(duplex)
  const exchange = new HelloExchange(transport)
  const timer = clock.after(TIMEOUT_MS, () => {
    exchange.abort(new SecureChatError('E_TIMEOUT', 'The other side does not answer.'))
  })
  try {
    const keys = await handshake(exchange, () => exchange.receive(LINK_HELLOS))
    const { reader } = exchange
    const limits = CLIENT_CONNECTION_LIMITS
    const upkeep = new Upkeep(clock)
    const connection = new Connection({
      ...{ transport, reader, keys, dialled, remoteAddress: '', upkeep, limits },
    })
    connection.authenticated()
    return connection
  } catch (error) {
    transport.destroy()
    throw error
  } finally {
    timer.cancel()
  }
}
