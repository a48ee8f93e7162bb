/**
 * The argument lists of `node:net`, made into options: which overload it was, and whether what it was
 * given can be had without a kernel.
 *
 * Node documentation: "net.connect()", "server.listen()", "new net.Socket()".
 * @module
 */
import type {
  BlockList,
  ListenOptions,
  NetConnectOpts,
  ServerOpts,
  SocketConstructorOpts,
  TcpNetConnectOpts,
} from 'node:net';
import * as net from 'node:net';
import type { DuplexOptions } from 'node:stream';
import type { Settings } from '../../tcp/tcb/settings.ts';
import { checkNumber, checkObject } from '../door/checks.ts';
import { argTypeError, argValueError } from '../door/errors.ts';

type Listener = (...args: unknown[]) => void;

/** Of who writes nothing twice to the same memory. */
export interface ZeroCopy {
  /**
   * What is written stays as it is until the peer has acknowledged it: it is sent from where it lies, and not
   * copied (Linux: `MSG_ZEROCOPY`). Default false.
   */
  zeroCopy?: boolean | undefined;
}

/** Options of `new Socket`, those of its stream included. */
export interface SocketOptions extends SocketConstructorOpts, ZeroCopy {
  /** Bytes that may be buffered, each way, before `push` and `write` say enough. */
  highWaterMark?: number | undefined;
  /** The same for what is read. */
  readableHighWaterMark?: number | undefined;
  /** The same for what is written. */
  writableHighWaterMark?: number | undefined;
  /** Addresses that are not connected to: `ERR_IP_BLOCKED`. */
  blockList?: BlockList | undefined;
  /** The traffic class of what is sent, 0 to 255. Default 0. */
  typeOfService?: number | undefined;
}

/** Options of `setKeepAlive`; times in milliseconds. Not in `@types/node` before 24. */
export interface KeepAliveOptions {
  /** Default false. */
  enable?: boolean | undefined;
  /** Silence before the first probe; 0 leaves it as it is, the default. */
  initialDelay?: number | undefined;
  /** From one probe to the next; 0 leaves it as it is, the default. */
  interval?: number | undefined;
  /** Probes without an answer that end the connection; 0 leaves it as it is, the default. */
  count?: number | undefined;
}

/** What Node has no option for. */
export interface TcpOptions {
  /**
   * For the connection, or those of the listener, instead of the stack's: `maxSegment`, `notSentLowWater`, `deferAccept` and
   * all others; times in microseconds, sizes in bytes.
   */
  readonly tcp?: Partial<Settings> | undefined;
}

/** Options of `connect`. */
export interface ConnectOptions extends Partial<TcpNetConnectOpts>, SocketOptions, TcpOptions {
  path?: string | undefined;
}

/** Options of `listen`. */
export interface ServerListenOptions extends ListenOptions, TcpOptions {
  fd?: number | undefined;
}

/** A call of `connect` or `listen` by its parts. */
export interface Call<Options> {
  readonly options: Options;
  readonly callback: (() => void) | undefined;
}

/** False if `value` is no number, not even as text: then it names a path. */
const toNumber = (value: unknown): number | false => {
  const n = Number(value);
  return n >= 0 ? n : false;
};

const isPath = (value: unknown): value is string =>
  typeof value === 'string' && toNumber(value) === false;

/**
 * True if Node has read these arguments: to `connect` it gives an array of options and callback that bears a
 * symbol of its own, and so does who has patched `connect` and passes on what came.
 */
const isRead = (value: unknown): value is readonly unknown[] =>
  Array.isArray(value) &&
  Object.getOwnPropertySymbols(value).some(({ description }) => description === 'normalizedArgs');

/** Node's own reading of arguments; other runtimes may not have it. */
const { _normalizeArgs: read } = net as { _normalizeArgs?: (args: readonly unknown[]) => unknown };

/**
 * What `net.connect(...args)` calls `socket.connect` with: in Node that is one array, and who has put another
 * `connect` on the prototype looks into it.
 */
export const asHandedOn = (args: readonly unknown[]): readonly unknown[] =>
  read ? [read(args)] : args;

/** The arguments of `connect` as a program would write them. */
export const asWritten = (args: readonly unknown[]): readonly unknown[] =>
  isRead(args[0]) ? args[0] : args;

