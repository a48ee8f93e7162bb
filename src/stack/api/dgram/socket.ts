/**
 * `dgram.Socket` on this stack: UDP with Node's methods, events and errors, on the callback interface.
 *
 * A datagram is emitted when it comes, so nothing waits here and there is no queue to bound: the
 * device's is the receive buffer. `setRecvBufferSize` is remembered and given back.
 *
 * Node documentation: "Class: dgram.Socket".
 * @module
 */
import { AsyncResource } from 'node:async_hooks';
import type { RemoteInfo } from 'node:dgram';
import { channel } from 'node:diagnostics_channel';
import dns from 'node:dns';
import { EventEmitter } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type Address, ANY, drop, hold } from '../../base/address.ts';
import { copyOf } from '../../base/copy.ts';
import type { Host } from '../../host/host.ts';
import type { UdpSocket as CoreSocket } from '../../udp/socket.ts';
import { checkNumber, checkPort, checkString } from '../door/checks.ts';
import { coded, systemError } from '../door/errors.ts';
import { isLookupReplaced } from '../door/names.ts';
import { checkText } from '../door/text.ts';
import { type UdpHandler, UdpSocket } from '../udp/socket.ts';
import { connectTo, familyOf, type SocketFamily, sendTo, wantsZone } from './family.ts';
import {
  alreadyBound,
  attempt,
  connectedError,
  type DgramLookup,
  type DgramOptions,
  notConnectedError,
  readBind,
  readDgramOptions,
  readSend,
  type SendCall,
} from './options.ts';

const Bind = { NONE: 0, BINDING: 1, BOUND: 2 } as const;
const Link = { NONE: 0, CONNECTING: 1, CONNECTED: 2 } as const;

/** Node's own channel: a socket was made. */
const created = channel('udp.socket');

type Resolved = (error: Error | null, address: string) => void;

/**
 * The socket without what concerns groups; `dgram.ts` adds that. What its classes share bears `_stack` before its
 * name: programs put all other names on sockets.
 */
export class DatagramSocket extends EventEmitter {
  readonly type: 'udp4' | 'udp6';
  protected readonly _stackHost: Host;
  /** What it is made of: the callback interface. */
  protected readonly _stackCarrier: UdpSocket;
  protected readonly _stackOptions: DgramOptions;
  /** In place of the stack's own: what `dns.lookup` was when the socket was made, if it was replaced. */
  readonly #lookup: DgramLookup | undefined;
  readonly #scope = new AsyncResource('UDPWRAP');
  readonly #family: SocketFamily;
  #bind: number = Bind.NONE;
  #link: number = Link.NONE;
  /** What waits for the socket to be bound. */
  #queue: (() => void)[] | undefined;
  /** The text of the address that the last datagram came from. */
  #lastSource: Address = ANY;
  #lastText = '';

  /** `accepted`: the core's socket of a flow that is open already. */
  constructor(host: Host, given: unknown, listener?: unknown, accepted?: CoreSocket) {
    super();
    const options = readDgramOptions(host, given);
    this._stackHost = host;
    this.type = options.type;
    this.#family = familyOf(options.type);
    this._stackOptions = options;
    this.#lookup = options.lookup ?? (isLookupReplaced() ? (dns.lookup as DgramLookup) : undefined);
    this._stackCarrier = new UdpSocket(host, this.#makeHandler(), accepted);
    if (accepted) {
      this.#bind = Bind.BOUND;
      this.#link = Link.CONNECTED;
    }
    this._stackCarrier.dontFragment = Boolean(options.dontFragment);
    this._stackCarrier.reuseAddress = Boolean(options.reuseAddr || options.reusePort);
    this._stackCarrier.ipv6Only = Boolean(options.ipv6Only);
    if (typeof listener === 'function') this.on('message', listener as () => void);
    this.#closeOn(options.signal);
    if (created.hasSubscribers) created.publish({ socket: this });
  }

  /** Bind to a port: ([port][, address][, callback]) or (options[, callback]); `listening` follows. */
  bind(...args: unknown[]): this {
    const udp = this._stackAlive();
    if (this.#bind !== Bind.NONE) throw alreadyBound();
    const { port, address } = readBind(args);
    this.#bind = Bind.BINDING;
    const callback = args.at(-1);
    if (typeof callback === 'function') this.#whenBound(callback as () => void);
    this.#resolve(address || this.#family.any, (error, ip) => {
      if (udp.closed) return; // in the meantime
      const failure = error ?? this.#refused('bind', ip, port) ?? attempt(() => udp.bind(port, ip));
      if (failure) this.#unbound(failure);
      else this.#bound();
    });
    return this;
  }

