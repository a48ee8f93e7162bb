/**
 * The argument lists of `node:dgram`, made into what is to be done: which overload of `send` it was,
 * and the bytes it names.
 *
 * Node documentation: "UDP/datagram sockets".
 * @module
 */
import type { LookupOneOptions } from 'node:dns';
import type { Host } from '../../host/host.ts';
import {
  checkFunction,
  checkInteger,
  checkPort,
  checkSignal,
  checkString,
} from '../door/checks.ts';
import { argTypeError, argValueError, coded, unsupportedError } from '../door/errors.ts';
import { speaksIPv6 } from '../door/spoken.ts';

/** As in `dgram.createSocket(options)`. */
export type DgramLookup = (
  hostname: string,
  options: LookupOneOptions,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
) => void;

/** Options of `createSocket`. */
export interface DgramOptions {
  /** `udp4`; `udp6`, which sees IPv4 too unless it is `ipv6Only`, where the stack has addresses of IPv6. */
  readonly type: 'udp4' | 'udp6';
  /** Share a port with others that say so; the newest gets the datagrams. */
  readonly reuseAddr?: boolean | undefined;
  /** As `reuseAddr`. */
  readonly reusePort?: boolean | undefined;
  /** A `udp6` that is bound to `::` is not there for IPv4. */
  readonly ipv6Only?: boolean | undefined;
  /** Remembered, in bytes. */
  readonly recvBufferSize?: number | undefined;
  /** Remembered, in bytes. */
  readonly sendBufferSize?: number | undefined;
  /**
   * Fail with `EMSGSIZE` instead of fragmenting what is longer than the path is known to take. Node has
   * no such option; a kernel calls it `IP_MTU_DISCOVER`.
   */
  readonly dontFragment?: boolean | undefined;
  /** In place of the stack's own. */
  readonly lookup?: DgramLookup | undefined;
  /** Closes the socket. */
  readonly signal?: AbortSignal | undefined;
  /** Whose datagrams are not emitted. */
  readonly receiveBlockList?: BlockListLike | undefined;
  /** To whom none are sent. */
  readonly sendBlockList?: BlockListLike | undefined;
}

/** What is asked of a `net.BlockList`. */
export interface BlockListLike {
  check(address: string, family?: 'ipv4' | 'ipv6'): boolean;
}

/** Called when a datagram has left, with its length in bytes. */
export type SendCallback = (error: Error | null, bytes: number) => void;

/** A `send`, by its parts; `port` is 0 on a connected socket. */
export interface SendCall {
  readonly bytes: Uint8Array;
  readonly port: number;
  readonly address: string | undefined;
  readonly callback: SendCallback | undefined;
}

const BYTES = ['string', 'Buffer', 'TypedArray', 'DataView'];

/** The options that `createSocket` was given as options or as a type. */
export function readDgramOptions({ core }: Host, given: unknown): DgramOptions {
  const options = (
    typeof given === 'object' && given !== null ? given : { type: given }
  ) as DgramOptions;
  const { type, lookup, signal, recvBufferSize, sendBufferSize } = options;
  if (type !== 'udp4' && type !== 'udp6') {
    const message = 'Bad socket type specified. Valid types are: udp4, udp6';
    throw coded(TypeError, 'ERR_SOCKET_BAD_TYPE', message);
  }
  if (type === 'udp6' && !speaksIPv6(core)) {
    throw unsupportedError('EAFNOSUPPORT', 'socket', 'this stack speaks IPv4 only: ask for udp4');
  }
  if (lookup !== undefined) checkFunction(lookup, 'lookup');
  if (signal !== undefined) checkSignal(signal, 'options.signal');
  for (const [name, size] of Object.entries({ recvBufferSize, sendBufferSize })) {
    if (size) checkInteger(size, `options.${name}`, 0, 0xffff_ffff);
  }
  return options;
}

