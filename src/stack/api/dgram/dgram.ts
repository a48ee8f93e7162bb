/**
 * `stack.dgram`: what `node:dgram` exports, on this stack's addresses; and the options of its
 * sockets that concern broadcast and multicast.
 *
 * Node documentation: "UDP/datagram sockets". RFC 1112 §6 (multicast), RFC 1122 §4.1.4 (broadcast).
 * @module
 */

import type { Socket as NodeSocket, RemoteInfo, SocketType } from 'node:dgram';
import type { EventEmitter } from 'node:events';
import { isIP, isIPv4 } from 'node:net';
import { isMulticast } from '../../base/address.ts';
import type { Host } from '../../host/host.ts';
import { checkBufferSize, checkNumber, checkString } from '../door/checks.ts';
import { bufferSizeError, missingError, systemError, unsupportedError } from '../door/errors.ts';
import { parseEither } from '../door/lookup.ts';
import { BUFFER_SIZE } from '../udp/options.ts';
import type { DgramOptions } from './options.ts';
import { DatagramSocket } from './socket.ts';

/**
 * A UDP socket with Node's methods, events and errors. Node documentation: "Class: dgram.Socket".
 */
export class DgramSocket extends DatagramSocket implements NodeSocket {
  #receiveBuffer: number = this._stackOptions.recvBufferSize || BUFFER_SIZE;
  #sendBuffer: number = this._stackOptions.sendBufferSize || BUFFER_SIZE;

  /** What was set: datagrams are emitted as they come. Throws `ERR_SOCKET_BUFFER_SIZE` while it
   * is not bound. */
  getRecvBufferSize(): number {
    this._stackOpened('uv_recv_buffer_size', bufferSizeError);
    return this.#receiveBuffer;
  }

  /** Remembered. Throws `ERR_SOCKET_BAD_BUFFER_SIZE` for what is no size. */
  setRecvBufferSize(size: number): void {
    this.#receiveBuffer = checkBufferSize(size);
    this._stackOpened('uv_recv_buffer_size', bufferSizeError);
  }

  /** What was set: datagrams leave at once. Throws `ERR_SOCKET_BUFFER_SIZE` while it is not bound. */
  getSendBufferSize(): number {
    this._stackOpened('uv_send_buffer_size', bufferSizeError);
    return this.#sendBuffer;
  }

  /** Remembered. Throws `ERR_SOCKET_BAD_BUFFER_SIZE` for what is no size. */
  setSendBufferSize(size: number): void {
    this.#sendBuffer = checkBufferSize(size);
    this._stackOpened('uv_send_buffer_size', bufferSizeError);
  }

  /** Bytes that wait to be sent: none, a datagram goes at once or fails. */
  getSendQueueSize(): number {
    return 0;
  }

  /** Datagrams that wait to be sent: none. */
  getSendQueueCount(): number {
    return 0;
  }

  /** Let datagrams to broadcast addresses leave. */
  setBroadcast(flag: boolean): void {
    this._stackOpened('setBroadcast').broadcast = Boolean(flag);
  }

  /** Hops that datagrams may take, 1 to 255. Throws `EINVAL` for others. */
  setTTL(ttl: number): number {
    checkNumber(ttl, 'ttl');
    if (!(ttl >= 1 && ttl <= 255)) throw systemError('EINVAL', 'setTTL');
    this._stackOpened('setTTL').ttl = ttl | 0;
    return ttl;
  }

  /** The same for multicasts, 0 to 255; 0: they stay on this host. */
  setMulticastTTL(ttl: number): number {
    checkNumber(ttl, 'ttl');
    if (!(ttl >= 0 && ttl <= 255)) throw systemError('EINVAL', 'setMulticastTTL');
    this._stackOpened('setMulticastTTL').multicastTtl = ttl | 0;
    return ttl;
  }

  /** Whether members on this stack hear what this socket sends to a group. */
  setMulticastLoopback(flag: boolean): boolean {
    this._stackOpened('setMulticastLoopback').multicastLoop = Boolean(flag);
    return flag;
  }

