/**
 * What a stack tells `node:diagnostics_channel` of connections: that they are opened, established, reset
 * and closed. While nobody subscribes it costs a look at `hasSubscribers` an event. What is published is
 * in `messages.ts`.
 *
 * Node documentation: "Diagnostics Channel".
 * @module
 */
import { type Channel, channel } from 'node:diagnostics_channel';
import { Failure } from '../../base/failure.ts';
import type { SystemError } from '../door/errors.ts';

/** What a message says of a connection, besides the connection itself. */
interface Described {
  readonly accepted: boolean;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

const opened: Channel = channel('tunstack:connection:open');
const established: Channel = channel('tunstack:connection:established');
const reset: Channel = channel('tunstack:connection:reset');
const closed: Channel = channel('tunstack:connection:close');

const describe = (connection: Described) => ({
  connection,
  side: connection.accepted ? 'server' : 'client',
  localAddress: connection.localAddress,
  localPort: connection.localPort,
  remoteAddress: connection.remoteAddress,
  remotePort: connection.remotePort,
});

export function tellOpened(connection: Described): void {
  if (opened.hasSubscribers) opened.publish(describe(connection));
}

export function tellEstablished(connection: Described): void {
  if (established.hasSubscribers) established.publish(describe(connection));
}

/** `failure` is why an established connection is gone. */
export function tellReset(connection: Described, failure: Failure): void {
  if (!reset.hasSubscribers) return;
  if (failure !== Failure.RESET && failure !== Failure.ABORTED) return;
  const by = failure === Failure.RESET ? 'peer' : 'us';
  reset.publish({ ...describe(connection), by });
}

/** Whether anyone listens to `…:close`: otherwise no error need be made. */
export const someoneAsks = (): boolean => closed.hasSubscribers;

export function tellClosed(connection: Described, error: SystemError | undefined): void {
  const { bytesRead, bytesWritten } = connection;
  closed.publish({
    ...describe(connection),
    error,
    bytesRead,
    bytesWritten,
  });
}
