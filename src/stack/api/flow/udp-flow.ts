/**
 * A UDP flow: the datagrams between a peer and whatever address and port it has sent to. It begins with
 * a datagram that belongs to no socket, and is accepted, refused or dropped, now or later; until then
 * its datagrams wait, a few of them.
 * @module
 */

import { type Address, isIPv6 } from '../../base/address.ts';
import { Drop } from '../../base/drop.ts';
import { after, stop } from '../../host/clock.ts';
import type { Host } from '../../host/host.ts';
import { unreachableAfterwards } from '../../ip/internet/quote.ts';
import type { UdpOwner } from '../../udp/owner.ts';
import type { UdpSocket as CoreSocket } from '../../udp/socket.ts';
import { Refusal } from '../../udp/udp.ts';
import { Code } from '../../wire/icmp.ts';
import { Protocol } from '../../wire/protocol.ts';
import { HEADER_LEN } from '../../wire/udp.ts';
import { DgramSocket } from '../dgram/dgram.ts';
import { coded } from '../door/errors.ts';
import { textOf } from '../door/text.ts';
import { IdleTimer } from '../net/idle.ts';
import type { FlowPlace } from './tcp-flow.ts';

/** What an undecided flow keeps: what Linux lets wait for an unresolved neighbour is of this order. */
const KEPT_DATAGRAMS = 16;
const KEPT_BYTES = 65_536;

/**
 * A `dgram.Socket` that is connected to the peer of a flow, from the address that the peer asked for. It
 * closes by itself after a time of silence, and on an error that nobody listens for.
 */
export class FlowSocket extends DgramSocket {
  readonly #idle: IdleTimer;
  readonly #core: CoreSocket;
  /** Bytes of the last datagram that came. */
  #length = 0;

  /** Not for use from outside: `UdpFlow.accept` makes these. */
  constructor(host: Host, core: CoreSocket, idle: number) {
    super(host, isIPv6(core.localAddress) ? 'udp6' : 'udp4', undefined, core);
    this.#idle = new IdleTimer(host.clock, () => this.#expire());
    this.#core = core;
    const { handler } = this._stackCarrier;
    this._stackCarrier.handler = {
      ...handler,
      message: (udp, bytes, at, length, address, port, arrival) => {
        this.#idle.touch();
        this.#length = length;
        handler.message?.(udp, bytes, at, length, address, port, arrival);
      },
      error: (...told) => {
        if (this.listenerCount('error') > 0) handler.error?.(...told);
        else this.#expire();
      },
    };
    this.#idle.set(idle);
    this.once('close', () => this.#idle.stop());
  }

  /** As on every connected socket: (msg[, offset, length][, callback]). */
  override send(...args: unknown[]): void {
    this.#idle.touch();
    super.send(...args);
  }

  /** A flow is between two ends for life: throws `ERR_INVALID_STATE`. Close it instead. */
  override disconnect(): void {
    throw coded(Error, 'ERR_INVALID_STATE', 'a flow has one peer for life: close the socket');
  }

  /** Close it, and tell the peer by ICMP that the port is unreachable: nobody answers there any more. */
  refuse(): void {
    this._stackAlive();
    tellUnreachable(this._stackHost, this.#core, this.#length, Code.PORT);
    this.close();
  }

  #expire(): void {
    if (!this._stackCarrier.closed) this.close();
  }
}

/** An ICMP error about a datagram of `length` bytes that came for the flow of `core`. */
function tellUnreachable(host: Host, core: CoreSocket, length: number, code: number): void {
  const { remoteAddress, localAddress, remotePort, port } = core;
  const ports = (remotePort << 16) | port;
  const rest = (length + HEADER_LEN) << 16;
  const { ip } = host.core;
  unreachableAfterwards(ip, remoteAddress, localAddress, Protocol.UDP, ports, rest, code);
  host.flushSoon();
}

/** A UDP flow to any address and port. */
export class UdpFlow implements FlowPlace, UdpOwner {
  readonly remoteAddress: string;
  /** 1 to 65535. */
  readonly remotePort: number;
  readonly localAddress: string;
  /** 1 to 65535. */
  readonly localPort: number;
  readonly #host: Host;
  readonly #idle: number;
  readonly #remote: Address;
  readonly #local: Address;
  /** Datagrams that came while the flow was undecided. */
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** Undefined until the flow is kept or accepted. */
  #core: CoreSocket | undefined;
  #refusal: Refusal | undefined;
  #accepted = false;
  #timer: NodeJS.Timeout | undefined;

