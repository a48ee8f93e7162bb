/**
 * The checks of arguments at the door, each throwing what Node throws for the same mistake.
 *
 * Node documentation: "Errors", `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE`, `ERR_SOCKET_BAD_PORT`.
 * @module
 */
import { emitWarning } from 'node:process';
import { argTypeError, coded, portError, rangeError } from './errors.ts';

/** A port, 0 to 65535, from a number or its text; `zero` false: from 1. */
export function checkPort(value: unknown, name = 'Port', zero = true): number {
  const port = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof port !== 'number' || port !== port >>> 0 || port > 65535 || (port === 0 && !zero)) {
    throw portError(name, value, zero);
  }
  return port;
}

export function checkNumber(value: unknown, name: string): asserts value is number {
  if (typeof value !== 'number') throw argTypeError(name, 'number', value);
}

/** A whole number from `min` to `max`. */
export function checkInteger(
  value: unknown,
  name: string,
  min: number,
  max: number,
): asserts value is number {
  checkNumber(value, name);
  if (!Number.isInteger(value)) throw rangeError(name, 'an integer', value);
  if (value < min || value > max) throw rangeError(name, `>= ${min} && <= ${max}`, value);
}

export function checkString(value: unknown, name: string): asserts value is string {
  if (typeof value !== 'string') throw argTypeError(name, 'string', value);
}

export function checkBoolean(value: unknown, name: string): asserts value is boolean {
  if (typeof value !== 'boolean') throw argTypeError(name, 'boolean', value);
}

export function checkBytes(value: unknown, name: string): asserts value is Uint8Array {
  if (!(value instanceof Uint8Array)) throw argTypeError(name, 'Uint8Array', value);
}

/** That `length` bytes of `bytes` from `at` are there. */
export function checkRange(bytes: Uint8Array, at: number, length: number): void {
  if (at >= 0 && length >= 0 && at + length <= bytes.length) return;
  const message = `${length} bytes from ${at} are not within the ${bytes.length} bytes given`;
  throw coded(RangeError, 'ERR_OUT_OF_RANGE', message);
}

type Callable = (...args: never[]) => unknown;

export function checkFunction(value: unknown, name: string): asserts value is Callable {
  if (typeof value !== 'function') throw argTypeError(name, 'function', value);
}

export function checkSignal(value: unknown, name: string): asserts value is AbortSignal {
  if (value === null || typeof value !== 'object' || !('aborted' in value)) {
    throw argTypeError(name, 'AbortSignal', value);
  }
}

export function checkObject(value: unknown, name: string): asserts value is object {
  if (value === null || typeof value !== 'object') throw argTypeError(name, 'object', value);
}

const LONGEST_TIMER = 2 ** 31 - 1;

/** A time in milliseconds for a timer; what is longer than a timer can be is cut, with a warning. */
export function checkMilliseconds(value: unknown, name: string): number {
  checkNumber(value, name);
  if (value < 0 || !Number.isFinite(value)) {
    throw rangeError(name, 'a non-negative finite number', value);
  }
  if (value <= LONGEST_TIMER) return value;
  emitWarning(
    `${value} does not fit into a 32-bit signed integer.\n` +
      `Timer duration was truncated to ${LONGEST_TIMER}.`,
    'TimeoutOverflowWarning',
  );
  return LONGEST_TIMER;
}

/** `ERR_SOCKET_BAD_BUFFER_SIZE`. */
export function checkBufferSize(value: unknown): number {
  if (typeof value === 'number' && value === value >>> 0) return value;
  throw coded(TypeError, 'ERR_SOCKET_BAD_BUFFER_SIZE', 'Buffer size must be a positive integer');
}
