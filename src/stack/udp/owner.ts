/**
 * What the owner of a UDP socket is told.
 *
 * All are called from within `input` or `flush`; an owner may use any socket from there, but neither.
 * @module
 */
import type { Address } from '../base/address.ts';
import type { Drop } from '../base/drop.ts';
import type { Failure } from '../base/failure.ts';
import type { IcmpError } from '../ip/ip.ts';
import type { Packet } from '../ip/packet.ts';

export interface UdpOwner {
  /**
   * A datagram: `length` bytes of `bytes` from `at`, valid during the call only. `packet` has what
   * else is known: `destination`, `iface`, `ttl`, `tos`. `Drop.NONE` if it was taken,
   * `Drop.UDP_QUEUE_FULL` if there was no room for it.
   */
  onMessage(
    bytes: Uint8Array,
    at: number,
    length: number,
    source: Address,
    sourcePort: number,
    packet: Packet,
  ): Drop;
  /**
   * A datagram of this socket met an ICMP error: on a connected socket one that will not pass by
   * itself (the port is closed, the peer is prohibited); with `receiveErrors` any. RFC 1122 §4.1.3.3.
   */
  onError(failure: Failure, error: IcmpError): void;
  /** After a `send` that failed with `Failure.NO_BUFFERS`: there is room again. */
  onWritable?(): void;
}
