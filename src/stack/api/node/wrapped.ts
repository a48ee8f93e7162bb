/**
 * TLS on a socket of the stack that Node would have made by itself: `tls.connect({ port, host })` gives one
 * socket, which connects and is secured. Here Node is given the socket below, and what that one tells while
 * it connects is told by the one above.
 *
 * Node documentation: "tls.connect()", "Class: tls.TLSSocket".
 * @module
 */
import type { OnReadOpts } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Net } from '../net/net.ts';
import type { ConnectOptions } from '../net/options.ts';
import type { Socket } from '../net/socket.ts';

/** Events of a socket that connects, besides `connect`, which Node has from the socket below. */
const FORWARDED = [
  'lookup',
  'connectionAttempt',
  'connectionAttemptFailed',
  'connectionAttemptTimeout',
] as const;

/**
 * A TLS socket over a connection to where `options` say. `secure` makes it of the socket below; as in Node
 * nothing is begun before it has found its own options good.
 */
export function secureOver<Secure extends object | null | undefined>(
  net: Net,
  options: ConnectOptions,
  timeout: number | undefined,
  secure: (raw: Socket) => Secure,
): Secure {
  const raw = new net.Socket(options)._prepare();
  const made = secure(raw);
  const above = made as TLSSocket | undefined;
  if (!above || !made) return made;
  for (const name of FORWARDED) raw.on(name, (...values) => above.emit(name, ...values));
  raw.once('ready', () => {
    if (!above.destroyed) above.emit('ready');
  });
  if (timeout) above.setTimeout(timeout);
  if (!raw.destroyed) raw.connect(options as { port: number });
  // They come to be when a name has several addresses.
  const get = (): string[] => raw.autoSelectFamilyAttemptedAddresses;
  const enumerable = true;
  return Object.defineProperty(made, 'autoSelectFamilyAttemptedAddresses', { get, enumerable });
}

/** What Node keeps of a socket's `onread`, by the names of its symbols. */
const OWN = ['kBuffer', 'kBufferCb', 'kBufferGen'] as const;

/**
 * Give `secure` the option `onread`, which Node takes only from who lets it make the connection. Where Node
 * keeps it otherwise than from 20 to 24, text comes as `data`.
 */
export function readInto(secure: TLSSocket, onread: unknown): void {
  const { buffer, callback } = (onread ?? {}) as Partial<OnReadOpts>;
  const generated = typeof buffer === 'function';
  if (!(generated || buffer instanceof Uint8Array) || typeof callback !== 'function') return;
  const symbols = Object.getOwnPropertySymbols(secure);
  const [ours, call, generate] = OWN.map((name) => symbols.find((s) => s.description === name));
  const { _handle: handle } = secure as { _handle?: { useUserBuffer?(to: Uint8Array): void } };
  if (!ours || !call || !generate || !handle?.useUserBuffer) return;
  const first = generated ? buffer() : buffer;
  Object.assign(secure, { [ours]: first, [call]: callback, [generate]: generated ? buffer : null });
  handle.useUserBuffer(first);
}