/** (options[, cb]), (port[, host][, cb]), (path[, cb]) and, for `listen`, no arguments at all. */
export function readCall<Options extends object>(args: readonly unknown[]): Call<Options> {
  const [first, second] = args;
  let options: Record<string, unknown>;
  if (typeof first === 'object' && first !== null) options = { ...first };
  else if (isPath(first)) options = { path: first };
  else if (args.length === 0 || typeof first === 'function') options = {};
  else options = { port: first, ...(typeof second === 'string' && { host: second }) };
  const last = args.at(-1);
  const callback = typeof last === 'function' ? (last as () => void) : undefined;
  return { options: options as Options, callback };
}

/** The backlog of `listen(port[, host], backlog)`; 0 if there is none. */
export const readBacklog = (args: readonly unknown[]): number =>
  (args.length > 1 && toNumber(args[1])) || (args.length > 2 && toNumber(args[2])) || 0;

/** A connection by path, descriptor or handle is the kernel's to make. */
export function refuseKernelObjects(options: object, names: readonly string[]): void {
  const given = options as Record<string, unknown>;
  for (const name of names) {
    const value = given[name];
    if (value === undefined || value === null) continue;
    const what =
      name === 'path'
        ? 'names a local socket, which only the kernel has: give a port, or use node:net'
        : 'belongs to the kernel, and this stack has sockets of its own: use node:net for it';
    throw argValueError(`options.${name}`, value, what);
  }
}

function checkKeepAliveDelay(options: { keepAliveInitialDelay?: number | undefined }): void {
  const delay = options.keepAliveInitialDelay;
  if (delay !== undefined) checkNumber(delay, 'options.keepAliveInitialDelay');
}

/** Check the options of `new Socket` and fill in what Node's defaults are. */
export function readSocketOptions(options: SocketOptions | number | undefined): SocketOptions {
  if (typeof options === 'number') refuseKernelObjects({ fd: options }, ['fd']);
  if (options === undefined || options === null || typeof options !== 'object') return {};
  for (const name of ['objectMode', 'readableObjectMode', 'writableObjectMode']) {
    const value = (options as Record<string, unknown>)[name];
    if (value) throw argValueError(`options.${name}`, value, 'is not supported');
  }
  refuseKernelObjects(options, ['fd', 'handle']);
  checkKeepAliveDelay(options);
  return options;
}

/**
 * What the stream of a socket has of its options. They are named one by one: V8 11.3 (Node 20) gives each object that is
 * spread and then added to a hidden class of its own. That was 5 us for each socket, and 4 more for whoever read it
 * (`test/api/net/shapes.test.ts`).
 */
export function streamOptions(options: SocketOptions & DuplexOptions): DuplexOptions {
  // Node takes what is the object's own, and copies it.
  const given = Object.getPrototypeOf(options) === Object.prototype ? options : { ...options };
  return {
    allowHalfOpen: Boolean(given.allowHalfOpen),
    autoDestroy: true,
    decodeStrings: false, // see `written.ts`
    emitClose: false, // `close` carries whether there was an error, and comes a round later
    // No `signal`: one that was aborted before would destroy what is not yet made.
    highWaterMark: given.highWaterMark,
    readableHighWaterMark: given.readableHighWaterMark,
    writableHighWaterMark: given.writableHighWaterMark,
    readable: given.readable,
    writable: given.writable,
    encoding: given.encoding,
    defaultEncoding: given.defaultEncoding,
    captureRejections: (given as { captureRejections?: boolean }).captureRejections,
    construct: given.construct,
    read: given.read,
    write: given.write,
    writev: given.writev,
    final: given.final,
    destroy: given.destroy,
  } as DuplexOptions;
}

/** Check the arguments of `createServer` and `new Server`. */
export function readServerArguments(
  first: unknown,
  second: unknown,
): { options: ServerOpts; listener: Listener | undefined } {
  if (typeof first === 'function') return { options: {}, listener: first as Listener };
  if (first !== undefined && first !== null) checkServerOptions(first);
  const listener = typeof second === 'function' ? (second as Listener) : undefined;
  return { options: (first as ServerOpts | null | undefined) ?? {}, listener };
}

function checkServerOptions(options: unknown): asserts options is ServerOpts {
  if (typeof options !== 'object') throw argTypeError('options', 'object', options);
  checkObject(options, 'options');
  checkKeepAliveDelay(options as ServerOpts);
  const mark = (options as ServerOpts).highWaterMark;
  if (mark !== undefined) checkNumber(mark, 'options.highWaterMark');
}

/** Options of `net.connect`, which also makes the socket. */
export type { NetConnectOpts };

/** The part of a server that its sockets know. */
export interface SocketServer {
  /** A socket of the server's is gone. */
  _stackSocketGone(): void;
}