  /** Bind now, to a literal address; `listening` is emitted before it returns. Throws if it fails. */
  bindSync(options: { port?: number | undefined; address?: string | undefined } = {}): AddressInfo {
    const udp = this._stackAlive();
    const { port, address } = readBind([options]);
    if (this.#bind !== Bind.NONE) throw alreadyBound();
    const place = address || this.#family.any;
    const refused = this.#refused('bind', place, port);
    if (refused) throw refused;
    udp.bind(port, place);
    this.#bound();
    return this.address();
  }

  /** Connect now, to a literal address. Throws if it fails. */
  connectSync(portGiven: number, address?: string): void {
    const [port, place] = [checkPort(portGiven, 'Port', false), this.#family.reach(address)];
    checkText(this._stackHost.core.ip, place, 'address');
    if (this.#link !== Link.NONE) throw connectedError();
    this._stackOpenedSoon('connect').connect(port, place);
    this.#link = Link.CONNECTED;
  }

  #whenBound(callback: () => void): void {
    const onError = (): void => {
      this.removeListener('error', onError);
      this.removeListener('listening', onListening);
    };
    const onListening = (): void => {
      onError();
      callback.call(this);
    };
    this.on('error', onError);
    this.on('listening', onListening);
  }

  #bound(): void {
    this.#bind = Bind.BOUND;
    this.emit('listening');
    const queue = this.#queue;
    this.#queue = undefined;
    for (const then of queue ?? []) then();
  }

  #unbound(error: Error): void {
    this.#bind = Bind.NONE;
    this.#queue = undefined;
    this.emit('error', error);
  }