function viewOf(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return Buffer.from(value);
  if (!ArrayBuffer.isView(value)) return undefined;
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

function slice(value: unknown, from: unknown, count: unknown): Uint8Array {
  const bytes = viewOf(value);
  if (!bytes) throw argTypeError('buffer', BYTES, value);
  const offset = Number(from) >>> 0;
  const length = Number(count) >>> 0;
  const outside = (name: string): Error =>
    coded(RangeError, 'ERR_BUFFER_OUT_OF_BOUNDS', `"${name}" is outside of buffer bounds`);
  if (offset > bytes.length) throw outside('offset');
  if (offset + length > bytes.length) throw outside('length');
  return bytes.subarray(offset, offset + length);
}

function join(message: unknown): Uint8Array {
  if (!Array.isArray(message)) {
    const bytes = viewOf(message);
    if (bytes) return bytes;
    throw argTypeError('buffer', BYTES, message);
  }
  const pieces: Uint8Array[] = [];
  for (const one of message) {
    const bytes = viewOf(one);
    if (!bytes) throw argTypeError('buffer list arguments', BYTES, message);
    pieces.push(bytes);
  }
  return pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces); // the length is 1
}

export const alreadyBound = (): Error =>
  coded(Error, 'ERR_SOCKET_ALREADY_BOUND', 'Socket is already bound');

export const connectedError = (): Error =>
  coded(Error, 'ERR_SOCKET_DGRAM_IS_CONNECTED', 'Already connected');

export const notConnectedError = (): Error =>
  coded(Error, 'ERR_SOCKET_DGRAM_NOT_CONNECTED', 'Not connected');

const functionOr = (value: unknown, other: unknown): unknown =>
  typeof value === 'function' ? value : other;

/**
 * (msg[, offset, length][, port][, address][, callback]). On a connected socket neither port nor
 * address may be given. Throws what Node throws.
 */
export function readSend(args: readonly unknown[], connected: boolean): SendCall {
  return connected ? readConnectedSend(args) : readSendTo(args);
}

const callbackOf = (value: unknown): SendCallback | undefined =>
  typeof value === 'function' ? (value as SendCallback) : undefined;

/** What counts is whether a length was given; whatever then stands for a port or an address is too much. */
function readConnectedSend([message, second, third, ...rest]: readonly unknown[]): SendCall {
  const sliced = typeof third === 'number';
  const part = sliced ? slice(message, second, third) : undefined;
  const [fourth, address, last] = rest;
  const port = sliced && typeof fourth === 'function' ? undefined : fourth;
  if (port || address) throw connectedError();
  const callback = callbackOf(sliced ? functionOr(fourth, last) : second);
  return { bytes: part ?? join(message), port: 0, address: undefined, callback };
}

/** What counts is whether a port follows an offset and a length. */
function readSendTo([message, second, third, ...rest]: readonly unknown[]): SendCall {
  const [fourth, fifth, last] = rest;
  const sliced = Boolean(fifth) || Boolean(fourth && typeof fourth !== 'function');
  const [port, address, callback] = sliced ? [fourth, fifth, last] : [second, third, fourth];
  const bytes = sliced ? slice(message, second, third) : join(message);
  const number = checkPort(port, 'Port', false);
  const isText = typeof address !== 'function' && address !== undefined && address !== null;
  if (isText) checkString(address, 'address');
  return {
    bytes,
    port: number,
    address: isText ? address : undefined,
    callback: callbackOf(functionOr(address, callback)),
  };
}

/** ([port][, address][, callback]) or (options[, callback]); an empty address is any. */
export function readBind(args: readonly unknown[]): { port: number; address: string } {
  const [first, second] = args;
  if (typeof first !== 'object' || first === null) {
    const port = typeof first === 'function' ? 0 : first;
    const address = typeof second === 'function' ? '' : second || '';
    checkString(address, 'hostname');
    return { port: portOf(port), address };
  }
  const { port, address, fd } = first as { port?: unknown; address?: string; fd?: unknown };
  if (fd !== undefined || 'recvStart' in first) {
    const why = 'belongs to the kernel, and this stack has sockets of its own: use node:dgram';
    throw argValueError('options.fd', fd, why);
  }
  return { port: portOf(port), address: address ?? '' };
}

const portOf = (port: unknown): number => (port ? checkPort(port, 'Port') : 0);

/** What `verb` throws. */
export function attempt(verb: () => void): Error | undefined {
  try {
    verb();
    return undefined;
  } catch (error) {
    return error as Error; // a system error, or that of a bad address
  }
}
