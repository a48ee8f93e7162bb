/**
 * Checksums that a device with offload has only begun: a packet that goes on to a wire, or into an
 * error that quotes it, must have it whole. virtio 1.2 §5.1.6.2.
 * @module
 */
import * as checksums from '../wire/checksum.ts';
import { Protocol } from '../wire/protocol.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';
import type { InternetLayer } from './ip.ts';
import { Check, type Packet } from './packet.ts';

type Needs = Pick<InternetLayer, 'slots' | 'checksum'>;

/** Complete the transport checksum of `packet`, which was only begun. */
export function finishChecksum(net: Needs, packet: Packet): void {
  const { body, bodyLength, protocol } = packet;
  const sum = checksums.finish(net.checksum.sum(body, bodyLength));
  const v = net.slots.view;
  if (protocol === Protocol.TCP) tcp.setChecksum(v, body, sum);
  // RFC 768: 0 stands for none, so a sum of 0 is sent as its twin.
  else if (protocol === Protocol.UDP) udp.setChecksum(v, body, sum === 0 ? 0xffff : sum);
  packet.check = Check.DONE;
}