  /** Run `then` when the socket is bound; binds it to any port if nobody has. */
  #afterBind(then: () => void): void {
    if (this.#bind === Bind.NONE) this.bind({ port: 0 });
    if (this.#bind === Bind.BOUND) then();
    else {
      this.#queue ??= [];
      this.#queue.push(then);
    }
  }

  /** Talk to one peer only: (port[, address][, callback]); `connect` follows. */
  connect(...args: unknown[]): void {
    const [portGiven, second] = args;
    const port = checkPort(portGiven, 'Port', false);
    const address = typeof second === 'function' || second === undefined ? '' : second;
    checkString(address, 'address');
    const last = args.at(-1);
    const callback = typeof last === 'function' ? (last as (error?: Error) => void) : undefined;
    if (this.#link !== Link.NONE) {
      throw connectedError();
    }
    this.#link = Link.CONNECTING;
    this.#afterBind(() => {
      if (callback) this.once('connect', callback);
      this.#resolve(this.#family.reach(address), (error, ip) => {
        const udp = this._stackCarrier;
        if (udp.closed) return;
        const problem = error ?? this.#refused('connect', ip, port);
        this.#connected(problem ?? attempt(() => connectTo(udp, port, ip)), callback);
      });
    });
  }

  #connected(problem: Error | undefined, callback: ((error?: Error) => void) | undefined): void {
    if (!problem) {
      this.#link = Link.CONNECTED;
      process.nextTick(() => this.emit('connect'));
      return;
    }
    this.#link = Link.NONE;
    process.nextTick(() => {
      if (!callback) return this.emit('error', problem);
      this.removeListener('connect', callback);
      return callback(problem);
    });
  }

  /** Talk to everyone again. Throws `ERR_SOCKET_DGRAM_NOT_CONNECTED` if it is not connected. */
  disconnect(): void {
    if (this.#link !== Link.CONNECTED) throw notConnectedError();
    this._stackCarrier.disconnect();
    this.#link = Link.NONE;
  }

  /**
   * (msg[, offset, length][, port][, address][, callback]), `msg` a string, bytes, or an array of
   * these that makes one datagram. Up to 65 507 bytes, in fragments where the path needs them. Without
   * a callback a failure to send is silent, as in Node.
   */
  send(...args: unknown[]): void {
    const call = readSend(args, this.#link === Link.CONNECTED);
    this._stackAlive();
    const address = this.#family.reach(call.address);
    if (this.#link === Link.CONNECTED) this.#transmit(call, undefined);
    else if (this.#isPlain(address)) this.#transmit(call, address);
    else this.#afterBind(() => process.nextTick(() => this.#sendTo(call))); // as from a lookup
  }

  /** As `send`, all of it given. Node's old name, which checks more. */
  sendto(
    bytes: unknown,
    offset: unknown,
    length: unknown,
    port: unknown,
    address: unknown,
    callback?: unknown,
  ): void {
    checkNumber(offset, 'offset');
    checkNumber(length, 'length');
    checkNumber(port, 'port');
    checkString(address, 'address');
    this.send(bytes, offset, length, port, address, callback);
  }

  #sendTo(call: SendCall): void {
    this.#resolve(this.#family.reach(call.address), (error, ip) => {
      if (!error) this.#transmit(call, ip);
      else if (call.callback) process.nextTick(call.callback, error, 0);
      else process.nextTick(() => this.emit('error', error));
    });
  }

  #transmit({ bytes, port, address, callback }: SendCall, ip: string | undefined): void {
    const udp = this._stackCarrier;
    if (udp.closed) return; // in the meantime
    let code = '';
    if (ip === undefined) code = udp.send(bytes) ? '' : udp.failure;
    else if (this._stackOptions.sendBlockList?.check(ip, this.#family.kind)) code = 'EACCES';
    else {
      const to = this.#parse(ip);
      code =
        to === undefined ? 'EINVAL' : sendTo(this._stackHost.core.ip, udp, bytes, to, port, ip);
    }
    if (!callback) return;
    if (code === '') process.nextTick(callback, null, bytes.length);
    else process.nextTick(callback, systemError(code, 'send', { address, port }), 0);
  }

  /** The address in a text, which is mostly where the last datagram came from. */
  #parse(text: string): Address | undefined {
    if (text === this.#lastText) return this.#lastSource;
    return this.#family.read(this._stackHost.core.ip, text);
  }

  /** As the system answers for an address that no socket of this type can have or talk to. */
  #refused(syscall: string, address: string, port: number): Error | undefined {
    const to = this.#parse(address);
    if (to !== undefined && !wantsZone(to, address, syscall)) return undefined;
    return systemError('EINVAL', syscall, { address, port });
  }

  /** An address for a name: at once for a literal, unless the socket has a lookup of its own. */
  #resolve(name: string, then: Resolved): void {
    const lookup = this.#lookup;
    // Node gives the family alone, which is not in its types.
    if (lookup) lookup(name, this.#family.number as never, then);
    else if (this.#isPlain(name)) then(null, name);
    else {
      this._stackHost.lookup(name, { family: this.#family.number }, (error, found) =>
        then(error, typeof found === 'string' ? found : (found?.[0]?.address ?? '')),
      );
    }
  }

  /** True if nothing has to be waited for before a datagram goes to `name`. */
  #isPlain(name: string): boolean {
    if (this.#bind !== Bind.BOUND || this.#lookup) return false;
    return this.#parse(name) !== undefined;
  }

  #makeHandler(): UdpHandler {
    const { events } = this._stackHost;
    return {
      message: (_udp, bytes, at, length, source, port) => {
        const sender = this.#sender(source, port, length);
        events.weight += length;
        events.add(this, this.#message, copyOf(bytes, at, length), sender);
      },
      error: (_udp, error) => {
        events.add(this, this.#error, error, undefined);
      },
      close: () => {
        drop(this.#lastSource);
        this.#lastSource = ANY;
        this.#lastText = '';
        process.nextTick(() => this.emit('close'));
      },
    };
  }

  #sender(source: Address, port: number, size: number): RemoteInfo {
    if (source !== this.#lastSource || this.#lastText === '') {
      drop(this.#lastSource);
      this.#lastSource = hold(source);
      this.#lastText = this.#family.text(this._stackHost.core.ip, source);
    }
    return { address: this.#lastText, family: this.#family.name, port, size };
  }

  #message(message: Buffer, sender: RemoteInfo): void {
    if (
      this._stackCarrier.closed ||
      this._stackOptions.receiveBlockList?.check(sender.address, this.#family.kind)
    )
      return;
    this.#scope.runInAsyncScope(this.emit, this, 'message', message, sender);
  }

  #error(error: Error): void {
    if (!this._stackCarrier.closed) this.#scope.runInAsyncScope(this.emit, this, 'error', error);
  }

  /** Close it; `close` follows. Throws `ERR_SOCKET_DGRAM_NOT_RUNNING` if it is closed. */
  close(callback?: () => void): this {
    if (typeof callback === 'function') this.on('close', callback);
    if (this.#queue) {
      this.#queue.push(() => this.close());
      return this;
    }
    this._stackAlive().close();
    return this;
  }

  #closeOn(signal: AbortSignal | undefined): void {
    if (!signal) return;
    const close = (): void => {
      if (!this._stackCarrier.closed) this.close();
    };
    if (signal.aborted) {
      close();
      return;
    }
    signal.addEventListener('abort', close, { once: true });
    this.once('close', () => signal.removeEventListener('abort', close));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this._stackCarrier.closed) return;
    await new Promise<void>((done) => this.close(done));
  }

  /** Where it is bound. Throws `EBADF` if it is not. */
  address(): AddressInfo {
    const { local, localPort } = this._stackOpened('getsockname');
    return this.#place(local, localPort);
  }

  /** Whom it is connected to. Throws `ERR_SOCKET_DGRAM_NOT_CONNECTED` if it is not. */
  remoteAddress(): AddressInfo {
    const { remote, remotePort } = this._stackAlive();
    if (this.#link !== Link.CONNECTED) throw notConnectedError();
    return this.#place(remote, remotePort);
  }

  #place(address: Address, port: number): AddressInfo {
    const { name: family } = this.#family;
    return { address: this.#family.text(this._stackHost.core.ip, address), family, port };
  }

  /** The process stays alive while it is bound; the default. */
  ref(): this {
    this._stackCarrier.ref();
    return this;
  }

  /** The process may end while it is bound. */
  unref(): this {
    this._stackCarrier.unref();
    return this;
  }

  /** What it is made of. Throws `ERR_SOCKET_DGRAM_NOT_RUNNING` once closed. */
  protected _stackAlive(): UdpSocket {
    if (!this._stackCarrier.closed) return this._stackCarrier;
    throw coded(Error, 'ERR_SOCKET_DGRAM_NOT_RUNNING', 'Not running');
  }

  /** The same; throws `EBADF` while it is not bound, which is when Node makes the descriptor. */
  protected _stackOpened(syscall: string, errorOf: typeof systemError = systemError): UdpSocket {
    const udp = this._stackAlive();
    if (this.#bind === Bind.BOUND) return udp;
    throw errorOf('EBADF', syscall);
  }

  /** Bound from now on, to any port if it was not. */
  protected _stackOpenedSoon(syscall: string): UdpSocket {
    const udp = this._stackAlive();
    if (this.#bind === Bind.NONE) {
      udp.bind(0, this.#family.any);
      this.#bound();
    }
    return this._stackOpened(syscall);
  }
}
