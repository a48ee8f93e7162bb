/**
 * The callback interface to TCP, active side: a connection that this stack begins. RFC 9293 §3.10.1, active OPEN.
 * @module
 */
import type { Address } from '../../base/address.ts';
import type { Failure } from '../../base/failure.ts';
import type { Host } from '../../host/host.ts';
import type { Settings } from '../../tcp/tcb/settings.ts';
import { Connection, type ConnectionHandler } from './connection.ts';

export interface OpenOptions {
  readonly destination: Address;
  readonly port: number;
  /** The address to come from; the route's unless told. */
  readonly source?: Address;
  /** The port to come from; 0: any. */
  readonly sourcePort?: number;
  readonly settings?: Partial<Settings>;
}

/** Open a connection. A number if that fails at once: a `Failure`, and no handler is called. */
export function openConnection(
  host: Host,
  { destination, port, source, sourcePort, settings }: OpenOptions,
  handler: ConnectionHandler,
): Connection | Failure {
  const connection = new Connection(host, handler);
  const tcb = host.core.tcp.connect({
    destination,
    port,
    owner: connection,
    ...(source !== undefined && { source }),
    ...(sourcePort !== undefined && { sourcePort }),
    ...(settings && { settings }),
  });
  if (typeof tcb === 'number') return tcb;
  connection.begin(tcb);
  return connection;
}
