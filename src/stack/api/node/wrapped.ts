/**
 * TLS on a socket of the stack that Node would have made by itself: `tls.connect({ port, host })` gives one
 * socket, which connects and is secured. Here Node is given the socket below, and what that one tells while
 * it connects is told by the one above.
 *
 * Node documentation: "tls.connect()", "Class: tls.TLSSocket".
 * @module
 */
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
  const tried = raw.autoSelectFamilyAttemptedAddresses;
  return Object.assign(made, { autoSelectFamilyAttemptedAddresses: tried });
}
