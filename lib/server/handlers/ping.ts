// Keeps the line alive and tells the time (PROTOCOL 9.3).
import type { RequestHandler } from '../handler.ts'

export const ping: RequestHandler<'ping'> = ({ services }) => ({ now: services.clock.now() })
