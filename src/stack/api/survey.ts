/**
 * All connections at a glance, without an object for each: for who looks every second at many.
 * @module
 */
import { NEVER } from '../base/clock.ts';
import { plain } from '../base/real.ts';
import type { Core } from '../stack.ts';
import { info, type TcpInfo } from '../tcp/info.ts';
import { effectiveMtu } from '../tcp/path/plpmtu.ts';
import { outstanding, unsent } from '../tcp/tcb/flight.ts';
import { Recovery } from '../tcp/tcb/phases.ts';
import { State, stateName } from '../tcp/tcb/state.ts';
import type { Tcb } from '../tcp/tcb/tcb.ts';
import { bufferFor, networkFor, windowFor } from '../tcp/timing/limits.ts';
import { type Interfaces, textOf } from './door/text.ts';

/**
 * One connection after the other, in one object that is used again: what is to be kept must be copied. Times are
 * milliseconds, sizes bytes.
 */
export class ConnectionView {
  readonly #ip: Interfaces;
  #tcb: Tcb;
  /** Only `survey` makes one. */
  constructor(ip: Interfaces, tcb: Tcb) {
    this.#ip = ip;
    this.#tcb = tcb;
  }

  /** Show another. */
  show(tcb: Tcb): this {
    this.#tcb = tcb;
    return this;
  }

  /**
   * Tells connections apart, those too that had the same ports one after the other. It is made of the initial sequence
   * number: for this process, and for no stranger to see (RFC 6528 §1).
   */
  get key(): number {
    return (this.#tcb.iss >>> 0) * 65_536 + this.#tcb.remotePort;
  }

  /** Formatted when it is asked for. */
  get localAddress(): string {
    return textOf(this.#ip, this.#tcb.localAddress);
  }

  /** 1 to 65535. */
  get localPort(): number {
    return this.#tcb.localPort;
  }

  /** Formatted when it is asked for. */
  get remoteAddress(): string {
    return textOf(this.#ip, this.#tcb.remoteAddress);
  }

  /** 1 to 65535. */
  get remotePort(): number {
    return this.#tcb.remotePort;
  }

  /** The RFC's name. */
  get state(): string {
    return stateName(this.#tcb.state);
  }

  /** The handshake is not complete. */
  get isHalfOpen(): boolean {
    return this.#tcb.state === State.SYN_RECEIVED;
  }

  /** Losses are being repaired: Linux's `Recovery` or `Loss`. */
  get isRecovering(): boolean {
    return this.#tcb.recovery >= Recovery.RECOVERY;
  }

  /** Smoothed; 0 before there is a sample. */
  get rtt(): number {
    return this.#tcb.srtt8 < 0 ? 0 : this.#tcb.srtt8 / 8000;
  }

  /** The shortest of late; 0 before there is one. */
  get minRtt(): number {
    return this.#tcb.minRtt === NEVER ? 0 : this.#tcb.minRtt / 1000;
  }

  /** The congestion window. */
  get cwnd(): number {
    return plain(Math.round(this.#tcb.cwnd));
  }

  /** Text of the longest segment. */
  get mss(): number {
    return this.#tcb.mss;
  }

  /** Of the path, as far as it is known. */
  get pmtu(): number {
    return effectiveMtu(this.#tcb);
  }

  /** The peer's window. */
  get sendWindow(): number {
    return this.#tcb.sndWnd;
  }

  /** Our window. */
  get receiveWindow(): number {
    return Math.max(0, (this.#tcb.rcvAdv - this.#tcb.rcvNxt) | 0);
  }

  /** Sent and not acknowledged. */
  get unacked(): number {
    return outstanding(this.#tcb);
  }

  /** Written and not sent. */
  get notsent(): number {
    return Math.max(0, unsent(this.#tcb));
  }

  /** Received in order, and not read by the program. */
  get receiveQueue(): number {
    return this.#tcb.held;
  }

  /** Timeouts since the last acknowledgement. */
  get timeouts(): number {
    return this.#tcb.retries;
  }

  /** Segments that were sent again, since it was opened. */
  get totalRetrans(): number {
    return this.#tcb.retransmits;
  }

  /** Segments that were sent. */
  get segsOut(): number {
    return this.#tcb.segmentsOut;
  }

  /** Bytes of ours that the peer has acknowledged. */
  get bytesAcked(): number {
    return plain(this.#tcb.bytesAcked);
  }

  /** Bytes of text that have come in order. */
  get bytesReceived(): number {
    return plain(this.#tcb.bytesIn);
  }

  /** For how long the congestion window, pacing, losses or a full device held text back. */
  get networkLimited(): number {
    return networkFor(this.#tcb) / 1000;
  }

  /** For how long the peer's window did. */
  get rwndLimited(): number {
    return windowFor(this.#tcb) / 1000;
  }

  /** For how long all that the send buffer holds was on its way. */
  get sndbufLimited(): number {
    return bufferFor(this.#tcb) / 1000;
  }

  /** All that is known of it; allocates. */
  info(): TcpInfo {
    return info(this.#tcb);
  }
}

/** Show each connection to `visit`, until it gives true. */
export function survey(core: Core, visit: (connection: ConnectionView) => unknown): void {
  const { table } = core.tcp;
  const [first] = table;
  if (first === undefined) return;
  const view = new ConnectionView(core.ip, first);
  for (const tcb of table) if (visit(view.show(tcb)) === true) return;
}
