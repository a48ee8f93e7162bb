/**
 * The callback interface to UDP: a socket without events, strings or copies, over which `stack.dgram` and
 * `stack.udp.open` are written.
 *
 * Received text is a view on the packet it came in, valid during the call. Sent text is copied straight into the
 * packet that leaves: it is yours again at once. Addresses are numbers (`formatAddress` and `parseAddress` of
 * `tunstack/wire`), and nothing is allocated for a datagram. All handler functions are called from the stack's own
 * turn; any method may be called from them. What they throw becomes an `uncaughtException`.
 *
 * RFC 768 "User Interface", RFC 1122 §4.1.4, RFC 8304 §3.1.
 * @module
 */
import { type Address, ANY } from '../../base/address.ts';
import { Drop } from '../../base/drop.ts';
import { Failure, failureCode } from '../../base/failure.ts';
import type { Host } from '../../host/host.ts';
import type { IcmpError } from '../../ip/ip.ts';
import type { Packet } from '../../ip/packet.ts';
import { MAX_TEXT, SOCKETS_OWN } from '../../udp/emit.ts';
import type { UdpOwner } from '../../udp/owner.ts';
import type { UdpSocket as CoreSocket } from '../../udp/socket.ts';
import { dstPort } from '../../wire/udp.ts';
import { checkInteger, checkPort, checkRange } from '../door/checks.ts';
import { type SystemError, systemError } from '../door/errors.ts';
import { allOf } from '../door/spoken.ts';
import { checkText, textOf } from '../door/text.ts';
import { type IcmpReport, makeReport } from '../ip/icmp-report.ts';
import type { UdpArrival } from './arrival.ts';
import { addMembership, codeOf, dropMembership, interfaceWith } from './membership.ts';

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

/** A UDP socket without events: what `dgram.Socket` and `UdpPort` are made of. RFC 768. */
export class UdpSocket implements UdpOwner {
  /** Yours: whatever belongs to this socket. */
  context: unknown = undefined;
  /** Who is told what happens. May be changed at any time. */
  handler: UdpHandler;
  readonly #host: Host;
  readonly #core: CoreSocket;
  #failure: Failure = Failure.NONE;
  #dropped = false;
  #holding = false;
  #wanted = true;

  /** Not for use from outside: `stack.udp.createSocket` makes these. `core`: a flow that is open. */
  constructor(host: Host, handler: UdpHandler, core?: CoreSocket) {
    this.#host = host;
    this.handler = handler;
    this.#core = core ?? host.core.udp.open(this);
    this.#core.owner = this;
    host.open.add(this);
    this.#settle();
  }

  /** True once it is closed. */
  get closed(): boolean {
    return this.#core.closed;
  }

