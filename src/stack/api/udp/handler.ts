/**
 * What the owner of a UDP socket is told, by the callback interface. RFC 768 "User Interface": the text,
 * and where it came from; RFC 1122 §4.1.3.3: errors.
 * @module
 */
import type { Address } from '../../base/address.ts';
import type { SystemError } from '../door/errors.ts';
import type { IcmpReport } from '../ip/icmp-report.ts';
import type { UdpSocket } from './socket.ts';

/** What the network header said of a datagram; of one object for all, filled anew for each. */
export interface UdpArrival {
  /** The address that it was sent to: one of ours, a broadcast or a group. */
  readonly destination: Address;
  /** Hops that were left, 1 to 255. */
  readonly ttl: number;
  /** The six upper bits are the DSCP, the two lower ones ECN. */
  readonly tos: number;
}

/** What happens on a UDP socket. */
export interface UdpHandler {
  /**
   * A datagram came: `length` bytes of `bytes` from `at`, which are the stack's again when this returns
   * (see `UdpSocket.keep`), from this address and port.
   */
  message?(
    socket: UdpSocket,
    bytes: Uint8Array,
    at: number,
    length: number,
    address: Address,
    port: number,
    arrival: UdpArrival,
  ): void;
  /**
   * An ICMP error came about a datagram to this address and port: on a connected socket one that will
   * not pass by itself (`ECONNREFUSED`, `EACCES`), with `receiveErrors` any. `report`: what it said more
   * closely. RFC 1122 §4.1.3.3.
   */
  error?(
    socket: UdpSocket,
    error: SystemError,
    address: Address,
    port: number,
    report: IcmpReport,
  ): void;
  /** After a `send` that failed with `ENOBUFS`: there is room again. */
  writable?(socket: UdpSocket): void;
  /** It was closed, by its own `close` or with the stack. */
  close?(socket: UdpSocket): void;
}
