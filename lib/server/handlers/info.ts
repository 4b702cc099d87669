// What a client may know before it logs in (PROTOCOL 14.2 `info`).
import type { RequestHandler } from '../handler.ts'

export const info: RequestHandler<'info'> = ({ services }) => {
  const { config, clock } = services
  return {
    now: clock.now(),
    reg: config.registration,
    email: config.email,
    pow: config.registrationPuzzleBits,
    // the limits of PROTOCOL 15 that an operator may have changed
    lim: {
      fileBytes: config.fileBytes,
      fileLifeMs: config.fileLifeMs,
      mailboxLifeMs: config.mailboxLifeMs,
      sendsPerSecond: config.sendsPerSecond,
      sendBurst: config.sendBurst,
      newRecipientsPerDay: config.newRecipientsPerDay,
    },
    ...(config.directory === 'yes' ? { dir: true as const } : {}),
    ...(config.presence === 'yes' ? { pres: true as const } : {}),
  }
}
