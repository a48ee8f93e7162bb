/**
 * Node's errors: the system errors of a failed connection (`connect ECONNREFUSED 10.0.0.2:80`, with
 * code, errno, syscall, address and port) and the argument errors of a bad call (`ERR_...`).
 *
 * Node documentation: "Errors", sections "Class: SystemError" and "Node.js error codes".
 * @module
 */
import { constants } from 'node:os';
import { getSystemErrorMap, inspect } from 'node:util';

/** An error that the system would have reported. */
export interface SystemError extends NodeJS.ErrnoException {
  /** Negative, as libuv has it. */
  errno: number;
  /** `ECONNRESET` and the like. */
  code: string;
  /** What failed: `connect`, `read`, `write`, `listen`, ... */
  syscall: string;
  /** Of the other side, or where to listen. */
  address?: string;
  /** Of the other side, or where to listen. */
  port?: number;
  /** Where it was to connect from, if that was chosen. */
  localAddress?: string;
  /** Where it was to connect from, if that was chosen. */
  localPort?: number;
}

/** An address and a port as an error tells them; a port of 0 or -1 is left out. */
export interface Place {
  readonly address?: string | undefined;
  readonly port?: number | undefined;
}

const numbers: Readonly<Record<string, number>> = constants.errno;

/** The negative number of an error code; 0 if the system has none of that name. */
export const errnoOf = (code: string): number => -(numbers[code] ?? 0);

/** What libuv says an error code means: "address already in use". */
export const meaningOf = (code: string): string =>
  getSystemErrorMap().get(errnoOf(code))?.[1] ?? code;

const written = ({ address, port }: Place): string => {
  if (port !== undefined && port > 0) return ` ${address}:${port}`;
  return address ? ` ${address}` : '';
};

function complete(message: string, code: string, syscall: string, place: Place): SystemError {
  // It happened on the wire: the frames would be those of our loop. A stream's `destroy` has them
  // written out, which took a tenth of the time of a connection that ends by a reset.
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const error = new Error(message) as SystemError;
  Error.stackTraceLimit = limit;
  error.errno = errnoOf(code);
  error.code = code;
  error.syscall = syscall;
  if (place.address !== undefined) error.address = place.address;
  if (place.port !== undefined && place.port > 0) error.port = place.port;
  return error;
}

/** `read ECONNRESET`, or `connect ECONNREFUSED 10.0.0.2:80` with a place. */
export function systemError(code: string, syscall: string, place: Place = {}): SystemError {
  return complete(`${syscall} ${code}${written(place)}`, code, syscall, place);
}

/** The form with a meaning: `listen EADDRINUSE: address already in use 10.0.0.2:80`. */
export function explainedError(code: string, syscall: string, place: Place = {}): SystemError {
  const message = `${syscall} ${code}: ${meaningOf(code)}${written(place)}`;
  return complete(message, code, syscall, place);
}

/** The form of a call that this stack has no way to serve: the reason stands in the message. */
export function unsupportedError(code: string, syscall: string, why: string): SystemError {
  return complete(`${syscall} ${code}: ${why}`, code, syscall, {});
}

/** Memory that was given to be sent is not there when its turn comes. */
export const lostMemoryError = (): SystemError =>
  unsupportedError('EFAULT', 'write', 'the memory was transferred away, or made smaller, too soon');

/** `connect` itself failed: the socket's name is told as it is then, `0.0.0.0:0` where nothing was chosen. */
export const callError = (code: string, remote: Place, local: Required<Place>): SystemError =>
  complete(
    `connect ${code}${written(remote)} - Local (${local.address}:${local.port})`,
    code,
    'connect',
    remote,
  );

/** A connection that could not be opened; `local` is told if both of it were chosen. */
export function connectError(code: string, remote: Place, local: Place = {}): SystemError {
  const chosen = local.address !== undefined && local.port !== undefined && local.port > 0;
  const note = chosen ? ` - Local (${local.address}:${local.port})` : '';
  const error = complete(`connect ${code}${written(remote)}${note}`, code, 'connect', remote);
  if (chosen && local.address !== undefined && local.port !== undefined) {
    error.localAddress = local.address;
    error.localPort = local.port;
  }
  return error;
}

/** An error of Node's own: `code` in the property and in the stack's first line. */
export interface CodedError extends Error {
  code: string;
}

type ErrorClass = new (message: string) => Error;

/** An error with a Node-like code, e.g. `coded(TypeError, 'ERR_MISSING_ARGS', '...')`. */
export function coded(Class: ErrorClass, code: string, message: string): CodedError {
  const error = new Class(message) as CodedError;
  const { name } = error;
  error.name = `${name} [${code}]`;
  void error.stack; // reading it fixes its first line, with the code in it
  Reflect.deleteProperty(error, 'name'); // and this uncovers the class's own again
  Object.defineProperty(error, 'toString', {
    value: () => `${name} [${code}]: ${error.message}`,
    configurable: true,
    writable: true,
  });
  error.code = code;
  return error;
}