  /** Where it is bound; `0.0.0.0` is all of the stack's addresses of IPv4, `::` all of them. */
  get localAddress(): string {
    return textOf(this.#host.core.ip, this.local);
  }

  /** The same as the stack has it. */
  get local(): Address {
    return this.#core.connected ? this.#core.localAddress : this.#core.address;
  }

  /** 1 to 65535; 0 before it is bound. */
  get localPort(): number {
    return this.#core.port;
  }

  /** Whom it is connected to; `0.0.0.0` if it is not. */
  get remoteAddress(): string {
    return textOf(this.#host.core.ip, this.remote);
  }

  /** The same as the stack has it. */
  get remote(): Address {
    return this.#core.remoteAddress;
  }

  /** 1 to 65535; 0 if it is not connected. */
  get remotePort(): number {
    return this.#core.remotePort;
  }

  /** Why the last `send` that gave false failed: `ENOBUFS`, `ENETUNREACH`, `EMSGSIZE`, `EBADF`, ... */
  get failure(): string {
    return codeOf(this.#core, this.#failure);
  }

  /**
   * Take a place to be sent to: once, to a literal address (all of ours unless told) and a port (0: any
   * free one). Throws a system error: `bind EADDRINUSE 0.0.0.0:53`.
   */
  bind(port = 0, address: string = allOf(this.#host.core)): void {
    const at = checkPort(port, 'port');
    const failure = this.#core.bind(checkText(this.#host.core.ip, address, 'address'), at);
    if (failure !== Failure.NONE)
      throw systemError(codeOf(this.#core, failure), 'bind', { address, port });
    this.#settle();
  }

  /**
   * Talk to one peer only, whose ICMP errors are then told; binds, if that was not done. Throws a system
   * error: `connect ENETUNREACH 192.0.2.1:53`.
   */
  connect(port: number, address: string): void {
    const to = checkPort(port, 'port', false);
    const failure = this.#core.connect(checkText(this.#host.core.ip, address, 'address'), to);
    if (failure !== Failure.NONE) {
      throw systemError(codeOf(this.#core, failure), 'connect', { address, port });
    }
    this.#settle();
  }

  /** Talk to everyone again. */
  disconnect(): void {
    this.#core.disconnect();
  }

  /**
   * Send `length` bytes of `bytes` from `at` as one datagram, up to 65 507, in fragments where the path
   * needs them: to an address and port, or to the peer of a connected socket. `bytes` may be what
   * `message` was given. `source` is an address of ours to send from; the route's unless told
   * (RFC 1122 §4.1.3.5: answer from where the question went, `arrival.destination`). `ttl`, 1 to 255,
   * and `tos`, 0 to 255, are of this datagram; the socket's own unless told, or -1.
   *
   * True if it is on its way; false if it is not, and `failure` says why. Throws a `RangeError` for bytes
   * that are not there, for a port that is none, and for a TTL or TOS out of range.
   */
  send(
    bytes: Uint8Array,
    at = 0,
    length: number = bytes.length - at,
    address: Address = this.#core.remoteAddress,
    port: number = this.#core.remotePort,
    source: Address = ANY,
    ttl: number = SOCKETS_OWN,
    tos: number = SOCKETS_OWN,
  ): boolean {
    checkRange(bytes, at, length);
    const to = checkPort(port, 'port', false);
    if (ttl !== SOCKETS_OWN) checkInteger(ttl, 'ttl', 1, 255);
    if (tos !== SOCKETS_OWN) checkInteger(tos, 'tos', 0, 255);
    return this.#sent(this.#core.send(bytes, at, length, address, to, ttl, tos, source));
  }

  /**
   * Send `length` bytes as datagrams of `size` bytes each, 1 to 65 507, the last one shorter: in one go
   * where the device cuts them. False if one of them failed; those before it are on their way. Throws as
   * `send`.
   */
  sendBatch(
    bytes: Uint8Array,
    at: number,
    length: number,
    size: number,
    address: Address = this.#core.remoteAddress,
    port: number = this.#core.remotePort,
  ): boolean {
    checkRange(bytes, at, length);
    const to = checkPort(port, 'port', false);
    checkInteger(size, 'size', 1, MAX_TEXT);
    return this.#sent(this.#core.sendBatch(bytes, at, length, size, address, to));
  }

  /**
   * Within `message`: keep the text beyond the call without copying it. True if that can be done (it
   * lies in a packet slot, which is now held); then `giveBack` must follow. False for what was put
   * together from fragments, and while three quarters of the stack's slots are taken: copy it then.
   */
  keep(bytes: Uint8Array, at: number): boolean {
    const { slots } = this.#host.core;
    if (bytes !== slots.bytes || at < slots.scratchSize) return false;
    if (!slots.ample) return false;
    slots.retain(slots.slotOf(at));
    return true;
  }

  /** Within `message`: there is no room for it. It is counted as dropped, `udpQueueFull`. */
  drop(): void {
    this.#dropped = true;
  }

  /** Let go of text that was kept. */
  giveBack(at: number): void {
    const { slots, udp } = this.#host.core;
    slots.release(slots.slotOf(at));
    if (udp.waiting) this.#host.flushSoon();
  }

  /** Hops that its datagrams may take, 1 to 255; 0: the stack's default. */
  get ttl(): number {
    return this.#core.ttl;
  }

  set ttl(hops: number) {
    checkInteger(hops, 'ttl', 0, 255);
    this.#core.ttl = hops;
  }

  /** Of its datagrams: the six upper bits are the DSCP, the two lower ones ECN; 0 to 255. */
  get typeOfService(): number {
    return this.#core.tos;
  }

  set typeOfService(value: number) {
    checkInteger(value, 'typeOfService', 0, 255);
    this.#core.tos = value;
  }

  /** Whether datagrams to broadcast addresses may leave; without, they fail with `EACCES`. */
  get broadcast(): boolean {
    return this.#core.broadcast;
  }

  set broadcast(on: boolean) {
    this.#core.broadcast = on;
  }

  /** Whether what is longer than the path takes fails with `EMSGSIZE` instead of being fragmented. */
  get dontFragment(): boolean {
    return this.#core.dontFragment;
  }

  set dontFragment(on: boolean) {
    this.#core.dontFragment = on;
  }

  /** Whether others that say so too may be bound to the same place. Set it before `bind`. */
  get reuseAddress(): boolean {
    return this.#core.reuseAddress;
  }

  set reuseAddress(on: boolean) {
    this.#core.reuseAddress = on;
  }

  /** Whether, bound to `::`, it is there for IPv6 only. Set it before `bind`. RFC 3493 §5.3. */
  get ipv6Only(): boolean {
    return this.#core.ipv6Only;
  }

  set ipv6Only(on: boolean) {
    this.#core.ipv6Only = on;
  }

  /** Whether `error` is told of every ICMP error, and not only of those that last on a connected socket. */
  get receiveErrors(): boolean {
    return this.#core.receiveErrors;
  }

  set receiveErrors(on: boolean) {
    this.#core.receiveErrors = on;
  }

  /** Hops that multicasts may take; default 1, and 0 keeps them on this host. RFC 1112 §6.1. */
  get multicastTtl(): number {
    return this.#core.multicastTtl;
  }

  set multicastTtl(hops: number) {
    checkInteger(hops, 'multicastTtl', 0, 255);
    this.#core.multicastTtl = hops;
  }

  /** Whether members on this stack hear what it sends to a group; the default. */
  get multicastLoop(): boolean {
    return this.#core.multicastLoop;
  }

  set multicastLoop(on: boolean) {
    this.#core.multicastLoop = on;
  }

  /**
   * Where multicasts and broadcasts leave: the interface with that address of ours or of that zone (`::%tun0`);
   * `0.0.0.0` and `::`: as the routes say. Throws a system error: `EADDRNOTAVAIL`, or `EINVAL` for what is no address.
   */
  setMulticastInterface(address: string): void {
    const { ip } = this.#host.core;
    this.#core.multicastInterface = interfaceWith(
      ip,
      address,
      'setMulticastInterface',
      'EADDRNOTAVAIL',
    );
  }

  /**
   * Listen to a group, on the interface with an address of ours or on that which leads there. Throws a
   * system error: `EINVAL` for what is no group, `EADDRINUSE`, `ENODEV`, `ENOBUFS` past 20 groups.
   */
  addMembership(group: string, address = ''): void {
    addMembership(this.#host.core.ip, this.#core, group, address);
  }

  /** Listen no longer; `close` does so too. Throws `EADDRNOTAVAIL` if it did not listen. */
  dropMembership(group: string, address = ''): void {
    dropMembership(this.#host.core.ip, this.#core, group, address);
  }

  /** Receive and send no more. May be called again. */
  close(): void {
    if (this.closed) return;
    this.#core.close();
    this.#host.open.delete(this);
    this.#settle();
    this.#tell(() => this.handler.close?.(this));
  }

  /** The process stays alive while it is bound; the default. */
  ref(): this {
    this.#wanted = true;
    this.#settle();
    return this;
  }

  /** The process may end while it is bound. */
  unref(): this {
    this.#wanted = false;
    this.#settle();
    return this;
  }

  // What the core tells its owner.

  /** @internal */
  onMessage(
    bytes: Uint8Array,
    at: number,
    length: number,
    source: Address,
    port: number,
    packet: Packet,
  ): Drop {
    this.#dropped = false;
    try {
      this.handler.message?.(this, bytes, at, length, source, port, packet);
    } catch (error) {
      this.#host.thrown(error);
    }
    return this.#dropped ? Drop.UDP_QUEUE_FULL : Drop.NONE;
  }

  /** @internal */
  onError(failure: Failure, told: IcmpError): void {
    if (!this.handler.error) return;
    const { body, destination } = told;
    const port = dstPort(this.#host.core.slots.view, body);
    const error = systemError(failureCode(failure), 'recvmsg');
    const report = makeReport(this.#host, told);
    this.#tell(() => this.handler.error?.(this, error, destination, port, report));
  }

  /** @internal */
  onWritable(): void {
    this.#tell(() => this.handler.writable?.(this));
  }

  /** For what is rare: it makes a closure. */
  #tell(what: () => void): void {
    try {
      what();
    } catch (error) {
      this.#host.thrown(error);
    }
  }

  #settle(): void {
    const hold = this.#wanted && !this.closed && this.#core.port !== 0;
    if (hold === this.#holding) return;
    this.#holding = hold;
    if (hold) this.#host.hold();
    else this.#host.letGo();
  }

  /** True for a datagram that left; what became of others is kept. */
  #sent(failure: Failure): boolean {
    if (failure === Failure.NONE) return true;
    this.#failure = failure;
    return false;
  }
}
