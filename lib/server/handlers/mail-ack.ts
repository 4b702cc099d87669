// The device has stored its mail up to q (PROTOCOL 9.2). The store hears of it once per record, see Delivery.flush.
import type { PushHandler } from '../handler.ts'

export const mailAck: PushHandler<'mail.ack'> = ({ device, services }, { q }) => {
  device.delivery.ack(q)
  services.post.emptied(device.box)
}