  /** Not for use from outside: `stack.udp.intercept` makes these. */
  constructor(
    host: Host,
    remote: Address,
    remotePort: number,
    local: Address,
    localPort: number,
    idle: number,
  ) {
    this.#host = host;
    this.#idle = idle;
    this.#remote = remote;
    this.#local = local;
    this.remoteAddress = textOf(host.core.ip, remote);
    this.remotePort = remotePort;
    this.localAddress = textOf(host.core.ip, local);
    this.localPort = localPort;
  }

  /** True once it was accepted, refused, dropped or passed. */
  get decided(): boolean {
    return this.#accepted || this.#refusal !== undefined;
  }

  /**
   * Take the flow: a socket connected to the peer, whose `address()` is what the peer asked for. Listen
   * to `message` at once: what waits comes next. It closes by itself when nothing has passed for as long
   * as the interceptor's `idle`. Throws `ENOBUFS` if there are too many flows.
   */
  accept(): FlowSocket {
    this.#decide();
    const core = this.#core ?? this.open(this);
    if (!core)
      throw coded(Error, 'ENOBUFS', 'there are too many flows: close some, or refuse this');
    this.#core = core;
    this.#accepted = true;
    const socket = new FlowSocket(this.#host, core, this.#idle);
    if (this.#waiting.length > 0) process.nextTick(() => this.#handOver(core));
    return socket;
  }

  /** Answer with ICMP: port unreachable, as a host does that has no such port. */
  refuse(): void {
    this.#turnAway(Refusal.REFUSE);
  }

  /** Answer with ICMP: administratively prohibited. */
  prohibit(): void {
    this.#turnAway(Refusal.PROHIBIT);
  }

  /** Do not answer. The next datagram is asked about anew. */
  drop(): void {
    this.#turnAway(Refusal.DROP);
  }

  /** Leave it to the sockets of this stack. Only before the handler has returned. */
  pass(): void {
    if (this.#core) {
      const message = 'the flow was kept already: pass it on before the handler returns or waits';
      throw coded(Error, 'ERR_INVALID_STATE', message);
    }
    this.#turnAway(Refusal.PASS);
  }

  #decide(): void {
    if (this.decided) {
      throw coded(Error, 'ERR_INVALID_STATE', 'the flow was decided already: once is enough');
    }
    stop(this.#timer);
  }

  #turnAway(refusal: Refusal): void {
    this.#decide();
    this.#refusal = refusal;
    const core = this.#core;
    if (!core) return; // the stack is told when the handler has returned
    const first = this.#waiting[0];
    this.#waiting.length = 0;
    const code = refusal === Refusal.PROHIBIT ? Code.PROHIBITED : Code.PORT;
    if (refusal !== Refusal.DROP && first) tellUnreachable(this.#host, core, first.length, code);
    core.close();
  }

  /** @internal The core's socket for the flow; undefined if there are too many. */
  open(owner: UdpOwner): CoreSocket | undefined {
    const { udp } = this.#host.core;
    const { localPort, remotePort } = this;
    return udp.openFlow(owner, this.#local, localPort, this.#remote, remotePort);
  }

  /** @internal For the interceptor: what the stack is to do with the datagram, now that the handler has run. */
  verdict(timeout: number): CoreSocket | Refusal {
    if (this.#refusal !== undefined) return this.#refusal;
    if (this.#core) return this.#core.closed ? Refusal.DROP : this.#core;
    this.#core = this.open(this);
    if (!this.#core) {
      this.#refusal = Refusal.FULL;
      return Refusal.FULL;
    }
    this.#timer = after(timeout, () => this.drop());
    return this.#core;
  }

  /** @internal For the interceptor: the handler failed. */
  giveUp(): void {
    if (!this.decided) this.refuse();
  }

  /** @internal For the stack: a datagram while the flow is undecided. */
  onMessage(bytes: Uint8Array, at: number, length: number): Drop {
    const full = this.#waiting.length >= KEPT_DATAGRAMS || this.#waitingBytes + length > KEPT_BYTES;
    if (full && this.#waiting.length > 0) return Drop.UDP_QUEUE_FULL;
    this.#waiting.push(new Uint8Array(bytes.subarray(at, at + length)));
    this.#waitingBytes += length;
    return Drop.NONE;
  }

  /** @internal For the stack. */
  onError(): void {}

  #handOver({ owner }: CoreSocket): void {
    const { packet } = this.#host.core.ip; // of which the owner of a `dgram.Socket` wants nothing
    for (const bytes of this.#waiting.splice(0)) {
      owner.onMessage(bytes, 0, bytes.length, this.#remote, this.remotePort, packet);
    }
  }
}