  /**
   * The interface that multicasts leave by, named by an address of ours (`0.0.0.0`: any) or, of `udp6`, as a zone:
   * `::%tun0`.
   */
  setMulticastInterface(interfaceAddress: string): void {
    this._stackAlive();
    checkString(interfaceAddress, 'interfaceAddress');
    const isAddress =
      this.type === 'udp4' ? isIPv4(interfaceAddress) : isIP(interfaceAddress) !== 0;
    if (!isAddress) {
      throw systemError('EINVAL', 'setMulticastInterface');
    }
    this._stackOpened('setMulticastInterface').setMulticastInterface(interfaceAddress);
  }

  /** Listen to a group, on the interface that has that address of ours or on that which leads there. */
  addMembership(multicastAddress: string, multicastInterface?: string): void {
    this._stackAlive();
    if (!multicastAddress) throw missingError('multicastAddress');
    const udp = this._stackOpenedSoon('addMembership');
    udp.addMembership(multicastAddress, multicastInterface || undefined);
  }

  /** Listen no longer; closing the socket does so too. */
  dropMembership(multicastAddress: string, multicastInterface?: string): void {
    this._stackAlive();
    if (!multicastAddress) throw missingError('multicastAddress');
    const udp = this._stackOpenedSoon('dropMembership');
    udp.dropMembership(multicastAddress, multicastInterface || undefined);
  }

  /** Not to be had: throws `ENOTSUP`, and `EINVAL` for what is no group or no address. */
  addSourceSpecificMembership(source: string, group: string, on?: string): void {
    this.#refuseSources('addSourceSpecificMembership', source, group, on);
  }

  /** Not to be had: throws `ENOTSUP`, and `EINVAL` for what is no group or no address. */
  dropSourceSpecificMembership(source: string, group: string, on?: string): void {
    this.#refuseSources('dropSourceSpecificMembership', source, group, on);
  }

  #refuseSources(syscall: string, source: unknown, group: unknown, on: unknown): never {
    this._stackAlive();
    checkString(source, 'sourceAddress');
    checkString(group, 'groupAddress');
    const isOne = (text: string): boolean =>
      this.type === 'udp4' ? isIPv4(text) : isIP(text) === 6;
    const to = isOne(group) ? parseEither(group, () => 1) : undefined;
    const named = on === undefined || on === null || isOne(String(on));
    if (to === undefined || !isMulticast(to) || !isOne(source) || !named) {
      throw systemError('EINVAL', syscall); // bad wherever it is asked
    }
    const why = 'this stack does not filter multicasts by source: join the group, look at rinfo';
    throw unsupportedError('ENOTSUP', syscall, why);
  }
}

type MessageListener = (message: Buffer<ArrayBuffer>, sender: RemoteInfo) => void;

export interface DgramClass extends Pick<typeof EventEmitter, keyof typeof EventEmitter> {
  /** As `createSocket`. Looser in its types, as Node's are, which tell of no arguments at all. */
  new (type?: SocketType | object, listener?: MessageListener): DgramSocket;
  readonly prototype: DgramSocket;
}

/** The module's exports, each as Node documents it. */
export interface Dgram {
  /** The class; `new Socket(type)` is `createSocket(type)`. */
  readonly Socket: DgramClass;
  /**
   * A socket by its type or options, with a listener to `message`. Throws as Node does;
   * `EAFNOSUPPORT` for `udp6` where the stack has no address of IPv6.
   */
  createSocket(type: SocketType | DgramOptions, listener?: MessageListener): DgramSocket;
}

/** Make the module of one stack. */
export function makeDgram(host: Host): Dgram {
  class Socket extends DgramSocket {
    constructor(type: unknown, listener?: unknown) {
      super(host, type, listener);
    }
  }
  // A function that may be called with `new`, as Node's.
  function createSocket(type: unknown, listener?: unknown): DgramSocket {
    return new Socket(type, listener);
  }
  return { Socket, createSocket };
}