/** How Node tells what it was given: `Received type number (7)`. */
export function received(value: unknown): string {
  if (value === null || value === undefined) return ` Received ${value}`;
  if (typeof value === 'function') return ` Received function ${value.name}`;
  if (typeof value === 'object') {
    const { name } = (value.constructor ?? {}) as { name?: string };
    return name ? ` Received an instance of ${name}` : ` Received ${inspect(value, { depth: -1 })}`;
  }
  let shown = inspect(value, { colors: false });
  if (shown.length > 28) shown = `${shown.slice(0, 25)}...`;
  return ` Received type ${typeof value} (${shown})`;
}

const either = (list: readonly string[]): string => {
  if (list.length < 3) return list.join(' or ');
  return `${list.slice(0, -1).join(', ')}, or ${list.at(-1)}`;
};

/** `ERR_INVALID_ARG_TYPE`; lower-case names are types, others classes. */
export function argTypeError(
  name: string,
  expected: string | string[],
  value: unknown,
): CodedError {
  const all = typeof expected === 'string' ? [expected] : expected;
  const types = all.filter((e) => /^[a-z]/.test(e));
  const classes = all.filter((e) => /^[A-Z]/.test(e));
  const parts: string[] = [];
  if (types.length > 0)
    parts.push(`${types.length > 1 ? 'one of type' : 'of type'} ${either(types)}`);
  if (classes.length > 0) parts.push(`an instance of ${either(classes)}`);
  const kind = name.includes('.') ? 'property' : 'argument';
  const message = `The "${name}" ${kind} must be ${parts.join(' or ')}.${received(value)}`;
  return coded(TypeError, 'ERR_INVALID_ARG_TYPE', message);
}

/** `ERR_INVALID_ARG_VALUE`. */
export function argValueError(name: string, value: unknown, reason = 'is invalid'): CodedError {
  let shown = inspect(value);
  if (shown.length > 128) shown = `${shown.slice(0, 128)}...`;
  const kind = name.includes('.') ? 'property' : 'argument';
  const message = `The ${kind} '${name}' ${reason}. Received ${shown}`;
  return coded(TypeError, 'ERR_INVALID_ARG_VALUE', message);
}

/** `ERR_OUT_OF_RANGE`. */
export function rangeError(name: string, range: string, value: unknown): CodedError {
  const message = `The value of "${name}" is out of range. It must be ${range}. Received ${inspect(value)}`;
  return coded(RangeError, 'ERR_OUT_OF_RANGE', message);
}

/** `ERR_MISSING_ARGS`. */
export function missingError(...names: string[]): CodedError {
  const shown = names.map((n) => `"${n}"`);
  return coded(
    TypeError,
    'ERR_MISSING_ARGS',
    `The ${shown.join(' or ')} argument must be specified`,
  );
}

/** `ERR_SOCKET_BAD_PORT`. */
export function portError(name: string, value: unknown, zero = true): CodedError {
  const operator = zero ? '>=' : '>';
  const message = `${name} should be ${operator} 0 and < 65536.${received(value)}.`;
  return coded(RangeError, 'ERR_SOCKET_BAD_PORT', message);
}

/** `ERR_SOCKET_BUFFER_SIZE`, with what the system call said. */
export function bufferSizeError(code: string, syscall: string): SystemError {
  const message = `Could not get or set buffer size: ${syscall} returned ${code} (${meaningOf(code)})`;
  const error = coded(Error, 'ERR_SOCKET_BUFFER_SIZE', message);
  const errno = errnoOf(code);
  const info = { errno, code, message: meaningOf(code), syscall };
  return Object.assign(error, { name: 'SystemError', info, errno, syscall });
}

/** `ERR_INVALID_IP_ADDRESS`. */
export const ipError = (value: unknown): CodedError =>
  coded(TypeError, 'ERR_INVALID_IP_ADDRESS', `Invalid IP address: ${value}`);

/** `ERR_INVALID_ADDRESS_FAMILY`. */
export function familyError(family: unknown, host: unknown, port: unknown): CodedError {
  const message = `Invalid address family: ${family} ${host}:${port}`;
  return Object.assign(coded(RangeError, 'ERR_INVALID_ADDRESS_FAMILY', message), { host, port });
}

/** What `AbortSignal` ends things with; `cause` is the signal's reason. */
export function abortError(cause: unknown): CodedError {
  const error = new Error('The operation was aborted', { cause }) as CodedError;
  error.name = 'AbortError';
  error.code = 'ABORT_ERR';
  return error;
}
