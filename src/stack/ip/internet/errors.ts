/**
 * ICMP errors in the packet's own version: whoever reports one need not know which.
 * @module
 */
import type { ErrorReports } from '../ip.ts';
import type { Packet } from '../packet.ts';

export class Errors implements ErrorReports {
  readonly #v4: ErrorReports;
  readonly #v6: ErrorReports;

  constructor(v4: ErrorReports, v6: ErrorReports) {
    this.#v4 = v4;
    this.#v6 = v6;
  }

  unreachable(packet: Packet, code: number): void {
    this.#of(packet).unreachable(packet, code);
  }

  tooBig(packet: Packet, mtu: number): void {
    this.#of(packet).tooBig(packet, mtu);
  }

  hopsExceeded(packet: Packet): void {
    this.#of(packet).hopsExceeded(packet);
  }

  reassemblyTimedOut(packet: Packet): void {
    this.#of(packet).reassemblyTimedOut(packet);
  }

  parameterProblem(packet: Packet, pointer: number, code?: number, anybody?: boolean): void {
    this.#of(packet).parameterProblem(packet, pointer, code, anybody);
  }

  beyondScope(packet: Packet): void {
    this.#of(packet).beyondScope(packet);
  }

  #of(packet: Packet): ErrorReports {
    return packet.ipv6 ? this.#v6 : this.#v4;
  }
}
