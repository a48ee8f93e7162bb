/**
 * A packet becomes a segment: the header's checks, the checksum, and whose it is.
 * RFC 9293 §3.1, §3.10.7; RFC 1122 §4.2.3.10.
 * @module
 */
import type { Micros } from '../base/clock.ts';
import { Drop } from '../base/drop.ts';
import { count, Stat } from '../base/stats.ts';
import { Check, type Packet } from '../ip/packet.ts';
import { good, lengthTerm } from '../wire/checksum.ts';
import * as wire from '../wire/tcp.ts';
import { type Arriving, arrive, atListener } from './arrive.ts';
import { read } from './tcb/segment.ts';

const { ACK, FIN, RST, SYN } = wire.Flag;

/** Take a packet in. */
export function input(tcp: Arriving, packet: Packet, now: Micros): Drop {
  const { stats, segment } = tcp;
  const { slots, checksum } = tcp.ip;
  count(stats, Stat.TcpInSegs);
  const v = slots.view;
  const at = packet.body;
  if (!wire.valid(v, at, packet.bodyLength)) {
    count(stats, Stat.TcpInErrs);
    return Drop.TCP_MALFORMED;
  }
  // MUST-3; a checksum that was only begun has never been on a wire.
  if (
    packet.check === Check.NEEDED &&
    !good(packet.pseudo + lengthTerm(packet.bodyLength) + checksum.sum(at, packet.bodyLength))
  ) {
    count(stats, Stat.TcpInErrs);
    count(stats, Stat.TcpInCsumErrors);
    return Drop.TCP_CHECKSUM;
  }
  // RFC 1122 §4.2.3.10, MUST-57: nothing to or from a broadcast or multicast address.
  if (!packet.unicast) return Drop.TCP_ADDRESS;
  if (!read(segment, v, packet)) {
    count(stats, Stat.TcpInErrs);
    return Drop.TCP_MALFORMED;
  }
  // Combinations that no TCP sends; answering them only tells a scanner who we are.
  const control = segment.flags & (SYN | FIN | RST);
  if (control !== 0 && (control & (control - 1)) !== 0) return Drop.TCP_BAD_FLAGS;
  if ((segment.flags & (SYN | FIN | RST | ACK)) === 0) return Drop.TCP_BAD_FLAGS;
  const tcb = tcp.demux.find(packet.destination, segment.dstPort, packet.source, segment.srcPort);
  if (tcb === null) return atListener(tcp, packet, segment, null, now);
  return arrive(tcp, tcb, packet, segment, now);
}
